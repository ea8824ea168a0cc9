/** The ways to an additive optimum that `exact` seldom goes on small problems, each by itself. */
import { additiveCosts } from "../../src/plan/additive.ts";
import { leavesCodecsOpen } from "../../src/plan/codecs.ts";
import { loadHighsSolver } from "../../src/plan/highs.node.ts";
import type { Planner, Planning } from "../../src/plan/planner.ts";
import {
  type BranchAndBoundOptions,
  branchAndBound,
} from "../../src/plan/planners/branch-and-bound.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { planUnderLimits } from "../../src/plan/planners/exact-limits.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, plannerConformance } from "./planner.ts";
import { allClasses } from "./planner-problems.ts";

const solver = await loadHighsSolver();
const classes = allClasses.filter(({ objective }) => objective !== "throughput");
const size = { nodes: 6, devices: 3, classes };
const problems = longRun ? 2000 : 240;

plannerConformance(searchWith("cuts", { frontier: false }), { ...size, problems });
plannerConformance(searchWith("cuts and linear programmes", { frontier: false, solver }), {
  ...size,
  problems,
  firstSeed: 20_001,
});
plannerConformance(searchWith("the frontier", {}), { ...size, problems, firstSeed: 30_001 });
plannerConformance(
  { ...exact, plan: (problem, tools) => exact.plan(problem, { ...tools, solver }) },
  { ...size, problems, classes: allClasses, firstSeed: 40_001 },
);

/** Branch and bound, without the cut that answers most problems on a line. */
function searchWith(name: string, options: BranchAndBoundOptions): Planner {
  return {
    name: `branch and bound by ${name}`,
    optimalAmong: "all",
    refuses: () => null,
    plan: (problem) => {
      const costs = additiveCosts(problem);
      if (costs === null) throw new Error("not additive");
      const search = (among: Problem): Planning => branchAndBound(among, costs, options);
      return leavesCodecsOpen(problem) ? planUnderLimits(problem, search) : search(problem);
    },
  };
}
