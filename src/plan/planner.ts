/**
 * Planner: an algorithm from problem to placement.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import type { CodecChoice } from "../cost/hops.ts";
import type { Infeasible } from "./feasibility.ts";
import type { LinearSolver } from "./linear-solver.ts";
import type { Placement, Problem } from "./problem.ts";
import type { TileStage } from "./tiles.ts";

/** The best placement so far. */
export interface Incumbent {
  readonly placement: Placement;
  /** As `evaluate` says. */
  readonly value: number;
  /** No allowed placement has a smaller value; `null`: nothing is proven. */
  readonly bound: number | null;
  /** Stages that several devices run together; only where the problem's limits allow `tiles`. */
  readonly tiles?: readonly TileStage[];
  /** Codecs other than those of the problem. */
  readonly codecs?: CodecChoice;
  /** Which algorithm found it, in a few words. */
  readonly method?: string;
  /** The class in which it is proven to be the best, where the planner can promise no larger one. */
  readonly bestAmong?: PlannerClass;
}

/** Placements among which a planner that ran to its end is never beaten; `null`: it promises nothing. */
export type PlannerClass =
  | "all"
  | "one-way"
  | "chain-cuts"
  | "one-device"
  | "chains-of-pieces"
  /** Chains of stages between a graph's pieces, shared by rows or not, and all unshared placements. */
  | "shared-chains";

export interface Tools {
  readonly random: Random;
  /** For bounds by linear programmes; without it planners do with weaker ones. */
  readonly solver?: LinearSolver;
}

export type Planning = Generator<Incumbent | null, Incumbent | Infeasible>;

export interface Planner {
  readonly name: string;
  readonly optimalAmong: PlannerClass | null;
  /** Whether what it proves also holds against stages that several devices run together. Default: no. */
  readonly knowsTiles?: boolean;
  /** `null` if the planner can answer the problem, else what it cannot do. */
  refuses(problem: Problem): string | null;
  /**
   * Yields better and better incumbents, `null` while there is none, and returns the last;
   * deterministic for a seed. Synchronous: yields often enough for the caller to stop at any time and
   * keep the last incumbent.
   */
  plan(problem: Problem, tools: Tools): Planning;
}
