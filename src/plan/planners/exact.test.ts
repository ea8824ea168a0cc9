import { expect, test } from "vitest";
import { between, problemOf } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { exact } from "./exact.ts";
import { findSingle, single as planSingle } from "./single.ts";

test("whoever stops the search at once has at least the best single device", () => {
  const names = Array.from({ length: 40 }, (_, device) => `d${device}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: ["a", "b", "c"].map((name, node) => ({
      name,
      reads: [node === 0 ? "in" : (["a", "b", "c"][node - 1] as string)],
      bytes: 3,
      seconds: names.map((_, device) => 50 - device + 10 * ((device + node) % 3)),
    })),
    outputs: ["c"],
    devices: names.map((name) => ({ name })),
    links: names.flatMap((name, from) =>
      names.slice(from + 1).flatMap((other, more) => between(name, other, 1 + (more % 5))),
    ),
    sink: "d0",
  });
  const single = findSingle(problem);
  const [first, ...later] = exact.plan(problem, { random: createRandom(1) });
  expect(first).toMatchObject({ ...single, bound: 0 });
  const values = later.flatMap((step) => step?.value ?? []);
  expect(values.at(-1)).toBeLessThan(first?.value ?? 0);
  expect(values).toEqual([...values].sort((a, b) => b - a));
});

test("that no device can run everything is no proof that several cannot", () => {
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: [
      { name: "a", reads: ["in"], bytes: 3, seconds: [1, null] },
      { name: "b", reads: ["a"], bytes: 3, seconds: [null, 1] },
    ],
    outputs: ["b"],
    devices: [{ name: "low" }, { name: "high" }],
    links: between("low", "high", 1),
  });
  const end = planSingle.plan(problem, { random: createRandom(1) }).next().value;
  expect(end).toMatchObject({ type: "infeasible", isProven: false });
  expect(exact.plan(problem, { random: createRandom(1) }).next().value).toMatchObject({ value: 5 });
});

test("thousands of nodes on hundreds of devices leave occasions to stop", () => {
  const names = Array.from({ length: 60 }, (_, device) => `d${device}`);
  const chain = Array.from({ length: 4000 }, (_, node) => `n${node}`);
  const problem = problemOf({
    inputs: { in: 4 },
    nodes: chain.map((name, node) => ({
      name,
      reads: [node === 0 ? "in" : (chain[node - 1] as string)],
      bytes: 3,
      seconds: names.map(() => 1),
    })),
    outputs: ["n3999"],
    devices: names.map((name) => ({ name })),
    links: names.slice(1).flatMap((name, before) => between(names[before] as string, name, 1)),
    objective: { type: "throughput" },
  });
  for (const planner of [planSingle, exact]) {
    const steps = planner.plan(problem, { random: createRandom(1) });
    expect(steps.next()).toMatchObject({ done: false, value: { value: 4000 } });
    expect(steps.next().done).toBe(false);
  }
});
