/**
 * Plans for links and devices that change: the best placement that is made once and kept.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import type { WeightedState } from "../cost/trace.ts";
import { check, placementOf } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import type { Infeasible } from "./feasibility.ts";
import type { LinearSolver } from "./linear-solver.ts";
import { gapOf, makePlan } from "./make-plan.ts";
import type { Plan } from "./plan.ts";
import type { Problem } from "./problem.ts";
import type { Solve } from "./solve.ts";
import { refuseTiles } from "./tiles/refuse.ts";
import { formatJudge, type Judge } from "./uncertain/judge.ts";
import type { Candidate } from "./uncertain/pool.ts";
import { UncertainSearch } from "./uncertain/search.ts";
import { StateSet } from "./uncertain/state-set.ts";
import type { Uncertainty } from "./uncertainty.ts";

export interface UncertainRun {
  /** Should minimise sums, with bounds. */
  readonly solve: Solve;
  /** For bounds of quantiles; without it they are weaker. */
  readonly solver?: LinearSolver;
  readonly judge: Judge;
  /** Of the problem's topology, one at least. */
  readonly states: readonly WeightedState[];
  readonly seed: number;
}

/**
 * Finds the placement with the least mean or quantile of the objective over states of the world.
 * Its routes and codecs are those of the problem's own topology, in every state.
 *
 * The mean: one plan at the mean of 1 ÷ bandwidth and slow-down, since costs are linear in these;
 * exact. A quantile: plans at many states, moves of nodes, and a bound; exact if one
 * thing varies, else with a gap; see `lowPoint` and `boundQuantile`.
 *
 * @returns a plan for the stated topology that says how it fares over the states
 * @throws USAGE_INVALID for the objective throughput, and where the latency, period or energy is limited
 */
export function planUncertain(problem: Problem, run: UncertainRun): Plan | Infeasible {
  refuseWhatVaries(problem);
  refuseTiles(problem, "planning for uncertain links");
  const set = new StateSet(problem.topology, run.states);
  const search = new UncertainSearch(problem, set, run.judge, run.solve, run.solver);
  const stated = run.solve(problem);
  if ("type" in stated) return stated;
  search.pool.add(placementOf(problem, stated));
  const middle = set.meanOfBandwidths();
  const trapped = search.solveAt(middle);
  const bound = run.judge === "mean" ? search.minimiseMean() : search.minimiseQuantile(run.judge);
  const adapting = search.adapt();
  const best = search.pool.best as Candidate;
  const evaluation = evaluate(problem, best.placement);
  if (evaluation.type === "infeasible") return evaluation;
  const incumbent = {
    placement: best.placement,
    value: evaluation.value,
    bound: stated.bound === null ? null : Math.min(stated.bound, evaluation.value),
    method: `best over ${set.size} states of the world`,
  };
  const provenance = { planner: stated.planner, optimalAmong: null, seed: run.seed };
  const plan = makePlan(problem, incumbent, evaluation, { ...provenance, decisionSeconds: 0 });
  const compared = {
    stated: search.figuresOf(placementOf(problem, stated), check(problem, stated).value),
    ...(trapped === null
      ? {}
      : { meanBandwidth: search.figuresOf(trapped, search.costAt(trapped, middle)) }),
    adapting,
  };
  const answer = { ...plan, uncertainty: summarise(set, best, run.judge, bound, compared) };
  check(problem, answer);
  return answer;
}

function refuseWhatVaries({ objective, limits }: Problem): void {
  if (objective.type === "throughput") {
    throw new CodedError(
      "USAGE_INVALID",
      "the throughput over uncertain links is not planned: the period is a maximum, whose mean is not the period in any one state; plan for latency, energy or a sum of both",
    );
  }
  const { latencySeconds, periodSeconds, energyJoules } = limits;
  if (latencySeconds === undefined && periodSeconds === undefined && energyJoules === undefined)
    return;
  throw new CodedError(
    "USAGE_INVALID",
    "limits of latency, period or energy mean nothing where these differ from state to state; leave them out (memory and --keep-local are kept)",
  );
}

function summarise(
  set: StateSet,
  { costs, value }: Candidate,
  judge: Judge,
  bound: number | null,
  compared: Uncertainty["compared"],
): Uncertainty {
  const quantiles = [0.5, 0.9, 0.99, ...(judge === "mean" ? [] : [judge])];
  const proven = bound === null || !Number.isFinite(bound) ? null : Math.min(bound, value);
  return {
    judge: formatJudge(judge),
    states: set.size,
    value,
    bound: proven,
    gap: gapOf(value, proven),
    mean: set.average(costs),
    quantiles: Object.fromEntries(
      quantiles.map((quantile) => [formatJudge(quantile), set.quantile(costs, quantile)]),
    ),
    worst: costs.reduce((most, cost) => Math.max(most, cost)),
    meanState: set.stateOf(set.means),
    compared,
  };
}
