import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import { exact } from "./exact.ts";

/** Three nodes of 10 s on the first device and 1 s on the others, 4 bytes of parameters each. */
const sketch: Sketch = {
  inputs: { in: 0 },
  nodes: ["a", "b", "c"].map((name, position, names) => ({
    name,
    reads: [names[position - 1] ?? "in"],
    bytes: 2,
    seconds: [10, 1, 1],
    parameterBytes: 4,
  })),
  outputs: ["c"],
  devices: [{ name: "low" }, { name: "left" }, { name: "right" }],
  links: [...between("low", "left", 1), ...between("low", "right", 1)],
};

test("a cap on memory moves the nodes that do not fit", () => {
  // All three need 12 bytes of parameters and 4 of tensors: one goes round by the first device.
  const capped = withMemory(undefined, 12, 12);
  expect(capped.at(-1)).toMatchObject({
    value: 7,
    bound: expect.closeTo(7),
  });
  expect(withMemory(undefined, 16, 16).at(-1)).toMatchObject({ placement: [1, 1, 1], value: 3 });
});

test("too little memory everywhere is answered with the node, the bytes and the nearest device", () => {
  expect(withMemory(5, 7, 6).at(-1)).toMatchObject({
    type: "infeasible",
    reason: expect.stringMatching(/'b'.*'left'.*8 B.*1 B more.*7 B/),
    witness: { node: "b", device: "left", neededBytes: 8, memoryBytes: 7 },
  });
});

test("a source that cannot run what privacy ties to it is answered with node, device and tensor", () => {
  const nodes = sketch.nodes.map((node) =>
    node.name === "b" ? { ...node, seconds: [null, 1, 1] } : node,
  );
  const problem = problemOf({ ...sketch, nodes, limits: { keepLocal: "b" } });
  expect(runToEnd(problem).at(-1)).toMatchObject({
    type: "infeasible",
    witness: { node: "b", device: "low", tensor: "a" },
  });
});

test("parameters beyond all memory together are said to be", () => {
  const long = Array.from({ length: 9 }, (_, node) => ({
    ...(sketch.nodes[0] as Sketch["nodes"][number]),
    name: `n${node}`,
    reads: [node === 0 ? "in" : `n${node - 1}`],
  }));
  const problem = problemOf({
    ...sketch,
    nodes: long,
    outputs: ["n8"],
    devices: sketch.devices.map((device) => ({ ...device, memoryBytes: 11 })),
  });
  expect(runToEnd(problem).at(-1)).toMatchObject({
    type: "infeasible",
    witness: { neededBytes: 36, memoryBytes: 33 },
  });
});

test("a limit that nothing keeps is answered with the least that it is exceeded by", () => {
  const problem = problemOf({ ...sketch, limits: { latencySeconds: 2 } });
  expect(runToEnd(problem).at(-1)).toMatchObject({
    type: "infeasible",
    witness: { limit: "latency", value: 3, allowed: 2 },
  });
});

test("bounds rise and values fall from step to step until they meet", () => {
  const random = createRandom(4);
  const problem = problemOf({
    ...sketch,
    nodes: Array.from({ length: 14 }, (_, node) => ({
      name: `n${node}`,
      reads: node === 0 ? ["in"] : [`n${node - 1}`, `n${random.integer(node)}`],
      bytes: random.integer(9),
      seconds: [random.integer(30), random.integer(20), random.integer(20)],
      parameterBytes: random.integer(10),
    })),
    outputs: ["n13"],
    devices: sketch.devices.map((device) => ({ ...device, memoryBytes: 48 })),
    links: [...sketch.links, ...between("left", "right", 1)],
  });
  const steps = runToEnd(problem) as Incumbent[];
  expect(steps.length).toBeGreaterThan(1);
  steps.slice(1).forEach(({ value, bound }, position) => {
    const before = steps[position] as Incumbent;
    expect(value).toBeLessThanOrEqual(before.value);
    expect(bound).toBeGreaterThanOrEqual(before.bound as number);
  });
  const last = steps.at(-1) as Incumbent;
  expect(last.bound).toBeCloseTo(last.value, 6);
});

function withMemory(...memories: readonly (number | undefined)[]): (Incumbent | Infeasible)[] {
  const devices = sketch.devices.map((device, position) => {
    const memoryBytes = memories[position];
    return memoryBytes === undefined ? device : { ...device, memoryBytes };
  });
  return runToEnd(problemOf({ ...sketch, devices }));
}

/** Every step and the result. */
function runToEnd(problem: Parameters<typeof exact.plan>[0]): (Incumbent | Infeasible)[] {
  const steps = exact.plan(problem, { random: createRandom(1) });
  const seen: (Incumbent | Infeasible)[] = [];
  for (;;) {
    const { value, done } = steps.next();
    if (value !== null) seen.push(value);
    if (done === true) return seen;
  }
}
