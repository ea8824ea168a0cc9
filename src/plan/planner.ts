/**
 * Planner: an algorithm from problem to placement.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import type { Infeasible } from "./feasibility.ts";
import type { Placement, Problem } from "./problem.ts";

/** The best placement so far. */
export interface Incumbent {
  readonly placement: Placement;
  /** As `evaluate` says. */
  readonly value: number;
  /** No allowed placement has a smaller value; `null`: nothing is proven. */
  readonly bound: number | null;
}

/** Placements among which a planner that ran to its end is never beaten; `null`: it promises nothing. */
export type PlannerClass = "all" | "one-way" | "chain-cuts" | "one-device" | "chains-of-pieces";

export interface Tools {
  readonly random: Random;
}

export interface Planner {
  readonly name: string;
  readonly optimalAmong: PlannerClass | null;
  /** `null` if the planner can answer the problem, else what it cannot do. */
  refuses(problem: Problem): string | null;
  /**
   * Yields better and better incumbents and returns the last; deterministic for a seed. Synchronous:
   * the caller may stop asking at any time and keep the last incumbent.
   */
  plan(problem: Problem, tools: Tools): Generator<Incumbent, Incumbent | Infeasible>;
}
