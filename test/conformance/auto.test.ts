import { auto } from "../../src/plan/planners.ts";
import { longRun, plannerConformance } from "./planner.ts";

plannerConformance(auto, { problems: longRun ? 2000 : 240, nodes: 6, devices: 3 });
