import { topologyAt } from "../cost/state.ts";
import { placementOf } from "./check.ts";
import { evaluate } from "./evaluate.ts";
import { type Judge, judgedCost } from "./judge.ts";
import { gapOf } from "./make-plan.ts";
import type { Plan } from "./plan.ts";
import { createProblem, type Placement, type Problem } from "./problem.ts";
import { problemAt } from "./problem-at.ts";
import type { Solve } from "./solve.ts";
import { costOf, type StateSet } from "./state-set.ts";
import { lowState } from "./uncertain-bound.ts";
import { type Candidate, Pool } from "./uncertain-pool.ts";
import type { Compared } from "./uncertainty.ts";

/** Rounds of looking for a better bound, and of looking for better placements. */
const mostRounds = 5;
/** States in which a plan of their own is made, in order to say what adapting would give. */
const adaptedStates = 32;
/** Lines that the search for a bound looks at. */
const lookedAt = 12;

/** What is found out, one question after the other, about placements that are kept in all states. */
export class UncertainSearch {
  readonly pool: Pool;
  readonly #problem: Problem;
  readonly #set: StateSet;
  readonly #solve: Solve;
  readonly #judge: Judge;

  constructor(problem: Problem, set: StateSet, judge: Judge, solve: Solve) {
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
    const found = this.#planAt(this.#set.mean());
    if (found === null) return null;
    this.pool.add(found.placement);
    return found.plan.bound;
  }

  /** Returns a bound of the quantile of every placement. */
  minimiseQuantile(quantile: number): number | null {
    const set = this.#set;
    this.solveAt(set.mean());
    this.solveAt(set.quantiles(quantile));
    const bound = this.#raiseBound(quantile);
    if (this.#isClosed(bound)) return bound;
    this.#lookAround(quantile);
    this.pool.improve();
    this.#lookAround(quantile);
    return Math.max(bound, this.#raiseBound(quantile));
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

  /** @param state for which the placement was made */
  figuresOf(placement: Placement, state: Float64Array): Compared {
    const { costs, value, line } = this.pool.add(placement) as Candidate;
    return { mean: this.#set.average(costs), judged: value, promised: costOf(line, state) };
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
      const vector = lowState(this.#set, quantile, this.pool.lines(lookedAt));
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
        this.solveAt(set.mean(order.subarray(Math.max(0, at - reach), at + reach + 1)));
      }
      if (this.pool.best === start) return;
    }
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
