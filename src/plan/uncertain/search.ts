import { topologyAt } from "../../cost/state.ts";
import { placementOf } from "../check.ts";
import { evaluate } from "../evaluate.ts";
import type { LinearSolver } from "../linear-solver.ts";
import { gapOf } from "../make-plan.ts";
import type { Plan } from "../plan.ts";
import { createProblem, type Placement, type Problem } from "../problem.ts";
import { problemAt } from "../problem-at.ts";
import type { Solve } from "../solve.ts";
import type { Compared } from "../uncertainty.ts";
import { type Judge, judgedCost } from "./judge.ts";
import { lowPoint } from "./low-point.ts";
import { type Candidate, Pool } from "./pool.ts";
import { boundQuantile } from "./quantile-bound.ts";
import { costOf, type StateSet } from "./state-set.ts";

/** Rounds of looking for a better bound, and of looking for better placements. */
const mostRounds = 5;
/** States in which a plan of their own is made, in order to say what adapting would give. */
export const adaptedStates = 32;
/** Lines that the search for a bound looks at. */
const lookedAt = 12;

/** What is found out, one question after the other, about placements that are kept in all states. */
export class UncertainSearch {
  readonly pool: Pool;
  readonly #problem: Problem;
  readonly #set: StateSet;
  readonly #solve: Solve;
  readonly #judge: Judge;
  readonly #solver: LinearSolver | undefined;

  /** @param solver for quantiles; without it their bound is weaker */
  constructor(
    problem: Problem,
    set: StateSet,
    judge: Judge,
    solve: Solve,
    solver: LinearSolver | undefined,
  ) {
    this.#solver = solver;
    this.#problem = problem;
    this.#set = set;
    this.#solve = solve;
    this.#judge = judge;
    this.pool = new Pool(problem, set, (costs) => judgedCost(set, costs, judge));
  }

  /** The best placement in a state, judged; `null`: none was found in time. */
  solveAt(vector: Float64Array): Placement | null {
    const placement = this.#planAt(vector)?.placement ?? null;
    if (placement !== null) this.pool.add(placement);
    return placement;
  }

  minimiseMean(): number | null {
    const found = this.#planAt(this.#set.means);
    if (found === null) return null;
    this.pool.add(found.placement);
    return found.plan.bound;
  }

  /** Returns a bound of the quantile of every placement. */
  minimiseQuantile(quantile: number): number | null {
    const set = this.#set;
    this.solveAt(set.means);
    this.solveAt(set.quantiles(quantile));
    const bound = this.#raiseBound(quantile);
    if (this.#isClosed(bound)) return bound;
    this.#lookAround(quantile);
    this.pool.improve();
    this.#lookAround(quantile);
    const raised = Math.max(bound, this.#raiseBound(quantile));
    const solver = this.#solver;
    if (solver === undefined || this.#isClosed(raised)) return raised;
    const run = {
      quantile,
      solver,
      lines: () => this.pool.lines(),
      best: () => (this.pool.best as Candidate).value,
      boundAt: (vector: Float64Array) => {
        const found = this.#planAt(vector);
        if (found !== null) this.pool.add(found.placement);
        return found?.plan.bound ?? null;
      },
    };
    const divided = boundQuantile(set, run, raised);
    this.#lookAround(quantile);
    return divided;
  }

  /**
   * What plans made anew in every state would cost; where there are many, in some that stand for
   * all by what the best placement so far costs there.
   */
  adapt(): Compared {
    const set = this.#set;
    const { costs } = this.pool.best as Candidate;
    const adapted = new Float64Array(set.size);
    for (const states of groupsOf(set, costs)) {
      const middle = states[states.length >> 1] as number;
      const cost = costs[middle] as number;
      const share = cost === 0 ? 1 : Math.min(1, this.#adaptedCost(middle, cost) / cost);
      for (const state of states) adapted[state] = share * (costs[state] as number);
    }
    return { mean: set.average(adapted), judged: judgedCost(set, adapted, this.#judge) };
  }

  /** @param promised what it costs in the state that it was made for */
  figuresOf(placement: Placement, promised: number): Compared {
    const { costs, value } = this.pool.add(placement) as Candidate;
    return { mean: this.#set.average(costs), judged: value, promised };
  }

  /** What a placement costs where the parameters have these values. */
  costAt(placement: Placement, vector: Float64Array): number {
    return costOf((this.pool.add(placement) as Candidate).line, vector);
  }

  /** With new routes and codecs too. */
  #adaptedCost(state: number, otherwise: number): number {
    const { profile, topology, objective, limits } = this.#problem;
    const changed = topologyAt(topology, this.#set.stateOf(this.#set.vector(state)));
    const problem = createProblem(profile, changed, objective, limits);
    const plan = this.#solve(problem);
    if ("type" in plan) return otherwise;
    const placement = placementOf(problem, plan);
    this.pool.add(placement);
    const evaluation = evaluate(problem, placement);
    return evaluation.type === "infeasible" ? otherwise : evaluation.value;
  }

  #raiseBound(quantile: number): number {
    let bound = Number.NEGATIVE_INFINITY;
    let last: string | null = null;
    for (let round = 0; round < mostRounds; round++) {
      const vector = lowPoint(this.#set, quantile, this.#worth());
      if (vector.join(" ") === last) break;
      last = vector.join(" ");
      const found = this.#planAt(vector);
      if (found === null) break;
      this.pool.add(found.placement);
      bound = Math.max(bound, found.plan.bound ?? Number.NEGATIVE_INFINITY);
      if (this.#isClosed(bound)) break;
    }
    return bound;
  }

  /** Plans for the states where the best placement costs about its quantile, as long as that helps. */
  #lookAround(quantile: number): void {
    const set = this.#set;
    for (let round = 0; round < mostRounds; round++) {
      const start = this.pool.best as Candidate;
      const order = set.order(start.costs);
      const at = order.indexOf(set.stateAtQuantile(start.costs, quantile));
      this.solveAt(set.vector(order[at] as number));
      for (const width of [0.02, 0.1]) {
        const reach = Math.ceil(width * set.size);
        this.solveAt(set.meanOf(order.subarray(Math.max(0, at - reach), at + reach + 1)));
      }
      if (this.pool.best === start) return;
    }
  }

  /** The least cost of good placements at a point. */
  #worth(): (point: Float64Array) => number {
    const lines = this.pool.lines().slice(0, lookedAt);
    return (point) => Math.min(...lines.map((line) => costOf(line, point)));
  }

  #isClosed(bound: number): boolean {
    return gapOf(this.pool.best?.value ?? 0, bound) === 0;
  }

  #planAt(vector: Float64Array): { placement: Placement; plan: Plan } | null {
    const problem = problemAt(this.#problem, this.#set.stateOf(vector));
    const plan = this.#solve(problem);
    return "type" in plan ? null : { placement: placementOf(problem, plan), plan };
  }
}

/** States that cost about the same, in groups of about the same weight; each alone if they are few. */
function groupsOf(set: StateSet, costs: Float64Array): number[][] {
  if (set.size <= adaptedStates) return Array.from(set.weights.keys(), (state) => [state]);
  const groups: number[][] = Array.from({ length: adaptedStates }, () => []);
  let before = 0;
  for (const state of set.order(costs)) {
    const group = Math.min(adaptedStates - 1, Math.floor(before * adaptedStates));
    groups[group]?.push(state);
    before += set.weights[state] as number;
  }
  return groups.filter(({ length }) => length > 0);
}
