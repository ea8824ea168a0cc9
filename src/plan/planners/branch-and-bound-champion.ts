import { evaluate } from "../evaluate.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import type { Placement } from "../problem.ts";
import type { SearchSpace } from "../search-space.ts";

/** Values that differ by no more than this, relative, are not worth a search. */
const equality = 1e-10;

/** The best placement so far, and of those that are not allowed the closest to being so. */
export class Champion {
  readonly #space: SearchSpace;
  #placement: Placement | null = null;
  #value = Number.POSITIVE_INFINITY;
  #bound = Number.NEGATIVE_INFINITY;
  #closest: Infeasible | null = null;
  #excess = Number.POSITIVE_INFINITY;
  readonly #ceiling: number;

  constructor(space: SearchSpace) {
    this.#space = space;
    this.#ceiling = ceilingOf(space);
  }

  /** A set of placements whose bound reaches this holds nothing that is better. */
  get cutoff(): number {
    return this.#placement === null
      ? this.#ceiling
      : this.#value - equality * Math.abs(this.#value);
  }

  get found(): boolean {
    return this.#placement !== null;
  }

  get closest(): Infeasible | null {
    return this.#closest;
  }

  /** Evaluates a placement and keeps it if it is the best. */
  challenge(placement: Placement): boolean {
    const found = evaluate(this.#space.problem, placement);
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
    this.#placement = placement;
    return true;
  }

  /** @param open a bound of everything that has not been searched yet */
  best(open: number): Incumbent | null {
    if (this.#placement === null) return null;
    this.#bound = Math.max(this.#bound, Math.min(open, this.cutoff));
    const bound = Math.max(0, Math.min(this.#bound, this.#value));
    return { placement: this.#placement, value: this.#value, bound };
  }
}

/** More than any placement costs: a bound above it proves that there is none. */
function ceilingOf({ problem, objective, nodes }: SearchSpace): number {
  let most = 1;
  for (let node = 0; node < nodes; node++) {
    let dearest = 0;
    problem.devices.forEach((_, device) => {
      const cost = objective.node[device * nodes + node] as number;
      if (Number.isFinite(cost)) dearest = Math.max(dearest, cost);
    });
    most += dearest;
  }
  for (const cost of objective.hop) if (Number.isFinite(cost)) most += cost;
  return 2 * most;
}

/** How far a limit is exceeded, relative. */
function excessOf({ witness }: Infeasible): number {
  const value = Number(witness["neededBytes"] ?? witness["value"] ?? Number.NaN);
  const allowed = Number(witness["memoryBytes"] ?? witness["allowed"] ?? Number.NaN);
  const excess = (value - allowed) / Math.max(allowed, 1e-12);
  return Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
}
