import type { AdditiveCosts } from "../../additive.ts";
import type { Infeasible } from "../../feasibility.ts";
import type { Incumbent } from "../../planner.ts";
import type { Placement, Problem } from "../../problem.ts";
import type { SearchSpace } from "../../search-space.ts";

/** Values that differ by no more than this, relative, are not worth a search. */
const equality = 1e-10;

/** The best placement so far, and of those that are not allowed the closest to being so. */
export class Champion {
  #placement: Placement | null = null;
  #value = Number.POSITIVE_INFINITY;
  #bound = Number.NEGATIVE_INFINITY;
  #closest: Infeasible | null = null;
  #excess = Number.POSITIVE_INFINITY;
  readonly #ceiling: number;
  #method = "";

  /** @param ceiling more than any placement costs: a bound above it proves that there is none */
  constructor(ceiling: number) {
    this.#ceiling = ceiling;
  }

  /** What found or proved the last of `best`. */
  get method(): string {
    return this.#method;
  }

  /** A set of placements whose bound reaches this holds nothing that is better. */
  get cutoff(): number {
    return this.#placement === null
      ? this.#ceiling
      : this.#value - equality * Math.abs(this.#value);
  }

  get placement(): Placement | null {
    return this.#placement;
  }

  get found(): boolean {
    return this.#placement !== null;
  }

  get closest(): Infeasible | null {
    return this.#closest;
  }

  /** Evaluates a placement of a space and keeps it if it is the best. */
  challenge(placement: Placement, space: SearchSpace): boolean {
    const judged = space.judge(placement);
    if (judged === null) return false;
    const { found } = judged;
    if (found.type === "infeasible") {
      const excess = excessOf(found);
      if (excess < this.#excess) {
        this.#excess = excess;
        this.#closest = found;
      }
      this.#closest ??= found;
      return false;
    }
    if (found.value >= this.#value) return false;
    this.#value = found.value;
    this.#placement = judged.placement;
    return true;
  }

  /**
   * @param open a bound of everything that has not been searched yet
   * @param method what the search does now
   */
  best(open: number, method: string): Incumbent | null {
    this.#method = method;
    if (this.#placement === null) return null;
    this.#bound = Math.max(this.#bound, Math.min(open, this.cutoff));
    const bound = Math.max(0, Math.min(this.#bound, this.#value));
    return { placement: this.#placement, value: this.#value, bound, method };
  }
}

/** More than any placement costs: every node at its dearest, every tensor over every link. */
export function ceilingOf(problem: Problem, costs: AdditiveCosts): number {
  const { devices, hops, index, linkBytes } = problem;
  let most = 1;
  index.graph.nodes.forEach((_, node) => {
    const dearest = devices.map((_, device) => costs.node(device, node)).filter(Number.isFinite);
    most += Math.max(0, ...dearest);
  });
  const everywhere = new Map<number, number>();
  linkBytes.forEach((_, tensor) => {
    if (problem.private.has(tensor)) return;
    const sample = hops.sampleOf(tensor);
    const known =
      everywhere.get(sample) ??
      hops.links.reduce((sum, _, link) => sum + costs.hop(tensor, link), 0);
    everywhere.set(sample, known);
    most += known;
  });
  return 2 * most;
}

/** How far a limit is exceeded, relative. */
function excessOf({ witness }: Infeasible): number {
  const value = Number(witness["neededBytes"] ?? witness["value"] ?? Number.NaN);
  const allowed = Number(witness["memoryBytes"] ?? witness["allowed"] ?? Number.NaN);
  const excess = (value - allowed) / Math.max(allowed, 1e-12);
  return Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
}
