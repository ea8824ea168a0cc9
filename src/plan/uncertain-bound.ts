import { costOf, type SetLine, type StateSet } from "./state-set.ts";

/** How much of the weight that may be left out goes in one step. */
const portions = [1, 1 / 3, 1 / 10, 1 / 40];
/** Kept free, relative, since sums of weights are rounded. */
const rounding = 2e-9;

/**
 * A state of the world that bounds a quantile of every placement's cost from below.
 *
 * Costs never fall when 1 ÷ bandwidth or a slow-down rises. So if states of more weight than
 * 1 − quantile are at least m in every parameter, then every placement costs at least as much as at
 * m in these, and its quantile is no less than its cost at m; the best cost at m is a bound for all
 * placements. With one varying parameter, or states that are ordered in all of them at once, m is
 * the quantile itself and the bound is reached.
 *
 * Of the many m this is one where some known lines cost much: parameters are raised in turn, always
 * the one that gains the most for the weight of the states that it leaves below.
 * O(states · parameters · steps) time.
 *
 * @param lines of good placements
 */
export function lowState(set: StateSet, quantile: number, lines: readonly SetLine[]): Float64Array {
  const surrogate = (vector: Float64Array): number =>
    Math.min(...lines.map((line) => costOf(line, vector)));
  const sorted = set.parameters.map((_, parameter) =>
    set.order(Float64Array.from(set.weights, (_, state) => set.value(state, parameter))),
  );
  let best = new Float64Array(set.parameters.length);
  let highest = Number.NEGATIVE_INFINITY;
  for (const portion of portions) {
    const peel = new Peel(set, sorted, quantile * (1 - rounding));
    const vector = peel.run(surrogate, portion * quantile);
    const value = surrogate(vector);
    if (value <= highest) continue;
    highest = value;
    best = vector;
  }
  return best;
}

/** What raising one parameter would do. */
interface Raise {
  readonly parameter: number;
  readonly value: number;
  readonly lost: number;
}

class Peel {
  readonly #set: StateSet;
  readonly #sorted: readonly Uint32Array[];
  readonly #alive: Uint8Array;
  #vector: Float64Array<ArrayBuffer>;
  #room: number;

  constructor(set: StateSet, sorted: readonly Uint32Array[], room: number) {
    this.#set = set;
    this.#sorted = sorted;
    this.#alive = new Uint8Array(set.size).fill(1);
    this.#room = room;
    this.#vector = this.#least();
  }

  /** @param portion weight left out in one step, at most; less where no room is left for it */
  run(surrogate: (vector: Float64Array) => number, portion: number): Float64Array<ArrayBuffer> {
    for (let most = portion; most > 1e-9; ) {
      const raise = this.#best(surrogate, Math.min(most, this.#room));
      if (raise === null) most /= 4;
      else this.#apply(raise);
    }
    return this.#vector;
  }

  #best(surrogate: (vector: Float64Array) => number, most: number): Raise | null {
    const now = surrogate(this.#vector);
    let best: Raise | null = null;
    let rate = 0;
    for (let parameter = 0; parameter < this.#vector.length; parameter++) {
      const raise = this.#raise(parameter, most);
      if (raise === null) continue;
      const vector = this.#vector.slice();
      vector[parameter] = raise.value;
      const gain = (surrogate(vector) - now) / raise.lost;
      if (gain <= rate) continue;
      rate = gain;
      best = raise;
    }
    return best;
  }

  /** As far up as the weight allows; `null`: not even to the next value. */
  #raise(parameter: number, most: number): Raise | null {
    let lost = 0;
    let reached: Raise | null = null;
    let last = this.#vector[parameter] as number;
    for (const state of this.#sorted[parameter] as Uint32Array) {
      if (this.#alive[state] === 0) continue;
      const value = this.#set.value(state, parameter);
      if (value > last && lost > 0) reached = { parameter, value, lost };
      last = value;
      lost += this.#set.weights[state] as number;
      if (lost >= most) break;
    }
    return reached;
  }

  #apply({ parameter, value, lost }: Raise): void {
    for (const state of this.#sorted[parameter] as Uint32Array) {
      if (this.#set.value(state, parameter) >= value) break;
      this.#alive[state] = 0;
    }
    this.#room -= lost;
    this.#vector = this.#least();
  }

  #least(): Float64Array<ArrayBuffer> {
    const least = new Float64Array(this.#set.parameters.length).fill(Number.POSITIVE_INFINITY);
    for (let state = 0; state < this.#set.size; state++) {
      if (this.#alive[state] === 0) continue;
      this.#set.vector(state).forEach((value, parameter) => {
        if (value < (least[parameter] as number)) least[parameter] = value;
      });
    }
    return least;
  }
}
