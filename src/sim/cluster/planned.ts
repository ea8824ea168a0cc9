import { type Bytes, type Seconds, type SecondsPerByte, seconds } from "../../base/units.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Graph } from "../../graph/graph.ts";
import { evaluate } from "../../plan/evaluate.ts";
import { makePlan } from "../../plan/make-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { createProblem, type Problem } from "../../plan/problem.ts";
import type { TileStage } from "../../plan/tiles.ts";

export type Planned = Plan | { readonly infeasible: string };

interface Candidate {
  /** Device of each node. */
  readonly placement: readonly number[];
  readonly tiles: readonly TileStage[];
}

/** What nodes cost on devices that are all alike, free of what a part or a boundary costs besides. */
export function profileOf(graph: Graph, nodeSeconds: readonly Seconds[]): Profile {
  const machine = {
    nodeSeconds,
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: 0 as SecondsPerByte,
    overheadBytes: 0 as Bytes,
  };
  return { format: "partita.profile/1", graph, devices: { machine } };
}

/** The latency. */
export function problemOf(topology: Topology, profile: Profile, tiles = false): Problem {
  return createProblem(profile, topology, { type: "latency" }, { tiles });
}

/** The plan of the candidate with the highest score among those that are allowed; of equals the first. */
export function bestOf<C extends Candidate>(
  problem: Problem,
  candidates: readonly C[],
  seed: number,
  scoreOf: (candidate: C) => number,
): Planned {
  for (const { placement, tiles } of candidates.toSorted(
    (one, other) => scoreOf(other) - scoreOf(one),
  )) {
    const evaluation = evaluate(problem, placement, tiles);
    if (evaluation.type !== "feasible") continue;
    const incumbent = { placement, tiles, value: evaluation.value, bound: null };
    const provenance = { planner: "simulated", optimalAmong: null, seed, decisionSeconds: 0 };
    return makePlan(problem, incumbent, evaluation, provenance);
  }
  const count = problem.kinds.length;
  return { infeasible: `none of ${candidates.length} plans on ${count} devices is allowed` };
}
