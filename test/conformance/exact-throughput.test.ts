import { exactThroughput } from "../../src/plan/planners/exact-throughput.ts";
import { longRun, plannerConformance } from "./planner.ts";
import { allClasses } from "./planner-problems.ts";

const classes = allClasses.filter(({ objective }) => objective === "throughput");

plannerConformance(exactThroughput, {
  problems: longRun ? 4000 : 500,
  nodes: 6,
  devices: 3,
  classes,
});
plannerConformance(exactThroughput, {
  problems: longRun ? 2000 : 50,
  nodes: 8,
  devices: 3,
  classes,
});
