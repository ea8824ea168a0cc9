import { onCompressed } from "../../src/plan/compressed.ts";
import type { Planner } from "../../src/plan/planner.ts";
import { cic } from "../../src/plan/planners/cic.ts";
import { dads } from "../../src/plan/planners/dads.ts";
import { single } from "../../src/plan/planners/single.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, type PlannerException, plannerConformance } from "./planner.ts";
import { laterIsFaster } from "./planner-later-faster.ts";

/** Whatever does not compress, and what the planner refuses itself. */
function exceptionsOf(planner: Planner): PlannerException[] {
  const compressed = onCompressed(planner);
  return [
    ["groups would not be exact", /^its graph does not compress: /],
    ["the planner wants two devices", /two devices that are linked/],
    ["which codec a tensor has depends on the state", /which codec/],
  ].map(([reason, pattern]) => ({
    reason: reason as string,
    refuses: (problem: Problem) => (pattern as RegExp).test(compressed.refuses(problem) ?? ""),
  }));
}

const problems = longRun ? 2000 : 160;

plannerConformance(onCompressed(single), {
  problems,
  nodes: 6,
  devices: 2,
  adapt: laterIsFaster,
  exceptions: exceptionsOf(single),
});
plannerConformance(onCompressed(cic), {
  problems,
  nodes: 6,
  devices: 2,
  adapt: laterIsFaster,
  exceptions: exceptionsOf(cic),
});
// Relays and direct links beside a line matter here.
plannerConformance(onCompressed(dads), {
  problems,
  nodes: 6,
  devices: 2,
  exceptions: exceptionsOf(dads),
});
