import { systemClock } from "../../dist/base/clock.node.js";
import { bytes, seconds, secondsPerByte } from "../../dist/base/units.js";
import type { DeviceProfile, Profile } from "../../dist/cost/profile.js";
import type { Topology } from "../../dist/cost/topology.js";
import type { Plan } from "../../dist/plan/plan.js";
import { exact } from "../../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../../dist/plan/problem.js";
import { runPlanner } from "../../dist/plan/run-planner.js";
import type { PreparedGraph } from "../../dist/runtime/prepare.node.js";

/** For the most answers a second. */
export function throughputProblem(
  { graph }: PreparedGraph,
  measured: DeviceProfile,
  topology: Topology,
): Problem {
  const devices = { here: measured };
  const profile: Profile = { format: "partita.profile/1", graph, devices };
  return createProblem(profile, topology, { type: "throughput" });
}

/** @throws if there is none */
export function bestPlan(problem: Problem): Plan {
  const plan = runPlanner(exact, problem, { seed: 1, clock: systemClock });
  if ("reason" in plan) throw new Error(plan.reason);
  return plan;
}

/** Where nothing depends on what nodes take. */
export function planWith(prepared: PreparedGraph, topology: Topology): Plan {
  const measured = {
    nodeSeconds: prepared.graph.nodes.map(() => seconds(0.001)),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  return bestPlan(throughputProblem(prepared, measured, topology));
}
