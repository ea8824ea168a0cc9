import { greedy } from "../../src/plan/planners/greedy.ts";
import { plannerConformance } from "./planner.ts";
import { throughputSuite } from "./throughput-suite.ts";

plannerConformance(greedy, throughputSuite);
