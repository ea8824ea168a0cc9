import { type Evaluation, evaluate } from "../../evaluate.ts";
import type { Infeasible } from "../../feasibility.ts";
import type { Incumbent } from "../../planner.ts";
import type { Placement, Problem } from "../../problem.ts";

/** The best placement that `evaluate` allows, and what no one-way placement costs less than. */
export class Best {
  readonly #problem: Problem;
  #incumbent: Incumbent | null = null;
  /** The best of those offered, in order. */
  #starts: readonly Start[] = [];
  floor = 0;

  constructor(problem: Problem) {
    this.#problem = problem;
  }

  get incumbent(): Incumbent | null {
    return this.#incumbent;
  }

  /** Some of those offered, different ones, the best first and such as are not allowed last. */
  get starts(): readonly Placement[] {
    return this.#starts.map(({ placement }) => placement);
  }

  /** Whether it is proven that no one-way placement is better. */
  get isProven(): boolean {
    return this.#incumbent !== null && this.#incumbent.value <= this.floor * equality;
  }

  /** @returns whether it is better than all before */
  offer(placement: Placement, method: string): boolean {
    const found = evaluate(this.#problem, placement);
    this.#keep(placement, rankOf(found));
    if (found.type === "infeasible") return false;
    if (this.#incumbent !== null && found.value >= this.#incumbent.value) return false;
    this.#incumbent = { placement, value: found.value, bound: null, method };
    return true;
  }

  /** Behind those that are as good: the first offered of equal ones stay. */
  #keep(placement: Placement, rank: Rank): void {
    const better = this.#starts.filter((start) => !isBelow(rank, start.rank));
    if (better.length === mostStarts) return;
    const isKnown = better.some(
      (start) => !isBelow(start.rank, rank) && isSame(start.placement, placement),
    );
    if (isKnown) return;
    const worse = this.#starts.slice(better.length);
    this.#starts = [...better, { placement, rank }, ...worse].slice(0, mostStarts);
  }
}

/** Placements from which moves may start. */
const mostStarts = 8;

interface Start {
  readonly placement: Placement;
  readonly rank: Rank;
}

function isSame(one: Placement, other: Placement): boolean {
  return one.every((device, node) => other[node] === device);
}

/** What is compared: the value, then the latency. */
export type Rank = readonly [number, number];

/** Infinite for a placement that is not allowed. */
export function rankOf(found: Evaluation | Infeasible): Rank {
  if (found.type === "infeasible") return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return [found.value, found.latencySeconds];
}

/** By more than rounding, so that moves there and back end. */
export function isBelow(one: Rank, other: Rank): boolean {
  const limit = 1 - 1e-12;
  if (one[0] < other[0] * limit) return true;
  return one[0] <= other[0] && one[1] < other[1] * limit;
}

/** Values within this of each other are equal. */
const equality = 1 + 1e-9;
