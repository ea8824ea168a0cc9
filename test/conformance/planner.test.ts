import { random } from "../../src/plan/planners/random.ts";
import { single } from "../../src/plan/planners/single.ts";
import { longRun, plannerConformance } from "./planner.ts";

const problems = longRun ? 2000 : 160;

plannerConformance(single, { problems, nodes: 6, devices: 3 });
plannerConformance(random, { problems, nodes: 6, devices: 3 });
