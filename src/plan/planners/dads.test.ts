import { expect, test } from "vitest";
import { leastValue } from "../../../test/fixtures/every-placement.ts";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { outAndBack, threeReaders, twoDevices, wayBack } from "../../../test/fixtures/traps.ts";
import { createRandom, type Random } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import type { Placement, Problem } from "../problem.ts";
import { dads } from "./dads.ts";

test("what comes back is paid for: 6, where a cut without arcs for the order says 2", () => {
  const problem = problemOf({
    ...twoDevices,
    ...wayBack,
  });
  expect(run(problem)).toMatchObject({ value: 6, method: "minimum cut", bestAmong: "one-way" });
});

test("a tensor with three readers on the server is sent once", () => {
  const problem = problemOf({
    ...twoDevices,
    ...threeReaders,
  });
  expect(run(problem)).toMatchObject({ placement: [0, 1, 1, 1], value: 10 });
});

test("where coming back would pay it does not: 10, and 2 is for `exact`", () => {
  const problem = problemOf({
    ...twoDevices,
    ...outAndBack,
  });
  expect(run(problem)).toMatchObject({ value: 10, bound: null, bestAmong: "one-way" });
});

test("a source that runs nothing sends its input to either device, or to both", () => {
  const problem = problemOf({
    devices: [{ name: "sensor", relays: true }, { name: "left" }, { name: "right" }],
    links: [...between("sensor", "left", 1), ...between("sensor", "right", 2)],
    inputs: { in: 4 },
    nodes: [
      { name: "a", reads: ["in"], bytes: 100, seconds: [null, 1, 50] },
      { name: "b", reads: ["in"], bytes: 100, seconds: [null, 50, 1] },
    ],
    outputs: ["a", "b"],
  });
  expect(run(problem)).toMatchObject({ placement: [1, 2], value: 4 + 8 + 2 });
});

test("a cut that does not fit gives way to one that does, and no promise is left", () => {
  const node = { bytes: 1, parameterBytes: 10 };
  const problem = problemOf({
    devices: [{ name: "low" }, { name: "high", memoryBytes: 25 }],
    links: twoDevices.links,
    inputs: { in: 1 },
    nodes: [
      { ...node, name: "a", reads: ["in"], seconds: [9, 1] },
      { ...node, name: "b", reads: ["a"], seconds: [9, 1] },
      { ...node, name: "c", reads: ["b"], seconds: [9, 1] },
    ],
    outputs: ["c"],
  });
  expect(run(problem)).toMatchObject({ placement: [0, 1, 1], value: 9 + 1 + 2 });
});

test("a server with no room for a single parameter is left out", () => {
  const problem = problemOf({
    devices: [{ name: "low" }, { name: "high", memoryBytes: 0 }],
    links: twoDevices.links,
    inputs: { in: 0 },
    nodes: [{ name: "a", reads: ["in"], bytes: 0, parameterBytes: 1, seconds: [9, 1] }],
    outputs: ["a"],
  });
  expect(run(problem)).toMatchObject({ placement: [0], value: 9 });
});

test("a pipeline is balanced, and is proven where a weighted sum says so", () => {
  const problem = problemOf({
    ...twoDevices,
    objective: { type: "throughput" },
    inputs: { in: 1 },
    nodes: ["a", "b", "c", "d"].map((name, position) => ({
      name,
      reads: [position === 0 ? "in" : (["a", "b", "c"][position - 1] as string)],
      bytes: 1,
      seconds: [2, 2],
    })),
    outputs: ["d"],
  });
  expect(run(problem)).toMatchObject({ placement: [0, 0, 1, 1], value: 4, bestAmong: "one-way" });
});

test("the period is at most three times the best one-way one, and its floor is below that", () => {
  let reached = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const problem = randomPipeline(createRandom(seed));
    const found = run(problem);
    const best = leastOneWay(problem);
    if ("type" in found) throw new Error(found.reason);
    const percent = /at most (\S+) %/.exec(found.method ?? "")?.[1] ?? 0;
    // Written with two digits, so that it may be rounded down by a twentieth.
    const above = 1 + (Number(percent) / 100) * 1.05;
    expect(found.value, `seed ${seed}`).toBeLessThanOrEqual(Math.min(3, above) * best);
    expect(found.value, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    if (found.value <= best * (1 + 1e-9)) reached++;
  }
  expect(reached).toBeGreaterThan(120);
});

function run(problem: Problem): Incumbent | Infeasible {
  const steps = dads.plan(problem, { random: createRandom(1) });
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** No limits, and nothing that comes back: three loads. */
function randomPipeline(random: Random): Problem {
  const names = ["in"];
  const nodes = Array.from(
    { length: 1 + random.integer(8) },
    (_, node): Sketch["nodes"][number] => {
      const reads = [...new Set([random.pick(names), random.pick(names.slice(-2))])];
      names.push(`n${node}`);
      const seconds = [random.integer(30), random.integer(30)];
      return { name: `n${node}`, reads, bytes: random.integer(12), seconds };
    },
  );
  return problemOf({
    ...twoDevices,
    objective: { type: "throughput" },
    inputs: { in: random.integer(12) },
    nodes,
    outputs: [`n${nodes.length - 1}`],
  });
}

/** `Infinity` if nothing is allowed. */
function leastOneWay(problem: Problem): number {
  const isOneWay = (placement: Placement): boolean =>
    problem.index.predecessors.every((before, node) =>
      before.every((other) => (placement[other] as number) <= (placement[node] as number)),
    );
  return leastValue(problem, isOneWay) ?? Number.POSITIVE_INFINITY;
}
