import { expect, test } from "vitest";
import type { Clock } from "../src/base/clock.ts";
import { seconds } from "../src/base/units.ts";
import { modelProfile } from "../src/cost/roofline.ts";
import { readTopology } from "../src/cost/topology-file.ts";
import { exact } from "../src/plan/planners/exact.ts";
import { createProblem } from "../src/plan/problem.ts";
import { runPlanner } from "../src/plan/run-planner.ts";
import { drawGraph } from "../src/zoo/graph.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const alone = `
format: partita.topology/1
devices: [{ name: board }]
links: []
source: board
`;

test("a device alone finds tiles in turn close to the least memory that they need", () => {
  const profile = modelProfile(drawGraph("vgg16", { resolution: 224, width: 0.125 }));
  const topology = readTopology(alone);
  const limits = { memoryBytes: 41.9e6, tiles: true };
  const problem = createProblem(profile, topology, { type: "latency" }, limits);
  // The whole takes 43.7 MB: 30 MB by itself, 10.4 MB of parameters and two tensors of 1.6 MB.
  const plan = runPlanner(exact, problem, { seed: 1, clock });
  if ("type" in plan) throw new Error(plan.reason);
  expect(plan.claimed.memoryBytes["board"]).toBeLessThanOrEqual(41.9e6);
  expect(plan.stages.some(({ tiles = [] }) => tiles.length > 1)).toBe(true);
});
