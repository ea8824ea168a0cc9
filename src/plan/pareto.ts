/**
 * Pareto fronts: the plans between which only taste can decide, since each is better in one figure
 * and worse in another.
 *
 * @module
 */
import { z } from "zod";
import { graphSha256 } from "../cost/graph-hash.ts";
import { evaluate } from "./evaluate.ts";
import type { Infeasible } from "./feasibility.ts";
import { claimOf } from "./make-plan.ts";
import { type Axis, formatAxis, unitOf, valueOn } from "./pareto/axis.ts";
import { limitedFront } from "./pareto/limited.ts";
import { supportedFront } from "./pareto/supported.ts";
import { type Plan, planSchema } from "./plan.ts";
import { createProblem, type Problem } from "./problem.ts";
import type { Solve } from "./solve.ts";
import { refuseTiles } from "./tiles/refuse.ts";

/** Figures on the two axes, in the order of the front's axes; smaller is better. */
export type Values = readonly [number, number];

export interface FrontPoint {
  readonly values: Values;
  /**
   * By how much its weighted sum, or under its limit the other axis, could at most be better,
   * relative; 0: not at all; `null`: nothing is proven.
   */
  readonly gap: number | null;
  readonly plan: Plan;
}

export interface Front {
  readonly format: "partita.pareto/1";
  /** As `parseAxes` reads them. */
  readonly axes: readonly [string, string];
  readonly units: readonly ["s" | "J" | "B", "s" | "J" | "B"];
  /** `supported`: the vertices of the lower left hull; `limits`: plans under limits of one axis. */
  readonly method: "supported" | "limits";
  /** Whether no point is missing: no vertex, or none between the first and the last point. */
  readonly complete: boolean;
  readonly graphSha256: string;
  /** Ascending on the first axis, descending on the second. */
  readonly points: readonly FrontPoint[];
  /** Everything on one device, where that is allowed. */
  readonly alternatives: Readonly<Record<string, Values>>;
}

/** What a method finds; in the order of its own axes. */
export interface Found {
  readonly points: readonly FrontPoint[];
  readonly complete: boolean;
}

const values: z.ZodType<Values> = z.tuple([z.number(), z.number()]);
const unit: z.ZodType<"s" | "J" | "B"> = z.enum(["s", "J", "B"]);

export const frontSchema: z.ZodType<Front> = z.strictObject({
  format: z.literal("partita.pareto/1"),
  axes: z.tuple([z.string(), z.string()]),
  units: z.tuple([unit, unit]),
  method: z.enum(["supported", "limits"]),
  complete: z.boolean(),
  graphSha256: z.string(),
  points: z.array(z.strictObject({ values, gap: z.number().nullable(), plan: planSchema })),
  alternatives: z.record(z.string(), values),
});

export interface FrontRun {
  /** Should minimise any objective under any limits, with bounds. */
  readonly solve: Solve;
  /** At most so many where points lie at limits; of vertices all are found. */
  readonly points: number;
}

/**
 * Finds the front of a problem on two axes; the problem's own objective does not matter, its limits
 * are kept.
 *
 * Latency against energy: all supported points, see `supportedFront`. Other pairs: see
 * `limitedFront`.
 *
 * @returns why no placement is allowed, if none is
 * @throws TOPOLOGY_INVALID if energy is an axis and nothing has a power
 */
export function findFront(
  problem: Problem,
  axes: readonly [Axis, Axis],
  run: FrontRun,
): Front | Infeasible {
  refuseTiles(problem, "a front");
  const isSum = axes.every(({ type }) => type === "latency" || type === "energy");
  const found = isSum ? supportedFront(problem, axes, run.solve) : limitedFront(problem, axes, run);
  if ("type" in found) return found;
  const [first, second] = axes;
  return {
    format: "partita.pareto/1",
    axes: [formatAxis(first), formatAxis(second)],
    units: [unitOf(first), unitOf(second)],
    method: isSum ? "supported" : "limits",
    complete: found.complete,
    graphSha256: graphSha256(problem.profile.graph),
    points: [...found.points].sort((a, b) => a.values[0] - b.values[0]),
    alternatives: alternativesOn(problem, axes),
  };
}

function alternativesOn(
  problem: Problem,
  [first, second]: readonly [Axis, Axis],
): Front["alternatives"] {
  const { profile, topology, limits, index } = problem;
  const judged = createProblem(profile, topology, { type: "latency" }, limits);
  const found = judged.devices.flatMap(({ name }, device) => {
    const evaluation = evaluate(
      judged,
      index.graph.nodes.map(() => device),
    );
    if (evaluation.type === "infeasible") return [];
    const claim = claimOf(judged, evaluation);
    return [[name, [valueOn(first, claim), valueOn(second, claim)] as const] as const];
  });
  return Object.fromEntries(found);
}
