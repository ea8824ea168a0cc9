/** Weighted points of which every coordinate is better the larger it is. */
export interface WeightedPoints {
  /** Sum to 1. */
  readonly weights: Float64Array;
  /** Shape [points, width], row by row. */
  readonly values: Float64Array;
  readonly width: number;
}

/** How much of the weight that may be left out goes in one step. */
const portions = [1, 1 / 3, 1 / 10, 1 / 40];
/** Kept free, relative, since sums of weights are rounded. */
const rounding = 2e-9;

/**
 * A point m such that points of more weight than 1 − quantile are at least m in every coordinate.
 *
 * A function that never falls when a coordinate rises is at least as large as at m in all of these
 * points, so that its quantile is no less than its value at m. With one coordinate, or points that
 * are ordered in all of them at once, m is the quantile itself.
 *
 * Of the many m this is one where `worth` is large: coordinates are raised in turn, always the one
 * that gains the most for the weight of the points that it leaves below.
 * O(points · width · steps) time.
 *
 * @param worth never falls when a coordinate rises
 */
export function lowPoint(
  points: WeightedPoints,
  quantile: number,
  worth: (point: Float64Array) => number,
): Float64Array {
  const sorted = Array.from({ length: points.width }, (_, axis) => orderAlong(points, axis));
  let best = new Float64Array(points.width);
  let highest = Number.NEGATIVE_INFINITY;
  for (const portion of portions) {
    const peel = new Peel(points, sorted, quantile * (1 - rounding));
    const point = peel.run(worth, portion * quantile);
    const value = worth(point);
    if (value <= highest) continue;
    highest = value;
    best = point;
  }
  return best;
}

function orderAlong({ values, width, weights }: WeightedPoints, axis: number): Uint32Array {
  const value = (point: number): number => values[point * width + axis] as number;
  return Uint32Array.from(weights.keys()).sort((a, b) => value(a) - value(b) || a - b);
}

/** What raising one coordinate would do. */
interface Raise {
  readonly axis: number;
  readonly value: number;
  readonly lost: number;
}

class Peel {
  readonly #points: WeightedPoints;
  readonly #sorted: readonly Uint32Array[];
  readonly #alive: Uint8Array;
  #point: Float64Array<ArrayBuffer>;
  #room: number;

  constructor(points: WeightedPoints, sorted: readonly Uint32Array[], room: number) {
    this.#points = points;
    this.#sorted = sorted;
    this.#alive = new Uint8Array(points.weights.length).fill(1);
    this.#room = room;
    this.#point = this.#least();
  }

  /** @param portion weight left out in one step, at most; less where no room is left for it */
  run(worth: (point: Float64Array) => number, portion: number): Float64Array<ArrayBuffer> {
    for (let most = portion; most > 1e-9; ) {
      const raise = this.#best(worth, Math.min(most, this.#room));
      if (raise === null) most /= 4;
      else this.#apply(raise);
    }
    return this.#point;
  }

  #best(worth: (point: Float64Array) => number, most: number): Raise | null {
    const now = worth(this.#point);
    let best: Raise | null = null;
    let rate = 0;
    for (let axis = 0; axis < this.#point.length; axis++) {
      const raise = this.#raise(axis, most);
      if (raise === null) continue;
      const point = this.#point.slice();
      point[axis] = raise.value;
      const gain = (worth(point) - now) / raise.lost;
      if (gain <= rate) continue;
      rate = gain;
      best = raise;
    }
    return best;
  }

  /** As far up as the weight allows; `null`: not even to the next value. */
  #raise(axis: number, most: number): Raise | null {
    let lost = 0;
    let reached: Raise | null = null;
    let last = this.#point[axis] as number;
    for (const member of this.#sorted[axis] as Uint32Array) {
      if (this.#alive[member] === 0) continue;
      const value = this.#value(member, axis);
      if (value > last && lost > 0) reached = { axis, value, lost };
      last = value;
      lost += this.#points.weights[member] as number;
      if (lost >= most) break;
    }
    return reached;
  }

  #apply({ axis, value, lost }: Raise): void {
    for (const member of this.#sorted[axis] as Uint32Array) {
      if (this.#value(member, axis) >= value) break;
      this.#alive[member] = 0;
    }
    this.#room -= lost;
    this.#point = this.#least();
  }

  #value(member: number, axis: number): number {
    return this.#points.values[member * this.#points.width + axis] as number;
  }

  #least(): Float64Array<ArrayBuffer> {
    const { width, weights } = this.#points;
    const least = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
    for (let member = 0; member < weights.length; member++) {
      if (this.#alive[member] === 0) continue;
      for (let axis = 0; axis < width; axis++) {
        const value = this.#value(member, axis);
        if (value < (least[axis] as number)) least[axis] = value;
      }
    }
    return least;
  }
}
