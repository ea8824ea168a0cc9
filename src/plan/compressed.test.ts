import { expect, test } from "vitest";
import { modelledProfile } from "../../test/fixtures/modelled-profile.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { readTopology } from "../cost/topology-file.ts";
import { onCompressed } from "./compressed.ts";
import type { Plan } from "./plan.ts";
import type { Planner } from "./planner.ts";
import { cic } from "./planners/cic.ts";
import { exact } from "./planners/exact.ts";
import { single } from "./planners/single.ts";
import { createProblem, type Problem } from "./problem.ts";
import { runPlanner } from "./run-planner.ts";

const topology = readTopology(`
format: partita.topology/1
devices:
  - { name: device, speed: 0.1 }
  - { name: server }
links:
  - { between: [device, server], bandwidth: 40 Mbit/s }
source: device
`);
const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

test("a plan on groups says so, places all nodes and keeps its proof where all are covered", () => {
  const problem = pairProblem("squeezenet");
  const whole = planOf(exact, problem);
  const found = planOf(onCompressed(exact), problem);
  expect(found.planner).toBe("exact+compress");
  expect(found.method).toMatch(/^minimum cut, on \d groups of 65 nodes$/);
  expect(found.guarantee).toBe("optimal");
  expect(found.claimed.latencySeconds).toBeCloseTo(whole.claimed.latencySeconds, 12);
  expect(Object.keys(found.placement)).toHaveLength(65);
});

test("where return flow is not excluded, the bound falls and the class is one-way", () => {
  const problem = pairProblem("googlenet");
  const found = planOf(onCompressed(exact), problem);
  expect(found).toMatchObject({ bound: null, guarantee: "optimal-in-class", class: "one-way" });
  expect(found.claimed.latencySeconds).toBeCloseTo(planOf(cic, problem).claimed.latencySeconds, 12);
});

test("classes that groups keep are kept, the others fall", () => {
  const classOf = (optimalAmong: Planner["optimalAmong"]) =>
    onCompressed({ ...single, optimalAmong }).optimalAmong;
  expect(classOf("one-device")).toBe("one-device");
  expect(classOf("one-way")).toBe("one-way");
  expect(classOf("all")).toBe("one-way");
  expect(classOf("chain-cuts")).toBeNull();
  expect(classOf("chains-of-pieces")).toBeNull();
  expect(classOf(null)).toBeNull();
});

test.each<[string, Partial<Parameters<typeof problemOf>[0]>, RegExp]>([
  ["a pipeline", { objective: { type: "throughput" } }, /does not compress: the throughput/],
  [
    "a source that may be overfilled",
    { devices: [{ name: "low", memoryBytes: 5 }, { name: "high" }] },
    /everything on it, device 'low'/,
  ],
  ["a limit", { limits: { latencySeconds: 1 } }, /limit/],
])("is refused for %s", (_, change, reason) => {
  const problem = problemOf({
    inputs: { in: 10 },
    nodes: [{ name: "a", reads: ["in"], bytes: 4, seconds: [2, 1] }],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
    ...change,
  });
  expect(onCompressed(exact).refuses(problem)).toMatch(reason);
});

test("is refused where a link that no tensor takes makes the end of the line as near as its middle", () => {
  const shortcut = (secondsPerByte: number) =>
    problemOf({
      inputs: { in: 10 },
      nodes: [{ name: "a", reads: ["in"], bytes: 4, seconds: [3, 2, 1] }],
      outputs: ["a"],
      devices: [{ name: "low" }, { name: "middle" }, { name: "high" }],
      links: [
        ...between("low", "middle", 1),
        ...between("middle", "high", 1),
        ...between("low", "high", secondsPerByte),
      ],
    });
  expect(onCompressed(exact).refuses(shortcut(9))).toMatch(/which way is onwards is not certain/);
});

test("what the planner itself refuses stays refused", () => {
  const picky: Planner = { ...single, refuses: () => "it never wants to" };
  expect(onCompressed(picky).refuses(pairProblem("alexnet"))).toBe("it never wants to");
});

function pairProblem(name: Parameters<typeof modelledProfile>[0]): Problem {
  return createProblem(modelledProfile(name), topology, { type: "latency" });
}

function planOf(planner: Planner, problem: Problem): Plan {
  const found = runPlanner(planner, problem, { seed: 1, clock });
  if ("type" in found) throw new Error(found.reason);
  return found;
}
