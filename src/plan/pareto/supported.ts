import type { Infeasible } from "../feasibility.ts";
import type { Objective } from "../objective.ts";
import type { Found, FrontPoint, Values } from "../pareto.ts";
import type { Plan } from "../plan.ts";
import { createProblem, type Problem } from "../problem.ts";
import type { Solve } from "../solve.ts";
import { type Axis, valueOn } from "./axis.ts";
import { isSame, withoutDominated } from "./order.ts";

/**
 * All supported points of latency against energy: the vertices of the lower left hull of all allowed
 * placements, which are the plans that some weighted sum makes the best.
 *
 * Starts with the best plans of either axis alone. Between two neighbours the weighted sum that
 * makes them equal is minimised: anything better lies below their connection and becomes a
 * neighbour of both; nothing better means that the hull runs straight from one to the other.
 * 2·vertices + 1 plans, or a few more where values tie. Exact if all of these are proven optimal.
 *
 * @see Aneja, Nair, "Bicriteria transportation problem", Management Science 25(1), 1979
 */
export function supportedFront(
  problem: Problem,
  axes: readonly [Axis, Axis],
  solve: Solve,
): Found | Infeasible {
  const search = new HullSearch(problem, axes, solve);
  const ends = axes.map(({ type }) => search.minimise({ type } as Objective));
  const [first, last] = ends as [FrontPoint | Infeasible, FrontPoint | Infeasible];
  if ("type" in first) return first;
  if ("type" in last) return last;
  const open: (readonly [FrontPoint, FrontPoint])[] = [[first, last]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const between = search.between(...pair);
    if (between !== null) open.push([pair[0], between], [between, pair[1]]);
  }
  return { points: search.vertices(), complete: search.isProven };
}

/** The plans found so far, and whether all of them were proven. */
class HullSearch {
  readonly #problem: Problem;
  readonly #axes: readonly [Axis, Axis];
  readonly #solve: Solve;
  readonly #points: FrontPoint[] = [];
  isProven = true;

  constructor(problem: Problem, axes: readonly [Axis, Axis], solve: Solve) {
    this.#problem = problem;
    this.#axes = axes;
    this.#solve = solve;
  }

  minimise(objective: Objective): FrontPoint | Infeasible {
    const { profile, topology, limits } = this.#problem;
    const plan = this.#solve(createProblem(profile, topology, objective, limits));
    if ("type" in plan) return plan;
    if (plan.gap !== 0) this.isProven = false;
    return this.#keep(plan);
  }

  /** A point below the connection of two points; `null`: none was found. */
  between(upper: FrontPoint, lower: FrontPoint): FrontPoint | null {
    const [x, y] = [0, 1].map((axis) =>
      Math.abs((upper.values[axis] as number) - (lower.values[axis] as number)),
    ) as [number, number];
    if (isSame(upper.values[0], lower.values[0]) || isSame(upper.values[1], lower.values[1])) {
      return null;
    }
    const [latency] = this.#axes;
    const energySecondsPerJoule = latency.type === "latency" ? x / y : y / x;
    const found = this.minimise({ type: "weighted", latency: 1, energySecondsPerJoule });
    // The problem has solutions, so that the planner was only stopped too early.
    if ("type" in found) {
      this.isProven = false;
      return null;
    }
    const sum = ([a, b]: Values): number => y * a + x * b;
    const known = Math.min(sum(upper.values), sum(lower.values));
    return sum(found.values) < known * (1 - 1e-9) ? found : null;
  }

  vertices(): FrontPoint[] {
    return cutCorners(withoutDominated(this.#points));
  }

  /** One point for all plans of equal values, with the best proof. */
  #keep(plan: Plan): FrontPoint {
    const [first, second] = this.#axes;
    const values: Values = [valueOn(first, plan.claimed), valueOn(second, plan.claimed)];
    const point = { values, gap: plan.gap, plan };
    const known = this.#points.findIndex(
      (other) => isSame(other.values[0], values[0]) && isSame(other.values[1], values[1]),
    );
    if (known < 0) this.#points.push(point);
    else if (isBetterProven(point, this.#points[known] as FrontPoint)) this.#points[known] = point;
    return point;
  }
}

function isBetterProven({ gap }: FrontPoint, { gap: other }: FrontPoint): boolean {
  return (gap ?? Number.POSITIVE_INFINITY) < (other ?? Number.POSITIVE_INFINITY);
}

/** Leaves out points on or above the connection of points on either side. */
function cutCorners(points: readonly FrontPoint[]): FrontPoint[] {
  const hull: FrontPoint[] = [];
  for (const point of points) {
    while (hull.length >= 2 && !isCorner(hull.at(-2), hull.at(-1), point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

function isCorner(
  before: FrontPoint | undefined,
  corner: FrontPoint | undefined,
  after: FrontPoint,
): boolean {
  if (before === undefined || corner === undefined) return true;
  const [ax, ay] = before.values;
  const [bx, by] = corner.values;
  const [cx, cy] = after.values;
  const here = (ay - cy) * bx + (cx - ax) * by;
  return here < ((ay - cy) * ax + (cx - ax) * ay) * (1 - 1e-9);
}
