import { expect, test } from "vitest";
import { type SmallProblem, smallProblem } from "../../test/fixtures/small-problem.ts";
import type { Clock } from "../base/clock.ts";
import { bytes, seconds } from "../base/units.ts";
import { check, placementOf } from "./check.ts";
import { type Plan, readPlan, type Stage } from "./plan.ts";
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

const onCamera = (stage: Stage): Stage => ({ ...stage, devices: ["camera"] });
const slower = (stage: Stage): Stage => ({ ...stage, seconds: seconds(9) });
const split = { a: "camera", b: "cloud" };
const memoryBytes = { ...plan.claimed.memoryBytes, moon: bytes(1) };
const withMemory = { claimed: { ...plan.claimed, memoryBytes } };

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
  const placed = JSON.stringify(plan).replace('"placement":{', '"placement":{"__proto__":"a",');
  expect(() => readPlan(placed)).toThrow(/plan: placement\.__proto__: nothing in a file/);
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
  ["a gap that its bound does not give", { bound: 0.2, gap: 0.1 }, "gap of 0.1"],
  ["a guarantee that nothing proves", { guarantee: "optimal" as const }, "'optimal-in-class'"],
  ["memory of a device that is not there", withMemory, "memoryBytes.moon"],
  ["an alternative that is not so", { alternatives: { ...plan.alternatives, camera: 9 } }, "= 9"],
  ["an alternative left out", { alternatives: {} }, "alternatives.camera = undefined"],
  ["transfers left out", { transfers: [] }, "transfer 0 of the plan is none"],
  ["a transfer too many", { transfers: [...plan.transfers, ...plan.transfers] }, "it is none"],
  ["another bottleneck", { bottleneck: { device: "camera" } }, "the bottleneck"],
  ["a stage elsewhere", { stages: plan.stages.map(onCamera) }, "stage 's0'"],
  ["a stage of other seconds", { stages: plan.stages.map(slower) }, "seconds.0 = 9"],
  ["a stage left out", { stages: [] }, "0 stages"],
  ["a placement that its stages do not follow", { placement: split }, "stage 's0'"],
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
