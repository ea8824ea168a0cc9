import type { Objective } from "../../src/plan/objective.ts";
import type { Figures } from "./planner-oracle.ts";

/** What an objective says of a plan, a second time. */
export function objectiveValue(
  objective: Objective,
  figures: Pick<Figures, "latencySeconds" | "periodSeconds" | "energyJoules">,
): number {
  const { latencySeconds, periodSeconds, energyJoules } = figures;
  switch (objective.type) {
    case "latency":
      return latencySeconds;
    case "energy":
      return energyJoules;
    case "throughput":
      return periodSeconds;
    case "weighted":
      return objective.latency * latencySeconds + objective.energySecondsPerJoule * energyJoules;
    default:
      return objective satisfies never;
  }
}
