import { kpath } from "../../src/plan/planners/kpath.ts";
import { kpathPublished } from "../../src/plan/planners/kpath-published.ts";
import type { Problem } from "../../src/plan/problem.ts";
import { longRun, plannerConformance } from "./planner.ts";
import { allClasses, type ProblemClass } from "./planner-problems.ts";

const hub: ProblemClass = { shape: "hub", objective: "throughput" };
const suite = {
  problems: longRun ? 2000 : 180,
  nodes: 6,
  devices: 3,
  classes: [...allClasses, hub],
  exceptions: [
    {
      reason: "the method is for the throughput only",
      refuses: ({ objective }: Problem) => objective.type !== "throughput",
    },
  ],
};

plannerConformance(kpath, suite);
plannerConformance(kpathPublished, suite);
