/**
 * One planner's answer to one problem, checked, with the time that it took.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { LinearSolver } from "../plan/linear-solver.ts";
import { objectiveValue } from "../plan/objective.ts";
import type { Plan } from "../plan/plan.ts";
import type { Planner } from "../plan/planner.ts";
import type { Problem } from "../plan/problem.ts";
import { runPlanner } from "../plan/run-planner.ts";

/** `plan` is `null` if the planner refused, or found no allowed placement: then there is a reason. */
export interface Answer {
  readonly planner: string;
  /** What the objective compares, in seconds or joules; `null` without a plan. */
  readonly value: number | null;
  /** As proven by this planner. */
  readonly bound: number | null;
  readonly decisionSeconds: number;
  readonly plan: Plan | null;
  readonly reason?: string;
}

export interface AnswerOptions {
  readonly clock: Clock;
  readonly solver?: LinearSolver;
  readonly seed?: number;
  /** After which the planner is stopped with its best; default: never. */
  readonly limitSeconds?: number;
}

/**
 * Asks a planner, evaluates and checks what it says.
 *
 * @throws PLAN_INVALID if the planner's answer does not hold
 */
export function answerOf(planner: Planner, problem: Problem, options: AnswerOptions): Answer {
  const { clock, solver, seed = 1, limitSeconds } = options;
  const started = clock.now();
  const found = runPlanner(planner, problem, {
    seed,
    clock,
    ...(solver === undefined ? {} : { solver }),
    ...(limitSeconds === undefined ? {} : { timeLimitSeconds: limitSeconds }),
  });
  if ("type" in found) {
    const decisionSeconds = clock.now() - started;
    const { reason } = found;
    return { planner: planner.name, value: null, bound: null, decisionSeconds, plan: null, reason };
  }
  const { bound, decisionSeconds } = found;
  const value = objectiveValue(problem.objective, found.claimed);
  return { planner: planner.name, value, bound, decisionSeconds, plan: found };
}
