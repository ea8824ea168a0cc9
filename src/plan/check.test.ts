import { expect, test } from "vitest";
import { type SmallProblem, smallProblem } from "../../test/fixtures/small-problem.ts";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { check, placementOf } from "./check.ts";
import { type Plan, readPlan } from "./plan.ts";
import { single } from "./planners/single.ts";
import { runPlanner } from "./run-planner.ts";

const small: SmallProblem = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["t"] },
    { name: "b", inputs: ["t"], outputs: ["x"] },
  ],
  bytes: { in: 1, t: 1, x: 1 },
  outputs: ["x"],
  topology: `
devices: [{ name: camera }, { name: cloud, speed: 10 }]
links: [{ between: [camera, cloud], bandwidth: 80 bit/s }]
source: camera`,
};
const problem = smallProblem(small);
const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const plan = runPlanner(single, problem, { seed: 1, clock }) as Plan;

test("a plan says what it costs, where, and what else there is", () => {
  expect(plan).toMatchObject({
    guarantee: "optimal-in-class",
    class: "one-device",
    placement: { a: "cloud", b: "cloud" },
    bottleneck: { device: "cloud" },
    alternatives: { camera: 2 },
    transfers: [
      { tensor: "in", from: "camera", to: "cloud", bytes: 1 },
      { tensor: "x", from: "cloud", to: "camera", bytes: 1 },
    ],
  });
  expect(plan.claimed.latencySeconds).toBeCloseTo(0.4, 12);
  expect(plan.alternatives["cloud"]).toBeCloseTo(0.4, 12);
  expect(readPlan(JSON.stringify(plan))).toEqual(plan);
});

test("takes a plan that holds", () => {
  expect(check(problem, plan).value).toBe(plan.claimed.latencySeconds);
});

test.each([
  ["another graph", { graphSha256: "0" }, "another graph"],
  ["another objective", { objective: "energy" }, 'objective "energy"'],
  [
    "a latency that is not so",
    { claimed: { ...plan.claimed, latencySeconds: seconds(0.3) } },
    "latencySeconds = 0.3",
  ],
  ["a bound above its value", { bound: 1 }, "above its own value"],
  ["a node nowhere", { placement: { a: "cloud" } }, "'b' nowhere"],
  ["a node that is not there", { placement: { ...plan.placement, c: "cloud" } }, "'c'"],
  ["a device that is not there", { placement: { ...plan.placement, b: "moon" } }, "'moon'"],
])("refuses a plan with %s", (_, change, message) => {
  expect(() => check(problem, { ...plan, ...change })).toThrow(message);
});

test("refuses a plan that breaks a limit of the problem", () => {
  const strict = smallProblem({ ...small, limits: { latencySeconds: 0.1 } });
  expect(() => check(strict, plan)).toThrow("above the limit");
});

test("reads a placement by names", () => {
  expect(placementOf(problem, { ...plan, placement: { b: "camera", a: "cloud" } })).toEqual([1, 0]);
});

test("says which memory is exceeded by how much when no device can run everything", () => {
  const topology = small.topology
    .replace("name: camera }", "name: camera, memory: 1 B }")
    .replace("speed: 10", "speed: 10, memory: 0.5 B");
  const found = runPlanner(single, smallProblem({ ...small, topology }), { seed: 1, clock });
  expect(found).toMatchObject({ type: "infeasible", witness: { neededBytes: 2, memoryBytes: 1 } });
});
