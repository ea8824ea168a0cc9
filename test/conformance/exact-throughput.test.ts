import { exactThroughput } from "../../src/plan/planners/exact-throughput.ts";
import { longRun, plannerConformance } from "./planner.ts";
import { allClasses } from "./planner-problems.ts";

// Codecs are chosen around this planner, which is tried with them as a part of `exact`.
const codecs = false;
const classes = allClasses.filter(({ objective }) => objective === "throughput");

plannerConformance(exactThroughput, {
  problems: longRun ? 4000 : 500,
  nodes: 6,
  devices: 3,
  classes,
  codecs,
});
plannerConformance(exactThroughput, {
  problems: longRun ? 2000 : 50,
  nodes: 8,
  devices: 3,
  classes,
  codecs,
});
plannerConformance(exactThroughput, {
  problems: longRun ? 2000 : 200,
  nodes: 5,
  devices: 4,
  classes: [{ shape: "hub", objective: "throughput" }],
  codecs,
});
