/**
 * Seeded pseudo-random numbers: the only source of chance in portable code.
 *
 * @module
 */

export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform whole number in [0, bound). */
  integer(bound: number): number;
  /** Uniform element. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * A generator that gives the same numbers for the same seed on every machine (sfc32, period at
 * least 2^32).
 *
 * @see Doty-Humphrey, PractRand: "sfc" generators
 */
export function createRandom(seed: number): Random {
  const state = new Uint32Array([seed, seed / 2 ** 32, 0x9e3779b9, 1]);
  const random: Random = {
    next: () => step(state) / 2 ** 32,
    integer: (bound) => Math.floor(random.next() * bound),
    pick: (items) => items[random.integer(items.length)] as (typeof items)[number],
    shuffle: (items) => shuffled(items, random),
  };
  for (let round = 0; round < 15; round++) step(state);
  return random;
}

function step(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, counter = 0] = state;
  const result = (a + b + counter) >>> 0;
  state[3] = counter + 1;
  state[0] = b ^ (b >>> 9);
  state[1] = c + (c << 3);
  state[2] = ((c << 21) | (c >>> 11)) + result;
  return result;
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
  }
  return copy;
}
