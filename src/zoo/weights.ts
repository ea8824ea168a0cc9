/**
 * Seeded weights: the same seed and name give the same bytes on every machine.
 *
 * @module
 */

/**
 * Numbers uniform in [low, high) for the weight of this name, independent of every other name.
 *
 * The generator is inlined because large networks have 10⁸ weights: about 3 ns each.
 *
 * @see Doty-Humphrey, PractRand: "sfc32"
 */
export function uniform(
  seed: number,
  name: string,
  count: number,
  low: number,
  high: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  const middle = (low + high) / 2;
  const step = (high - low) / 2 ** 32;
  let a = seed | 0;
  let b = hash(name);
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  for (let index = -warmUp; index < count; index++) {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    if (index >= 0) values[index] = middle + sum * step;
  }
  return values;
}

/** Rounds after which the state no longer shows how alike two seeds were. */
const warmUp = 15;

/** 32-bit FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value;
}
