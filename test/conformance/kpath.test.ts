import { kpath } from "../../src/plan/planners/kpath.ts";
import { kpathPublished } from "../../src/plan/planners/kpath-published.ts";
import { plannerConformance } from "./planner.ts";
import { throughputSuite } from "./throughput-suite.ts";

plannerConformance(kpath, throughputSuite);
plannerConformance(kpathPublished, throughputSuite);
