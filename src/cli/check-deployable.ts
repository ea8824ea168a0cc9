import { CodedError } from "../base/errors.ts";
import { bytes, seconds, secondsPerByte } from "../base/units.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import type { Graph } from "../graph/graph.ts";
import { placementOf, tilesOf } from "../plan/check.ts";
import { evaluate } from "../plan/evaluate.ts";
import type { Plan } from "../plan/plan.ts";
import { createProblem } from "../plan/problem.ts";

/**
 * Refuses a plan that the topology cannot run, as far as that is known without a profile: its devices
 * and the routes between them are there, what is private stays on the source, parameters and tensors
 * fit into memory. A plan from a file may have been made for another topology.
 *
 * @throws PLAN_INVALID, TOPOLOGY_INVALID
 */
export function checkDeployable(plan: Plan, graph: Graph, topology: Topology): void {
  const devices = topology.devices.map(({ profile, ...device }) =>
    profile === "none" ? { ...device, profile } : device,
  );
  const { keepLocal, tiles } = plan.limits;
  const problem = createProblem(
    costless(graph),
    { ...topology, devices },
    { type: plan.objective === "throughput" ? "throughput" : "latency" },
    { ...(keepLocal === undefined ? {} : { keepLocal }), ...(tiles === true ? { tiles } : {}) },
  );
  const found = evaluate(problem, placementOf(problem, plan), tilesOf(problem, plan));
  if (found.type === "feasible") return;
  throw new CodedError(
    "PLAN_INVALID",
    `the plan cannot run on this topology: ${found.reason}; plan again for it`,
    { witness: found.witness },
  );
}

/** A profile by which every device can run every node in no time. */
function costless(graph: Graph): Profile {
  const nothing = {
    nodeSeconds: graph.nodes.map(() => seconds(0)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  return { format: "partita.profile/1", graph, devices: { any: nothing } };
}
