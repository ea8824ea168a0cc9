import { profileOfBatch, topologyOfBatch } from "../cost/batch.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { parseObjective } from "./objective.ts";
import type { Plan } from "./plan.ts";
import { createProblem, type Limits, type Problem, withMemoryLimit } from "./problem.ts";
import { forGraph, type Reservation, topologyLeft } from "./reservation.ts";

/**
 * The problem that a plan was made for: its objective and limits stand in it, and what others had
 * taken of the topology. Of one that joins requests it is that of as many as one: `asPass` is the plan
 * for it.
 *
 * @param topology whole
 * @param requests as one; left out: as many as the plan joins
 * @throws as `createProblem`
 */
export function problemOfPlan(
  plan: Pick<Plan, "objective" | "limits" | "reserved" | "batch">,
  profile: Profile,
  topology: Topology,
  requests: number = plan.batch?.most ?? 1,
): Problem {
  const { objective, limits, reserved } = plan;
  const found = reserved === undefined ? topology : beside(topology, reserved, profile, limits);
  return createProblem(
    profileOfBatch(profile, requests),
    topologyOfBatch(found, requests),
    parseObjective(objective),
    limits,
  );
}

/**
 * What a reservation leaves for one more model. A limit on the memory of devices is on what all models
 * use together.
 */
export function beside(
  topology: Topology,
  reserved: Reservation,
  { graph }: Pick<Profile, "graph">,
  { memoryBytes }: Limits,
): Topology {
  const devices = withMemoryLimit(topology.devices, memoryBytes);
  return forGraph(topologyLeft({ ...topology, devices }, reserved), graph);
}
