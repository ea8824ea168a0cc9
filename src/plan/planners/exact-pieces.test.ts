import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import type { Problem } from "../problem.ts";
import { exactPieces } from "./exact-pieces.ts";

/** A stem, two branches that meet, and a head. */
const branching: Sketch = {
  inputs: { in: 0 },
  nodes: [
    { name: "stem", reads: ["in"], bytes: 1, seconds: [4, 4, 4] },
    { name: "left", reads: ["stem"], bytes: 1, seconds: [2, 2, 2] },
    { name: "right", reads: ["stem"], bytes: 1, seconds: [2, 2, 2] },
    { name: "join", reads: ["left", "right"], bytes: 1, seconds: [1, 1, 1] },
    { name: "head", reads: ["join"], bytes: 1, seconds: [3, 3, 3] },
  ],
  outputs: ["head"],
  objective: { type: "throughput" },
  devices: [{ name: "a" }, { name: "b" }, { name: "c" }],
  links: [...between("a", "b", 1), ...between("b", "c", 1), ...between("a", "c", 1)],
};

test("branches stay together, and the devices take the pieces in order", () => {
  const found = planOf(problemOf(branching));
  expect(found.value).toBe(5);
  expect(new Set(found.placement).size).toBe(3);
  expect(found.placement.slice(1, 4)).toEqual(Array(3).fill(found.placement[1]));
  expect(found.bestAmong).toBe("chains-of-pieces");
  // All work on three devices at once.
  expect(found.bound).toBeCloseTo(4, 9);
});

test("where no piece can be divided the best chain is the best of all", () => {
  const nodes = branching.nodes.filter(({ name }) => name !== "right");
  const chain = nodes.map((node) => (node.name === "join" ? { ...node, reads: ["left"] } : node));
  const found = planOf(problemOf({ ...branching, nodes: chain }));
  expect(found).toMatchObject({ value: 4, bound: 4 });
});

test("more devices than pieces make nothing harder", () => {
  const names = Array.from({ length: 40 }, (_, device) => `d${device}`);
  const links = names.flatMap((name, device) =>
    names.slice(device + 1).flatMap((other) => between(name, other, 1)),
  );
  const nodes = Array.from({ length: 20 }, (_, node) => ({
    name: `n${node}`,
    reads: [node === 0 ? "in" : `n${node - 1}`],
    bytes: 1,
    seconds: names.map(() => 1 + (node % 3)),
  }));
  const devices = names.map((name) => ({ name, memoryBytes: 1e9 }));
  const found = planOf(problemOf({ ...branching, nodes, outputs: ["n19"], devices, links }));
  expect(found).toMatchObject({ value: 3, bound: 3 });
});

test("a node that fits no device is the reason, and that is certain", () => {
  const devices = ["a", "b", "c"].map((name) => ({ name, memoryBytes: 2 }));
  const steps = exactPieces.plan(problemOf({ ...branching, devices }), { random: createRandom(1) });
  const last = [...drain(steps)].at(-1);
  expect(last).toMatchObject({ type: "infeasible", witness: { node: "join", neededBytes: 3 } });
  expect(last).not.toHaveProperty("isProven");
});

function planOf(problem: Problem) {
  const last = [...drain(exactPieces.plan(problem, { random: createRandom(1) }))].at(-1);
  if (last === null || last === undefined || "type" in last) throw new Error(last?.reason);
  return last;
}

/** What a generator yields, and what it returns. */
function* drain<Y, R>(steps: Generator<Y, R>): Generator<Y | R> {
  for (;;) {
    const step = steps.next();
    yield step.value;
    if (step.done === true) return;
  }
}
