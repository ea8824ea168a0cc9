import type { Clock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import { formatQuantity } from "../base/units.ts";
import { check } from "./check.ts";
import { leavesCodecsOpen, withCodecs } from "./codecs.ts";
import { evaluate } from "./evaluate.ts";
import { type Infeasible, infeasible } from "./feasibility.ts";
import type { LinearSolver } from "./linear-solver.ts";
import { makePlan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";
import type { Incumbent, Planner, PlannerClass } from "./planner.ts";
import type { Problem } from "./problem.ts";
import { rising } from "./rising.ts";

export interface PlannerRun {
  readonly seed: number;
  readonly clock: Clock;
  /** Seconds after which to stop asking; default: never. */
  readonly timeLimitSeconds?: number;
  readonly solver?: LinearSolver;
  readonly onIncumbent?: (incumbent: Incumbent) => void;
}

/**
 * Runs a planner to its end or to the time limit, evaluates and checks what it found, and writes it
 * down. A planner that is stopped loses its class: what it promises holds at its end.
 *
 * @returns the plan, or why no placement is allowed
 * @throws PLAN_INVALID if the planner's answer does not hold, which is a bug of the planner
 */
export function runPlanner(planner: Planner, problem: Problem, run: PlannerRun): Plan | Infeasible {
  const refusal = planner.refuses(problem);
  if (refusal !== null) {
    return { ...infeasible(`planner '${planner.name}' cannot: ${refusal}`), isProven: false };
  }
  const start = run.clock.now();
  const deadline = start + (run.timeLimitSeconds ?? Number.POSITIVE_INFINITY);
  const found = drain(planner, problem, run, deadline);
  if (found.type === "infeasible") {
    if (ignoresTiles(planner, problem)) return { ...found, isProven: false };
    return leavesCodecsOpen(problem) ? unproven(found) : found;
  }
  const { placement, codecs, bestAmong, tiles } = found.incumbent;
  const evaluation = evaluate(withCodecs(problem, codecs), placement, tiles);
  if (evaluation.type === "infeasible") return evaluation;
  const plan = makePlan(problem, found.incumbent, evaluation, {
    planner: planner.name,
    optimalAmong: bestAmong ?? (found.finished ? classOf(planner, problem) : null),
    stopped: !found.finished,
    seed: run.seed,
    decisionSeconds: run.clock.now() - start,
  });
  check(problem, plan);
  return plan;
}

type Drained =
  | { readonly type: "found"; readonly incumbent: Incumbent; readonly finished: boolean }
  | Infeasible;

function drain(planner: Planner, problem: Problem, run: PlannerRun, deadline: number): Drained {
  const random = createRandom(run.seed);
  const { solver } = run;
  const isOver = (): boolean => run.clock.now() >= deadline;
  const tools =
    solver === undefined ? { random } : { random, solver: withDeadline(solver, isOver) };
  const steps = rising(planner.plan(problem, tools));
  let incumbent: Incumbent | null = null;
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      if ("type" in step.value) return step.value;
      const last = withoutTiles(planner, problem, step.value);
      return { type: "found", incumbent: last, finished: true };
    }
    if (step.value !== null) {
      incumbent = withoutTiles(planner, problem, step.value);
      run.onIncumbent?.(incumbent);
    }
    if (!isOver()) continue;
    if (incumbent === null) return tooSoon(planner, run);
    return { type: "found", incumbent, finished: false };
  }
}

/** Whether stages that several devices run are allowed, and the planner does not know them. */
function ignoresTiles(planner: Planner, { limits }: Problem): boolean {
  return limits.tiles === true && planner.knowsTiles !== true;
}

function classOf(planner: Planner, problem: Problem): PlannerClass | null {
  const { optimalAmong } = planner;
  return optimalAmong === "all" && ignoresTiles(planner, problem) ? null : optimalAmong;
}

/** What is proven for one device a node says nothing about several. */
function withoutTiles(planner: Planner, problem: Problem, incumbent: Incumbent): Incumbent {
  if (!ignoresTiles(planner, problem)) return incumbent;
  const { bestAmong, ...found } = incumbent;
  if (bestAmong === undefined || bestAmong === "all") return { ...found, bound: null };
  return { ...found, bestAmong, bound: null };
}

/** A solver that stops when the planner would be stopped anyway: the answer changes no plan but then. */
function withDeadline(solver: LinearSolver, isOver: () => boolean): LinearSolver {
  return {
    name: solver.name,
    solve: (program, effort) => solver.solve(program, { ...effort, isOver }),
  };
}

/** Limits are tried with the objective's codecs only. */
function unproven(found: Infeasible): Infeasible {
  if (found.isProven === false) return found;
  const reason = `${found.reason}; tried with the codecs that are the best for the objective, others might keep the limit`;
  return { ...found, reason, isProven: false };
}

function tooSoon(planner: Planner, { timeLimitSeconds }: PlannerRun): Infeasible {
  const limit = formatQuantity(timeLimitSeconds ?? 0, "s");
  const reason = `planner '${planner.name}' found no allowed placement within ${limit}, which is no proof that there is none; give it more time`;
  return { ...infeasible(reason), isProven: false };
}
