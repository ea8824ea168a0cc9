import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import type { Placement, Problem } from "../../problem.ts";

/** The best placement that `evaluate` allows, and what no one-way placement costs less than. */
export class Best {
  readonly #problem: Problem;
  #incumbent: Incumbent | null = null;
  readonly #tried: Placement[] = [];
  floor = 0;

  constructor(problem: Problem) {
    this.#problem = problem;
  }

  get incumbent(): Incumbent | null {
    return this.#incumbent;
  }

  /** All that was offered, the allowed ones and the others. */
  get tried(): readonly Placement[] {
    return this.#tried;
  }

  /** Whether it is proven that no one-way placement is better. */
  get isProven(): boolean {
    return this.#incumbent !== null && this.#incumbent.value <= this.floor * equality;
  }

  /** @returns whether it is better than all before */
  offer(placement: Placement, method: string): boolean {
    this.#tried.push(placement);
    const found = evaluate(this.#problem, placement);
    if (found.type === "infeasible") return false;
    if (this.#incumbent !== null && found.value >= this.#incumbent.value) return false;
    this.#incumbent = { placement, value: found.value, bound: null, method };
    return true;
  }
}

/** Values within this of each other are equal. */
const equality = 1 + 1e-9;
