import { neurosurgeon } from "../../src/plan/planners/neurosurgeon.ts";
import { longRun, type PlannerException, plannerConformance } from "./planner.ts";

const exceptions: readonly PlannerException[] = [
  {
    reason: "it divides between two devices",
    refuses: ({ kinds }) =>
      kinds.filter((kind) => kind?.nodeSeconds.some((seconds) => seconds !== null)).length > 2,
  },
];

plannerConformance(neurosurgeon, {
  problems: longRun ? 2000 : 320,
  nodes: 7,
  devices: 2,
  exceptions,
});
plannerConformance(neurosurgeon, {
  problems: longRun ? 400 : 48,
  nodes: 5,
  devices: 3,
  exceptions,
});
