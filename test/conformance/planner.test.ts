import { exact } from "../../src/plan/planners/exact.ts";
import { random } from "../../src/plan/planners/random.ts";
import { single } from "../../src/plan/planners/single.ts";
import { longRun, plannerConformance } from "./planner.ts";

const problems = longRun ? 2000 : 160;

plannerConformance(single, { problems, nodes: 6, devices: 3 });
plannerConformance(random, { problems, nodes: 6, devices: 3 });
plannerConformance(exact, { problems: 2000, nodes: 6, devices: 3 });
plannerConformance(exact, {
  problems: longRun ? 2000 : 100,
  nodes: 8,
  devices: 3,
  firstSeed: 10_001,
});
