import { expect, test } from "vitest";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { explain } from "./explain.ts";
import type { Explanation, Figure } from "./explanation.ts";
import type { Plan } from "./plan.ts";
import { exact } from "./planners/exact.ts";
import type { Problem } from "./problem.ts";
import { runPlanner } from "./run-planner.ts";

/** One node of 10 s below and 2 s above; its input takes 4 s up. */
const problem = problemOf({
  inputs: { in: 4 },
  nodes: [{ name: "a", reads: ["in"], bytes: 0, seconds: [10, 2] }],
  outputs: ["a"],
  devices: [{ name: "low" }, { name: "high" }],
  links: between("low", "high", 1),
});

test("a device that is used is explained by the plan without it, another by the plan with it", () => {
  expect(explanationOf(problem)).toMatchObject({
    value: 6,
    devices: [
      {
        device: "low",
        isUsed: false,
        nodes: 0,
        opposite: { type: "plan", value: 10, devicesUsed: ["low"], isOptimal: true },
      },
      {
        device: "high",
        isUsed: true,
        nodes: 1,
        computeSeconds: 2,
        opposite: { type: "plan", value: 10, ratio: 10 / 6, devicesUsed: ["low"] },
      },
    ],
  });
});

test("a plan changes where a figure makes another placement as good, within 1 %", () => {
  const explanation = explanationOf(problem);
  // 4 ÷ factor + 2 = 10, 4 + 2 ÷ factor = 10 and 10 ÷ factor = 6.
  expectChange(explanation, { type: "bandwidth", from: "low", to: "high" }, "down", 1 / 2);
  expectChange(explanation, { type: "speed", device: "high" }, "down", 1 / 3);
  expectChange(explanation, { type: "speed", device: "low" }, "up", 10 / 6);
});

test("figures that cannot change the plan are said to", () => {
  const explanation = explanationOf(problem);
  const back = sensitivity(explanation, { type: "bandwidth", from: "high", to: "low" });
  expect(back).toMatchObject({ down: { type: "never" }, up: { type: "never" } });
  const slower = sensitivity(explanation, { type: "speed", device: "low" });
  expect(slower.down).toEqual({ type: "never" });
});

test("a device that nothing can do without is explained by the reason", () => {
  const lonely = problemOf({
    inputs: { in: 4 },
    nodes: [{ name: "a", reads: ["in"], bytes: 0, seconds: [null, 2] }],
    outputs: ["a"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
  });
  const { devices } = explanationOf(lonely);
  expect(devices.map(({ opposite }) => opposite.type)).toEqual(["none", "none"]);
});

test("what the budget does not reach is unknown", () => {
  const { sensitivities, solves } = explain(problem, planOf(problem), {
    solves: 3,
    stepsPerSolve: 10,
  });
  expect(solves).toBe(3);
  expect(sensitivities.at(-1)?.up.type).toBe("unknown");
});

test("a plan for the least period is explained too", () => {
  const pipeline = problemOf({
    inputs: { in: 1 },
    nodes: [
      { name: "a", reads: ["in"], bytes: 1, seconds: [4, 4] },
      { name: "b", reads: ["a"], bytes: 0, seconds: [4, 4] },
    ],
    outputs: ["b"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
    objective: { type: "throughput" },
  });
  const { devices } = explanationOf(pipeline);
  expect(devices.map(({ opposite }) => opposite)).toMatchObject([
    { type: "plan", value: 8 },
    { type: "plan", value: 8 },
  ]);
});

function planOf(asked: Problem): Plan {
  const plan = runPlanner(exact, asked, { seed: 1, clock: createVirtualClock({}) });
  if (!("format" in plan)) throw new Error(plan.reason);
  return plan;
}

function explanationOf(asked: Problem): Explanation {
  return explain(asked, planOf(asked));
}

function sensitivity(
  explanation: Explanation,
  figure: Figure,
): Explanation["sensitivities"][number] {
  const found = explanation.sensitivities.find(
    ({ figure: other }) => JSON.stringify(other) === JSON.stringify(figure),
  );
  if (found === undefined) throw new Error("no such figure");
  return found;
}

function expectChange(
  explanation: Explanation,
  figure: Figure,
  direction: "down" | "up",
  factor: number,
): void {
  const found = sensitivity(explanation, figure)[direction];
  expect(found).toMatchObject({ type: "changes", devicesUsed: ["low"], movedNodes: 1 });
  if (found.type !== "changes") return;
  const ratio = found.factor / factor;
  expect(Math.abs(Math.log(ratio))).toBeLessThan(Math.log(1.01));
  // The plan has changed there, and not yet at the exact factor.
  expect(direction === "up" ? ratio : 1 / ratio).toBeGreaterThanOrEqual(1);
}
