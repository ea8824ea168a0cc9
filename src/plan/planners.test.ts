import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../test/fixtures/sketch.ts";
import { choosePlanner, planners } from "./planners.ts";

const sketch: Sketch = {
  inputs: { in: 1 },
  nodes: [{ name: "a", reads: ["in"], bytes: 1, seconds: [1, 1, 1] }],
  outputs: ["a"],
  devices: [{ name: "a" }, { name: "b" }, { name: "c" }],
  links: [...between("a", "b", 1), ...between("b", "c", 1)],
};

test("every planner stands in the table under its own name", () => {
  for (const [name, planner] of Object.entries(planners)) expect(planner.name).toBe(name);
});

test.each([
  ["one minimum cut", sketch],
  ["breaks a limit", { ...sketch, limits: { latencySeconds: 9 } }],
  ["no line", { ...sketch, links: [...sketch.links, ...between("a", "c", 1)] }],
  ["stages", { ...sketch, objective: { type: "throughput" } }],
] as const)("how auto will go about is said: %s", (reason, asked) => {
  const choice = choosePlanner(problemOf(asked));
  expect(choice.planner.name).toBe("auto");
  expect(choice.reason).toContain(reason);
});

test.each([
  ["latency", "branch and bound"],
  ["throughput", "chains of pieces"],
] as const)("auto takes a mesh of many devices too, for the %s", (type, reason) => {
  const names = Array.from({ length: 31 }, (_, device) => `d${device}`);
  const links = names.flatMap((name, device) =>
    names.slice(device + 1).flatMap((other) => between(name, other, 1)),
  );
  const nodes = [{ name: "a", reads: ["in"], bytes: 1, seconds: names.map(() => 1) }];
  const devices = names.map((name) => ({ name }));
  const objective = { type };
  const choice = choosePlanner(problemOf({ ...sketch, nodes, devices, links, objective }));
  expect(choice.planner.name).toBe("auto");
  expect(choice.reason).toContain(reason);
});
