import { readFileSync } from "node:fs";
import { systemClock } from "partita/clock";
import { readProfile, readTopology } from "partita/cost";
import { createProblem, planners, runPlanner } from "partita/plan";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const profile = readProfile(read("profile.json"), "profile.json");
const topology = readTopology(read("topology.yaml"), "topology.yaml");
const problem = createProblem(profile, topology, { type: "throughput" });
const plan = runPlanner(planners.exact, problem, { seed: 1, clock: systemClock });
if (plan.type === "infeasible") throw new Error(plan.reason);
for (const { devices, nodes, seconds } of plan.stages) {
  console.log(`${devices.join()} runs ${nodes.join(", ")} in ${(seconds * 1000).toFixed(1)} ms`);
}
console.log(`${plan.claimed.throughputPerSecond.toFixed(1)} answers a second, gap ${plan.gap}`);
