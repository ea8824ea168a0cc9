import FlatQueue from "flatqueue";
import type { LinearSolver } from "../linear-solver.ts";
import { Cone } from "./cone.ts";
import { costOf, type SetLine, type StateSet } from "./state-set.ts";

/** What the search for a bound asks for. */
export interface BoundRun {
  readonly quantile: number;
  readonly solver: LinearSolver;
  /** Lines of known placements, the best first. */
  lines(): readonly SetLine[];
  /** The best known value of the quantile. */
  best(): number;
  /**
   * A value that no placement undercuts where the parameters have these values; `null`: unknown.
   * The line of what it finds is in `lines` from then on.
   */
  boundAt(vector: Float64Array): number | null;
}

/** Asked for at most so often. */
const mostPlans = 250;
/** Cones divided at most. */
const mostCones = 400;
/** A cone is left alone once its bound is this near to the best value, relative. */
const near = 5e-4;
/** Programmes solved for one cone. */
const mostRounds = 6;
/** Lines in a programme to begin with, and those that the thresholds are chosen for. */
const fewLines = 12;
const effort = { iterations: 10_000, nodes: 0 };

interface Open {
  readonly cone: Cone;
  readonly bound: number;
  /** The line that was the cheapest at the end. */
  readonly around: SetLine;
}

/**
 * Bounds a quantile of every placement's cost by dividing the placements by the direction of their
 * cost lines: by how much they use each of the links and devices that vary.
 *
 * For the lines of a cone, Σ α · threshold bounds the quantile; see `Cone`. So every state v that
 * costs no more than the threshold along any of the rays is a state whose best cost is a bound for
 * the placements of the cone. Of these v one is wanted at which no line, inside or outside, costs
 * little: a linear programme over the known lines proposes it, the best placement there is one more
 * line, until that changes nothing (the Lagrangean dual of staying in the cone, by cutting planes).
 * The cone of the least bound is divided next. Always a bound; how near it comes depends on the
 * number of plans, which are counted.
 *
 * @see Kelley, "The cutting-plane method for solving convex programs", J. SIAM 8(4), 1960
 */
export function boundQuantile(set: StateSet, run: BoundRun, known: number): number {
  const search = new ConeSearch(set, run);
  const open = new FlatQueue<Open>();
  const add = (cone: Cone, parent: number): void => {
    const found = search.bound(cone, parent);
    open.push(found, found.bound);
  };
  add(Cone.whole(set, run.quantile, run.lines().slice(0, fewLines)), known);
  for (let cones = 0; cones < mostCones && search.plans < mostPlans; cones++) {
    const least = open.peek();
    if (least === undefined || least.bound >= run.best() * (1 - near)) break;
    const children = least.cone.split([least.around, ...run.lines().slice(0, fewLines)]);
    if (children === null) break;
    open.pop();
    for (const child of children) add(child, least.bound);
  }
  return Math.max(known, open.peekValue() ?? known);
}

class ConeSearch {
  readonly #set: StateSet;
  readonly #run: BoundRun;
  plans = 0;

  constructor(set: StateSet, run: BoundRun) {
    this.#set = set;
    this.#run = run;
  }

  bound(cone: Cone, parent: number): Open {
    let bound = parent;
    let around = this.#run.lines()[0] as SetLine;
    for (let round = 0; round < mostRounds && this.plans < mostPlans; round++) {
      const proposed = this.#propose(cone);
      if (proposed === null) break;
      around = proposed.around;
      const target = this.#run.best() * (1 - near);
      // No state does better with these lines alone, and more lines only lower it.
      if (proposed.value <= bound * (1 + 1e-6)) break;
      this.plans++;
      bound = Math.max(bound, this.#run.boundAt(proposed.vector) ?? Number.NEGATIVE_INFINITY);
      if (bound >= target) break;
    }
    return { cone, bound, around };
  }

  /** The state allowed in a cone at which the cheapest known line costs the most. */
  #propose(cone: Cone): { vector: Float64Array; value: number; around: SetLine } | null {
    const lines = this.#run.lines();
    const chosen = new Set(lines.slice(0, fewLines));
    for (const line of lines)
      if (chosen.size < 2 * fewLines && cone.within(line) !== null) chosen.add(line);
    for (;;) {
      const solved = this.#solve(cone, [...chosen]);
      if (solved === null) return null;
      const { vector, mixture } = solved;
      const costs = lines.map((line) => costOf(line, vector));
      const value = Math.min(...costs);
      const cheapest = lines[costs.indexOf(value)] as SetLine;
      if (chosen.has(cheapest)) return { vector, value, around: mixture };
      chosen.add(cheapest);
    }
  }

  /** Maximises z ≤ every line, with v at or below the threshold along every ray; v in means. */
  #solve(cone: Cone, lines: readonly SetLine[]): { vector: Float64Array; mixture: SetLine } | null {
    const means = this.#set.means;
    const scale = this.#run.best() || 1;
    const axes = [...means.keys()];
    const columns = [
      {
        cost: -1,
        lower: Number.NEGATIVE_INFINITY,
        upper: Number.POSITIVE_INFINITY,
        isInteger: false,
      },
      // Above 0: a bandwidth cannot be infinite.
      ...axes.map(() => ({
        cost: 0,
        lower: 1e-6,
        upper: Number.POSITIVE_INFINITY,
        isInteger: false,
      })),
    ];
    const inMeans = (factors: Float64Array): number[] =>
      axes.map((axis) => (factors[axis] as number) * (means[axis] as number));
    const rows = [
      ...lines.map(({ constant, factors }) => ({
        lower: Number.NEGATIVE_INFINITY,
        upper: constant / scale,
        columns: [0, ...axes.map((axis) => axis + 1)],
        factors: [1, ...inMeans(factors).map((factor) => -factor / scale)],
      })),
      ...cone.rays.map((ray, at) => ({
        lower: Number.NEGATIVE_INFINITY,
        upper: cone.thresholds[at] as number,
        columns: axes.map((axis) => axis + 1),
        factors: inMeans(ray),
      })),
    ];
    const { values, prices } = this.#run.solver.solve({ columns, rows }, effort);
    if (values.length === 0) return null;
    const vector = means.map((mean, axis) => Math.max(1e-9, values[axis + 1] as number) * mean);
    return { vector: keepBelow(cone, vector), mixture: mix(lines, prices) };
  }
}

/** The weighted mean of lines that holds a programme's answer down. */
function mix(lines: readonly SetLine[], prices: readonly number[]): SetLine {
  const shares = lines.map((_, at) => Math.abs(prices[at] ?? 0));
  const total = shares.reduce((sum, share) => sum + share, 0) || 1;
  const sum = (of: (line: SetLine) => number): number =>
    lines.reduce((all, line, at) => all + ((shares[at] as number) / total) * of(line), 0);
  const [first] = lines;
  return {
    constant: sum(({ constant }) => constant),
    factors: (first?.factors ?? new Float64Array()).map((_, axis) =>
      sum(({ factors }) => factors[axis] as number),
    ),
  };
}

/** The programme's answer keeps its limits only about: what is proven rests on them. */
function keepBelow({ rays, thresholds }: Cone, vector: Float64Array): Float64Array {
  const factor = rays.reduce((least, factors, at) => {
    const reached = costOf({ constant: 0, factors }, vector);
    return reached > 0 ? Math.min(least, (thresholds[at] as number) / reached) : least;
  }, 1);
  return vector.map((value) => value * factor * (1 - 1e-12));
}
