import { firstCut } from "../../examples/own-planner/first-cut.ts";
import { longRun, plannerConformance } from "./planner.ts";

plannerConformance(firstCut, { problems: longRun ? 2000 : 160, nodes: 6, devices: 3 });
