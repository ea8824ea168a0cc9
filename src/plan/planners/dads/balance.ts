import type { DevicePair } from "../../device-pair.ts";
import type { Problem } from "../../problem.ts";
import { loadsOf, type Resource } from "../../resources.ts";
import type { Best } from "./best.ts";
import { createPairCut, type PairCut } from "./pair-cut.ts";
import { usesOf, weigh } from "./weigh.ts";

/** Parts into which the weight of one is divided among device, links and server. */
const gridSteps = 6;
/** Cuts with weights that follow the loads, after those of the grid. */
const rounds = 24;

/**
 * The heavy-load heuristic: cuts that minimise weighted sums of the loads, each judged by its largest.
 *
 * First a grid of weights on the near device, everything between, and the far device; then weights
 * that grow where the last cut has its largest load. With weights that add up to one a weighted sum
 * is never above the largest load, so that each minimum is a floor under all one-way periods; and the
 * cut of equal weights is within a factor of as many loads as there are: three where nothing comes
 * back. One minimum cut for each of some 50 weights.
 *
 * @returns the floor; every cut found is offered to `best`
 * @see Hu, Bao, Wang and Liu, "Dynamic adaptive DNN surgery for inference acceleration on the edge",
 * INFOCOM 2019, for the ratio of three; the search over weights was worked out anew
 */
export function* balance(problem: Problem, pair: DevicePair, best: Best): Generator<null, number> {
  const loads = loadsOf(problem, 1);
  const course = new Course(problem, pair, loads, best);
  for (const device of new Set([pair.near, pair.far])) {
    course.see(problem.index.graph.nodes.map(() => device));
  }
  if (best.incumbent !== null) course.see(best.incumbent.placement);
  // With equal weights again for as long as the cut has a load that no placement had before.
  for (let known = -1; known < course.seen && !course.isOver; ) {
    known = course.seen;
    course.try(loads.map(() => 1));
    yield null;
  }
  const isBetween = loads.map((_, load) => load !== pair.near && load !== pair.far);
  for (const [near, between, far] of grid()) {
    course.try(
      loads.map((_, load) => {
        if (isBetween[load] === true) return between;
        return load === pair.near ? near : far;
      }),
    );
    yield null;
    if (course.isOver) return course.floor;
  }
  let weights = course.bestWeights;
  for (let round = 1; round <= rounds && !course.isOver; round++) {
    const uses = course.try(weights);
    yield null;
    if (uses === null) break;
    const largest = Math.max(...uses);
    const pull = 2 / Math.sqrt(round);
    weights = weights.map(
      (weight, load) =>
        Math.max(weight, 1e-3) * Math.exp((pull * (uses[load] as number)) / largest),
    );
  }
  return course.floor;
}

function grid(): [number, number, number][] {
  const points: [number, number, number][] = [];
  for (let near = 0; near <= gridSteps; near++) {
    for (let far = 0; near + far <= gridSteps; far++) {
      points.push([near / gridSteps, (gridSteps - near - far) / gridSteps, far / gridSteps]);
    }
  }
  return points;
}

/** What is known of the weights tried so far. */
class Course {
  readonly #problem: Problem;
  readonly #loads: readonly Resource[];
  readonly #best: Best;
  readonly #cut: PairCut;
  /** Loads that were above zero: weight on any other is wasted. */
  readonly #seen: boolean[];
  #impossible = false;
  floor = 0;
  bestWeights: readonly number[];

  constructor(problem: Problem, pair: DevicePair, loads: readonly Resource[], best: Best) {
    this.#problem = problem;
    this.#loads = loads;
    this.#best = best;
    this.#cut = createPairCut(problem, weigh(problem, []), pair, "up");
    this.#seen = loads.map(() => false);
    this.bestWeights = loads.map(() => 1 / loads.length);
  }

  /** How many loads were above zero in some placement. */
  get seen(): number {
    return this.#seen.filter((isSeen) => isSeen).length;
  }

  get isOver(): boolean {
    const value = this.#best.incumbent?.value ?? Number.POSITIVE_INFINITY;
    return this.#impossible || value <= this.floor;
  }

  see(placement: readonly number[]): number[] | null {
    const uses = usesOf(this.#problem, this.#loads, placement);
    uses?.forEach((seconds, load) => {
      if (seconds > 0 && Number.isFinite(seconds)) this.#seen[load] = true;
    });
    return uses;
  }

  /** Cuts with weights in any scale, and offers the cut. */
  try(given: readonly number[]): number[] | null {
    const weights = given.map((weight, load) => (this.#seen[load] === true ? weight : 0));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (sum === 0) return null;
    const terms = this.#loads.map(
      (load, position) => [load, (weights[position] as number) / sum] as const,
    );
    const found = this.#cut.solve(weigh(this.#problem, terms));
    if (found === null) {
      this.#impossible = true;
      this.floor = Number.POSITIVE_INFINITY;
      return null;
    }
    if (found.bound > this.floor) {
      this.floor = found.bound;
      this.bestWeights = weights;
    }
    this.#best.offer(found.placement, "weighted cuts");
    return this.see(found.placement);
  }
}
