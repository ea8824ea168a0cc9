import { longRun, type PlannerSuite } from "./planner.ts";
import { allClasses } from "./planner-problems.ts";

/** For methods that answer questions for the throughput only. */
export const throughputSuite: PlannerSuite = {
  problems: longRun ? 2000 : 180,
  nodes: 6,
  devices: 3,
  classes: [...allClasses, { shape: "hub", objective: "throughput" }],
  exceptions: [
    {
      reason: "the method is for the throughput only",
      refuses: ({ objective }) => objective.type !== "throughput",
    },
  ],
};
