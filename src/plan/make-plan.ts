import { bytes, joules, seconds } from "../base/units.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { extentsOf } from "../graph/tile.ts";
import { type Region, type Rows, rowCount } from "../graph/window.ts";
import { withCodecs } from "./codecs.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { formatObjective } from "./objective.ts";
import type { Claim, Guarantee, Plan, Stage, Transfer } from "./plan.ts";
import type { Incumbent, PlannerClass } from "./planner.ts";
import type { Placement, Problem } from "./problem.ts";
import { groupStages } from "./stages.ts";
import { stageSeconds } from "./tiles/work.ts";
import { layOut, type TileStage } from "./tiles.ts";

/** How a plan came to be. */
export interface Provenance {
  readonly planner: string;
  /** The class among which the planner promises the best, if it ran to its end. */
  readonly optimalAmong: PlannerClass | null;
  /** Whether it was stopped before its end. */
  readonly stopped?: boolean;
  readonly seed: number;
  readonly decisionSeconds: number;
}

/** Differences up to this, relative, are none. */
const equality = 1e-9;

/**
 * Writes down an incumbent with everything that it costs, in names.
 *
 * @param evaluation with the incumbent's codecs
 */
export function makePlan(
  problem: Problem,
  incumbent: Incumbent,
  evaluation: Evaluation,
  provenance: Provenance,
): Plan {
  const { profile, limits } = problem;
  const { planner, optimalAmong, seed, decisionSeconds } = provenance;
  const gap = gapOf(evaluation.value, incumbent.bound);
  const guarantee = guaranteeOf(gap, optimalAmong);
  return {
    format: "partita.plan/1",
    objective: formatObjective(problem.objective),
    planner,
    guarantee,
    ...(guarantee === "optimal-in-class" && optimalAmong !== null ? { class: optimalAmong } : {}),
    claimed: claimOf(problem, evaluation),
    ...(incumbent.method === undefined ? {} : { method: incumbent.method }),
    ...(provenance.stopped === true && gap !== 0 ? { stopped: true } : {}),
    bound: incumbent.bound,
    gap,
    graphSha256: graphSha256(profile.graph),
    ...(profile.source === undefined
      ? {}
      : { level: profile.source.level, threads: profile.source.threads }),
    seed,
    limits,
    placement: Object.fromEntries(
      profile.graph.nodes.map(({ name }, node) => [
        name,
        problem.devices[incumbent.placement[node] as number]?.name ?? "",
      ]),
    ),
    stages: stagesOf(problem, incumbent.placement, incumbent.tiles),
    transfers: transfersOf(withCodecs(problem, incumbent.codecs), evaluation),
    bottleneck: evaluation.bottleneck,
    alternatives: alternativesOf(problem),
    decisionSeconds,
  };
}

/** (value − bound) ÷ value; 0 within rounding, `null` without a bound. */
export function gapOf(value: number, bound: number | null): number | null {
  if (bound === null) return null;
  if (value === 0) return 0;
  const gap = (value - bound) / value;
  return gap <= equality ? 0 : gap;
}

/**
 * What a gap and a planner that ran to its end prove.
 *
 * @param among the class of placements that the planner is never beaten in
 */
export function guaranteeOf(gap: number | null, among: string | null): Guarantee {
  if (gap === 0) return "optimal";
  if (among !== null && among !== "all") return "optimal-in-class";
  return gap === null ? "heuristic" : "bounded";
}

/** What `evaluate` found, as a plan claims it. */
export function claimOf(problem: Problem, evaluation: Evaluation): Claim {
  return {
    latencySeconds: seconds(evaluation.latencySeconds),
    periodSeconds: seconds(evaluation.periodSeconds),
    throughputPerSecond: 1 / evaluation.periodSeconds,
    energyJoules: joules(evaluation.energyJoules),
    memoryBytes: Object.fromEntries(
      problem.devices.map(({ name }, device) => [
        name,
        bytes(evaluation.memoryBytes[device] as number),
      ]),
    ),
  };
}

/** The stages of a placement, in names. */
export function stagesOf(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[] = [],
): Stage[] {
  const nameOf = (device: number): string => problem.devices[device]?.name ?? "";
  return groupStages(problem.index, placement, tiles).map((stage, position) => {
    const { device, nodes, tiles: shared } = stage;
    const names = nodes.map((node) => problem.index.graph.nodes[node]?.name ?? "");
    const id = `s${position}`;
    if (shared === undefined) {
      const alone = nodes.reduce((sum, node) => sum + problem.seconds.get(device, node), 0);
      return { id, devices: [nameOf(device)], nodes: names, seconds: seconds(alone) };
    }
    return {
      id,
      devices: [...new Set(shared.devices)].map(nameOf),
      nodes: names,
      seconds: seconds(longestMember(problem, placement, shared)),
      tiles: shared.devices.map((member, at) => {
        const { rows, columns } = shared;
        return {
          device: nameOf(member),
          rows: spanOf(rows[at] as Rows),
          ...(columns === undefined ? {} : { columns: spanOf(columns[at] as Rows) }),
        };
      }),
    };
  });
}

function longestMember(problem: Problem, placement: Placement, stage: TileStage): number {
  const { stages } = layOut(problem.index, placement, [stage]);
  const [laidOut] = stages;
  if (laidOut === undefined) return 0;
  return Math.max(...stageSeconds(problem, laidOut).values());
}

/** The hops of an evaluation, in names. */
export function transfersOf(problem: Problem, evaluation: Evaluation): Transfer[] {
  return evaluation.hops.map(({ tensor, link, region, share }) => {
    const { from, to } = problem.topology.links[link] as { from: string; to: string };
    const codec = problem.hops.codec(link, tensor);
    return {
      tensor: problem.index.graph.tensors[tensor]?.name ?? "",
      from,
      to,
      bytes: bytes(problem.hops.bytes(link, tensor, share)),
      seconds: seconds(problem.hops.hopSeconds(link, tensor, share)),
      ...(codec === null ? {} : { codec }),
      ...(region === undefined ? {} : spansOf(problem, tensor, region)),
    };
  });
}

/** Its rows, and its columns if these are not all. */
function spansOf(
  { index }: Problem,
  tensor: number,
  region: Region,
): Pick<Transfer, "rows" | "columns"> {
  const [rows, columns] = region as [Rows, Rows];
  const width = extentsOf(index, tensor)[1] as number;
  if (rowCount(columns) === width) return { rows: spanOf(rows) };
  return { rows: spanOf(rows), columns: spanOf(columns) };
}

function spanOf({ from, to }: Rows): readonly [number, number] {
  return [from, to];
}

/**
 * The objective with everything on one device, by the device's name, where that is allowed. With the
 * problem's codecs, whatever those of a plan.
 */
export function alternativesOf(problem: Problem): Record<string, number> {
  const values = problem.devices.flatMap(({ name }, device) => {
    const evaluation = evaluate(
      problem,
      problem.index.graph.nodes.map(() => device),
    );
    return evaluation.type === "feasible" ? [[name, evaluation.value] as const] : [];
  });
  return Object.fromEntries(values);
}
