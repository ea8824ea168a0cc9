/**
 * The least period: pipelines of stages over stars, lines and small meshes, by search over chains of
 * ideals.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import {
  enumerateIdeals,
  enumerateLattice,
  idealsAlong,
  latticeAlong,
} from "../../graph/ideals.ts";
import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import { findLine } from "../line.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { improve } from "./exact-throughput/improve.ts";
import { LineReach, reversed } from "./exact-throughput/line.ts";
import { mixedLoads } from "./exact-throughput/mixture.ts";
import { throughputModel, type UnitModel, unitModel } from "./exact-throughput/model.ts";
import { StageSearch } from "./exact-throughput/search.ts";
import { findStar, placeOnStar, type Star } from "./exact-throughput/star.ts";
import { type Effort, Tables } from "./exact-throughput/tables.ts";
import { findSingle } from "./single.ts";
import { topologicalOrders } from "./stage-chain/orders.ts";
import { minimiseStages, type StageProgress, stageSearchLimits } from "./stage-chain.ts";

const starMethod = "dynamic programme over ideals, period by period";
const meshMethod = "search over chains of ideals";
const movesMethod = "moves of nodes";
const lineMethod = "dynamic programme over ideals in the order of the line";
/** Where nothing is proven, better by less is not worth the time. */
const roughly = 3e-4;

/** With more ideals than this the search goes along a few topological orders instead. */
const mostIdeals = 20_000;
/** Some ten seconds. */
const mostSteps = 300_000_000;
/** Times that a bound is tried halfway to a period that was too much, and steps for each as a part of all. */
const approaches = 5;
const shareOfApproach = 0.25;
/** So few are searched at once. */
const fewIdeals = 100;
/** Steps along a few orders, for a first plan. */
const firstSteps = 100_000_000;
/** Sets of devices double with each; beyond, the fastest ones are searched. */
const mostRunners = 10;

/**
 * Minimises the period.
 *
 * A pipeline is a chain of ideals with a device for each step. On a star of devices, and on two,
 * loads depend on the step alone: there the period is bisected over all ideals, up to some
 * 60,000, see `minimiseStages`. A star whose relay works on what it passes on is relaxed the same way.
 *
 * On other topologies, bounds on the loads of a step that depend on the set of devices and the two
 * ideals only give, by dynamic programming over (set of devices, ideal), a bound for every beginning of
 * a chain; a depth-first search from the end of the chain with exact loads closes what is left. Equal
 * devices take their turns in one order only. O(2^devices · devices · ideals²) time at most, pruned by
 * the best plan known; O(2^devices · ideals) memory. Where that is too much: pipelines along a line
 * and along topological orders, moves of nodes, and a bound from weighted means of loads.
 *
 * Optimal when it ends below its limit of steps and of ideals; otherwise the plan comes with a bound.
 *
 * @see Tarnawski et al., "Efficient algorithms for device placement of DNN graph operators",
 * NeurIPS 2020, for the dynamic programme with stages whose loads are their own
 */
export const exactThroughput: Planner = {
  name: "exact-throughput",
  optimalAmong: "all",
  refuses: ({ objective }) =>
    objective.type === "throughput" ? null : `it plans for throughput, not ${objective.type}`,
  plan: (problem, tools) => minimisePeriod(problem, tools, null),
};

type Result = Incumbent | Infeasible;

/**
 * `exactThroughput` behind another search.
 *
 * @param known the best plan so far, with its bound and the class in which it is the best; whatever
 * is better is as good in that class
 */
export function* minimisePeriod(
  problem: Problem,
  { random }: Tools,
  known: Incumbent | null,
): Planning {
  const whole = unitModel(problem);
  const course = new Course(problem, simpleBound(whole), known);
  const alone = findSingle(problem);
  if ("value" in alone && alone.value < (known?.value ?? Number.POSITIVE_INFINITY)) {
    yield course.keep({ ...alone, method: "one device" });
  }
  const star = findStar(whole);
  if (star !== null) {
    const isClosed = yield* course.followStar(whole, star, random);
    if (isClosed) return course.end(alone);
    if (course.best !== null && star.isExact && isFree(problem)) return course.best;
  }
  yield* searchMesh(course, whole, random);
  return course.isClosed ? course.end(alone) : (course.best ?? unknown(alone));
}

function* searchMesh(course: Course, whole: UnitModel, random: Random): Searching<void> {
  const model = throughputModel(narrow(whole, mostRunners));
  const ideals = enumerateIdeals(model.contraction.predecessors, mostIdeals);
  if (ideals === null || ideals.count > fewIdeals) {
    const { predecessors } = model.contraction;
    const orders = topologicalOrders({ predecessors, flows: model.flows }, bytesOf(model));
    for (const some of [orders.slice(0, 1), orders]) {
      yield* course.search(new Tables(model, idealsAlong(some)), firstSteps, false);
    }
  }
  const isWhole = model.runners.length === whole.runners.length && ideals !== null;
  if (ideals !== null) {
    course.isClosed = yield* course.search(new Tables(model, ideals), mostSteps, isWhole);
    if (course.isClosed) return;
  }
  yield* course.followLine(whole);
  for (const bound of mixedLoads(whole.problem)) {
    course.raise(bound);
    yield course.best;
  }
  if (course.best !== null) {
    for (const better of improve(model, course.best, random)) {
      yield course.keep({ ...better, method: movesMethod });
    }
  }
}

/** Bytes of the flows. */
function bytesOf({ flows }: UnitModel): number[] {
  return flows.map(({ bytes }) => bytes);
}

function middle(low: number, high: number): number {
  if (high === Number.POSITIVE_INFINITY) return low > 0 ? 2 * low : Number.MAX_VALUE;
  return low > 0 ? Math.sqrt(low * high) : high / 1024;
}

/** Passes on occasions to stop, with the best plan so far. */
function* withBest<T>(course: Course, search: Generator<null, T>): Searching<T> {
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return value;
    yield course.best;
  }
}

/** Whether no limit but that of the period binds, which loads alone decide. */
function isFree({ limits }: Problem): boolean {
  return limits.latencySeconds === undefined && limits.energyJoules === undefined;
}

type Searching<T> = Generator<Incumbent | null, T>;

/** The best plan so far and the best bound, over the searches of one run. */
class Course {
  readonly #problem: Problem;
  #bound: number;
  readonly #class: Pick<Incumbent, "bestAmong">;
  best: Incumbent | null = null;
  isClosed = false;

  constructor(problem: Problem, bound: number, known: Incumbent | null) {
    this.#problem = problem;
    this.#bound = Math.max(bound, known?.bound ?? 0);
    this.#class = known?.bestAmong === undefined ? {} : { bestAmong: known.bestAmong };
    if (known !== null) this.keep(known);
  }

  keep(found: Incumbent): Incumbent {
    this.best = { ...found, ...this.#class, bound: Math.min(this.#bound, found.value) };
    return this.best;
  }

  /**
   * Searches the chains of some ideals below a period near the bound, and below greater ones until
   * there is a plan: how much is searched grows steeply with the period that is allowed.
   *
   * @param isAll whether these are all ideals and devices, so that bounds hold for all placements
   * @returns whether no placement is better than the best now known
   */
  *search(tables: Tables, most: number, isAll: boolean): Searching<boolean> {
    const effort: Effort = { steps: 0, most };
    for (const goal of this.#goals()) {
      const ceiling = this.#ceiling();
      const search = new StageSearch(tables, Math.min(goal, ceiling), effort);
      yield* this.#attempt(tables, search, effort, isAll);
      if (effort.steps > most || !search.isComplete) {
        if (isAll) yield* this.#approach(tables, Math.min(goal, ceiling), most * shareOfApproach);
        return false;
      }
      if (isAll) this.raise(search.ceiling * (1 - 1e-9));
      if (search.ceiling < goal || goal >= ceiling) return isAll;
    }
    return isAll;
  }

  *#attempt(tables: Tables, search: StageSearch, effort: Effort, isAll: boolean): Searching<void> {
    for (const _ of tables.fill(search.ceiling, effort)) yield this.best;
    if (effort.steps > effort.most) return;
    if (isAll) this.raise(search.bound());
    for (const found of search.run()) {
      yield found === null ? this.best : this.keep({ ...found, method: meshMethod });
    }
  }

  /** Raises the bound towards a period that takes too long to decide, by half of the way at a time. */
  *#approach(tables: Tables, period: number, most: number): Searching<void> {
    let high = period;
    for (let round = 0; round < approaches && this.#bound > 0; round++) {
      const goal = Math.sqrt(this.#bound * high);
      const effort = { steps: 0, most };
      const search = new StageSearch(tables, goal, effort);
      for (const _ of tables.fill(goal, effort)) yield this.best;
      if (effort.steps > most) high = goal;
      else this.raise(search.bound());
      yield this.best;
    }
  }

  /**
   * Searches for the best chain of stages on a star.
   *
   * @returns whether no placement is better than the best now known
   */
  *followStar(model: UnitModel, star: Star, random: Random): Searching<boolean> {
    const stages = minimiseStages(star.model, random);
    for (;;) {
      const { done, value } = stages.next();
      if (value === null) {
        yield this.best;
        continue;
      }
      if (value.chain !== null && value.seconds < this.#ceiling()) {
        const placement = placeOnStar(model, star, value.chain);
        const found = evaluate(this.#problem, placement);
        const isBetter =
          found.type === "feasible" && found.value < (this.best?.value ?? Number.POSITIVE_INFINITY);
        if (isBetter) this.keep({ placement, value: found.value, bound: null, method: starMethod });
      }
      // Both add up the same seconds, in another order.
      this.raise(Math.min(value.bound, Number.MAX_VALUE) * (1 - 2e-10));
      if (done === true) return this.#isOver(value);
      yield this.best;
    }
  }

  /** Searches the pipelines in the order of a row of devices, from either end. */
  *followLine(model: UnitModel): Searching<void> {
    const line = findLine(this.#problem);
    if (line === null || line.devices.length < 2) return;
    const { predecessors } = model.contraction;
    const orders = topologicalOrders({ predecessors, flows: model.flows }, bytesOf(model));
    const lattice =
      enumerateLattice(predecessors, stageSearchLimits.mostIdeals) ?? latticeAlong(orders);
    const effort = { steps: 0, most: mostSteps };
    for (const row of [line, reversed(line)]) {
      const reach = new LineReach(model, lattice, row);
      yield this.best;
      for (let low = this.#bound; low < this.#ceiling() * (1 - roughly); ) {
        const high = this.#ceiling();
        const goal = middle(low, high);
        const placement = yield* withBest(this, reach.search(goal, effort));
        if (effort.steps > effort.most) return;
        const found = placement === null ? null : evaluate(this.#problem, placement);
        // What is found may still break a limit that the search knows nothing of.
        if (found === null || found.type === "infeasible" || found.value >= high) low = goal;
        else if (placement !== null) {
          yield this.keep({ placement, value: found.value, bound: null, method: lineMethod });
        }
      }
    }
  }

  #isOver({ isProven, bound }: StageProgress): boolean {
    if (!isProven) return false;
    const { periodSeconds = Number.POSITIVE_INFINITY } = this.#problem.limits;
    const value = this.best?.value ?? Number.POSITIVE_INFINITY;
    return bound >= value * (1 - 1e-9) || bound > periodSeconds * (1 + 2e-9);
  }

  end(alone: Result): Result {
    if (this.best === null) return none(alone);
    return { ...this.best, bound: this.best.value };
  }

  /** Takes note that no placement has a smaller period. */
  raise(bound: number): void {
    this.#bound = Math.max(this.#bound, bound);
    if (this.best !== null) this.keep(this.best);
  }

  #goals(): number[] {
    if (this.#bound === 0) return [Number.POSITIVE_INFINITY];
    const factors = [1.05, 1.3, 2, 4, 8, 16, Number.POSITIVE_INFINITY];
    return factors.map((factor) => factor * this.#bound);
  }

  #ceiling(): number {
    // Above what `evaluate` accepts as kept, below what matters.
    const limit = (this.#problem.limits.periodSeconds ?? Number.POSITIVE_INFINITY) * (1 + 2e-9);
    return Math.min(this.best?.value ?? Number.POSITIVE_INFINITY, limit);
  }
}

/** The devices that do the whole graph fastest. */
function narrow(model: UnitModel, most: number): UnitModel {
  if (model.runners.length <= most) return model;
  const total = (runner: number): number =>
    (model.seconds[runner] as Float64Array).reduce((sum, seconds) => sum + seconds, 0);
  const kept = [...model.runners.keys()]
    .sort((a, b) => total(a) - total(b) || a - b)
    .slice(0, most)
    .sort((a, b) => a - b);
  return {
    ...model,
    runners: kept.map((runner) => model.runners[runner] as number),
    seconds: kept.map((runner) => model.seconds[runner] as Float64Array),
  };
}

/** Every unit has to run somewhere, and all devices together are only so fast. */
function simpleBound({ seconds, contraction }: UnitModel): number {
  const totals = seconds.map((row) =>
    row.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0),
  );
  const weights = totals.map((total) => 1 / total);
  const weight = weights.reduce((sum, value) => sum + value, 0);
  let longest = 0;
  let shared = 0;
  contraction.units.forEach((_, unit) => {
    longest = Math.max(longest, Math.min(...seconds.map((row) => row[unit] as number)));
    shared += Math.min(
      ...seconds.map(
        (row, runner) => (row[unit] as number) * ((weights[runner] as number) / weight),
      ),
    );
  });
  const bound = Number.isFinite(weight) ? Math.max(longest, shared) : longest;
  return Number.isFinite(bound) ? bound * (1 - 1e-9) : 0;
}

function none(alone: Result): Infeasible {
  if ("value" in alone) throw new Error("a search lost the placement that it began with");
  return infeasible(
    `no pipeline is allowed; with everything on one device, ${alone.reason}`,
    alone.witness,
  );
}

function unknown(alone: Result): Infeasible {
  const reason = "reason" in alone ? alone.reason : "";
  const witness = "witness" in alone ? alone.witness : {};
  return {
    ...infeasible(
      `no allowed pipeline was found, which is no proof that there is none: ${reason}`,
      witness,
    ),
    isProven: false,
  };
}
