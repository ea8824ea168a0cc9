import type { Infeasible } from "../feasibility.ts";
import { alternativesOf, gapOf, guaranteeOf } from "../make-plan.ts";
import type { Objective } from "../objective.ts";
import type { Found, FrontPoint, FrontRun, Values } from "../pareto.ts";
import type { Plan } from "../plan.ts";
import { createProblem, type Problem } from "../problem.ts";
import { type Axis, arrange, limitAxis, valueOn } from "./axis.ts";
import { withoutDominated } from "./order.ts";

/** Values of the limited axis that are closer than this, relative, count as one. */
const step = 1e-6;
/** Below this part of the front's range no middle is tried any more. */
const fine = 1 / 32;
/** Plans made for each point that is wanted: some limits lead to points that are known. */
const plansPerPoint = 3;

/**
 * Points of a front by limits: one axis is minimised under limits of the other, the next limit
 * always where the front is least known.
 *
 * Each point comes with a proof of its own: no placement that keeps its limit is better by more
 * than the gap on the other axis. With enough points the whole front between its ends is found.
 *
 * @see Haimes, Lasdon, Wismer, "On a bicriterion formulation of the problems of integrated system
 * identification and system optimization", IEEE Trans. SMC 1(3), 1971: the ε-constraint method
 */
export function limitedFront(
  problem: Problem,
  axes: readonly [Axis, Axis],
  { solve, points: wanted }: FrontRun,
): Found | Infeasible {
  const sweep = new Sweep(problem, axes, solve);
  const first = sweep.plan(Number.POSITIVE_INFINITY);
  if (first !== null) return first;
  sweep.findEnd();
  for (let plans = 0; plans < wanted * plansPerPoint; plans++) {
    const limit = sweep.points().length < wanted ? sweep.nextLimit() : null;
    if (limit === null) break;
    sweep.plan(limit);
  }
  return { points: sweep.points(), complete: sweep.isComplete() };
}

/** A limit that was tried, and the bound that it gave on the minimised axis. */
interface Trial {
  readonly limit: number;
  readonly bound: number | null;
}

/** Where on the limited axis something may still be hidden, and how much it matters. */
interface Interval {
  readonly low: number;
  readonly high: number;
  readonly weight: number;
}

class Sweep {
  readonly #problem: Problem;
  readonly #axes: readonly [Axis, Axis];
  readonly #solve: FrontRun["solve"];
  readonly #limited: Axis;
  readonly #objective: Objective;
  /** The position of the minimised axis among the axes. */
  readonly #x: 0 | 1;
  readonly #trials: Trial[] = [];
  readonly #plans: { values: Values; plan: Plan }[] = [];
  #floor = 0;

  constructor(problem: Problem, axes: readonly [Axis, Axis], solve: FrontRun["solve"]) {
    const { minimised, limited } = arrange(axes);
    this.#problem = problem;
    this.#axes = axes;
    this.#solve = solve;
    this.#limited = limited;
    this.#x = minimised === axes[0] ? 0 : 1;
    this.#objective = { type: minimised.type } as Objective;
  }

  /** Makes a plan under a limit; returns why there is none. */
  plan(limit: number): Infeasible | null {
    const { profile, topology, limits } = this.#problem;
    const within =
      limit === Number.POSITIVE_INFINITY
        ? { topology, limits }
        : limitAxis(this.#limited, limit, topology, limits);
    const limited = createProblem(profile, within.topology, this.#objective, within.limits);
    const plan = this.#solve(limited);
    if ("type" in plan) {
      this.#trials.push({ limit, bound: null });
      return plan;
    }
    this.#trials.push({ limit, bound: plan.bound });
    const values = this.#axes.map((axis) => valueOn(axis, plan.claimed)) as [number, number];
    this.#plans.push({
      values,
      plan: this.#limited.type === "memory" ? this.#uncapped(plan) : plan,
    });
    return null;
  }

  /**
   * The far end of a throughput axis is known to lie at the period of the best pipeline, which is a
   * point itself where only its own codecs reach that.
   */
  findEnd(): void {
    if (this.#limited.type !== "throughput") return;
    const { profile, topology, limits } = this.#problem;
    const best = this.#solve(createProblem(profile, topology, { type: "throughput" }, limits));
    if ("type" in best) return;
    // A pipeline that is not proven to be the best leaves room below its period.
    this.#floor = best.bound ?? 0;
    if (this.plan(best.claimed.periodSeconds) === null) return;
    const values = this.#axes.map((axis) => valueOn(axis, best.claimed)) as [number, number];
    this.#plans.push({ values, plan: best });
  }

  /** The best known points, each with what the trials prove about it. */
  points(): FrontPoint[] {
    return this.#known().map(({ values, plan }) => {
      // Of other codecs only the bound without a limit speaks as well.
      const least =
        plan.objective === this.#limited.type ? Number.POSITIVE_INFINITY : this.#y(values);
      const bounds = this.#trials.flatMap(({ limit, bound }) =>
        limit * (1 + 1e-9) >= least && bound !== null ? [bound] : [],
      );
      const value = values[this.#x] as number;
      const bound = bounds.length === 0 ? null : Math.min(value, Math.max(...bounds));
      return { values, plan, gap: gapOf(value, bound) };
    });
  }

  isComplete(): boolean {
    const ends = this.#known().map(({ values }) => this.#y(values));
    const end = Math.min(...ends);
    // A limit above the end can be kept: that nothing was found there only means too little time.
    const isProven =
      this.points().every(({ gap }) => gap === 0) &&
      this.#trials.every(({ limit, bound }) => limit < end || bound !== null);
    return isProven && this.#intervals().every(({ high, low }) => high <= end || low >= high);
  }

  /** In the middle of the widest interval, or at its upper end once it is narrow; `null`: none is left. */
  nextLimit(): number | null {
    const [{ low, high } = { low: 0, high: 0 }] = this.#intervals()
      .filter((interval) => interval.high > interval.low)
      .sort((a, b) => b.weight - a.weight);
    if (high <= low) return null;
    return high - low < fine * this.#range() ? high : (low + high) / 2;
  }

  /** What is not known yet below each point, as far down as the next one. */
  #intervals(): Interval[] {
    // From the best on the minimised axis on, so that limits fall.
    const points = this.#known().sort((a, b) => this.#y(b.values) - this.#y(a.values));
    const rise = (points.at(-1)?.values[this.#x] ?? 0) - (points[0]?.values[this.#x] ?? 0);
    return points.map(({ values }, position) => {
      const next = points[position + 1]?.values;
      const high = this.#below(this.#y(values));
      const tried = this.#trials
        .map(({ limit }) => limit)
        .filter((limit) => limit <= high * (1 + 1e-12));
      const low = Math.max(this.#floor, ...tried);
      const height =
        next === undefined
          ? 1
          : ((next[this.#x] as number) - (values[this.#x] as number)) / (rise || 1);
      return { low, high, weight: (high - low) * height };
    });
  }

  #known(): { values: Values; plan: Plan }[] {
    return withoutDominated(this.#plans);
  }

  /** The greatest limit that excludes a value. */
  #below(value: number): number {
    return this.#limited.type === "memory" ? value - 1 : value * (1 - step);
  }

  #range(): number {
    const values = this.#known().map((point) => this.#y(point.values));
    const [most, least] = [Math.max(...values), Math.min(...values)];
    return most > least ? most - least : most;
  }

  #y(values: Values): number {
    return values[1 - this.#x] as number;
  }

  /** A plan made under a cap that the topology does not have, as a plan for the topology itself. */
  #uncapped(plan: Plan): Plan {
    const { profile, topology, limits } = this.#problem;
    const problem = createProblem(profile, topology, this.#objective, limits);
    const value = valueOn({ type: this.#objective.type } as Axis, plan.claimed);
    const bound = this.#trials[0]?.bound ?? null;
    const gap = gapOf(value, bound);
    const { class: _, ...rest } = plan;
    return {
      ...rest,
      bound,
      gap,
      guarantee: guaranteeOf(gap, null),
      alternatives: alternativesOf(problem),
    };
  }
}
