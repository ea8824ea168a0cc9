import { lowPoint, type WeightedPoints } from "./low-point.ts";
import { costOf, type SetLine, type StateSet } from "./state-set.ts";

/** How a cone was cut out of its parent: a ray replaced by the one halfway to another. */
interface Cut {
  readonly replaced: number;
  readonly other: number;
}

/** A negative coordinate up to this, relative, is rounding. */
const rounding = 1e-9;
/**
 * The cost lines whose factors are sums of multiples, none negative, of a few rays, as many as there
 * are parameters.
 *
 * For thresholds that states of more weight than 1 − quantile reach along all rays at once, the
 * quantile of a line Σ α · ray is at least Σ α · threshold, however the α are. The narrower a cone
 * is, the less that loses.
 */
export class Cone {
  readonly rays: readonly Float64Array[];
  /** Of each ray; see above. */
  readonly thresholds: Float64Array;
  readonly #set: StateSet;
  readonly #quantile: number;
  readonly #cuts: readonly Cut[];
  readonly #points: WeightedPoints;

  private constructor(
    set: StateSet,
    quantile: number,
    rays: readonly Float64Array[],
    cuts: readonly Cut[],
    lines: readonly SetLine[],
  ) {
    this.#set = set;
    this.#quantile = quantile;
    this.#cuts = cuts;
    this.rays = rays;
    this.#points = along(set, rays);
    const inside = lines.flatMap((line) => this.within(line) ?? []);
    // Without any line inside, the ray in the middle stands for all.
    const middle = { constant: 0, factors: new Float64Array(rays.length).fill(1) };
    const worth = (point: Float64Array): number =>
      Math.min(...(inside.length === 0 ? [middle] : inside).map((line) => costOf(line, point)));
    this.thresholds = lowPoint(this.#points, quantile, worth);
  }

  /** All lines: one ray for each parameter. @param lines good ones, for the choice of thresholds */
  static whole(set: StateSet, quantile: number, lines: readonly SetLine[]): Cone {
    const rays = set.means.map((mean) => 1 / mean);
    const units = Array.from(rays, (length, axis) => {
      const ray = new Float64Array(rays.length);
      ray[axis] = length;
      return ray;
    });
    return new Cone(set, quantile, units, [], lines);
  }

  /** The line in multiples of the rays; `null`: outside. */
  within({ constant, factors }: SetLine): SetLine | null {
    const coordinates = this.#coordinatesOf(factors);
    const most = coordinates.reduce((sum, value) => sum + Math.abs(value), 0);
    if (coordinates.some((value) => value < -rounding * most)) return null;
    return { constant, factors: coordinates.map((value) => Math.max(0, value)) };
  }

  /** Two halves, cut across the two rays that are furthest apart. @param lines as for `whole` */
  split(lines: readonly SetLine[]): readonly [Cone, Cone] | null {
    const [first, second] = this.#furthest();
    if (second === undefined || first === undefined) return null;
    const between = (this.rays[first] as Float64Array).map(
      (value, axis) => (value + ((this.rays[second] as Float64Array)[axis] as number)) / 2,
    );
    const child = (replaced: number, other: number): Cone => {
      const rays = this.rays.map((ray, at) => (at === replaced ? between : ray));
      return new Cone(this.#set, this.#quantile, rays, [...this.#cuts, { replaced, other }], lines);
    };
    return [child(first, second), child(second, first)];
  }

  #furthest(): number[] {
    let best: number[] = [];
    let most = 0;
    this.rays.forEach((ray, first) => {
      this.rays.slice(first + 1).forEach((other, offset) => {
        const distance = ray.reduce((sum, value, axis) => {
          const part = (value - (other[axis] as number)) * (this.#set.means[axis] as number);
          return sum + part * part;
        }, 0);
        if (distance <= most) return;
        most = distance;
        best = [first, first + 1 + offset];
      });
    });
    return best;
  }

  #coordinatesOf(factors: Float64Array): Float64Array {
    const means = this.#set.means;
    const coordinates = factors.map((factor, axis) => factor * (means[axis] as number));
    for (const { replaced, other } of this.#cuts) {
      const old = coordinates[replaced] as number;
      coordinates[replaced] = 2 * old;
      coordinates[other] = (coordinates[other] as number) - old;
    }
    return coordinates;
  }
}

/** How far each state reaches along each ray. */
function along(set: StateSet, rays: readonly Float64Array[]): WeightedPoints {
  const width = rays.length;
  const values = new Float64Array(set.size * width);
  for (let state = 0; state < set.size; state++) {
    rays.forEach((factors, ray) => {
      values[state * width + ray] = costOf({ constant: 0, factors }, set.vector(state));
    });
  }
  return { weights: set.weights, values, width };
}
