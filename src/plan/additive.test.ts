import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../test/fixtures/sketch.ts";
import { additiveCosts } from "./additive.ts";
import { evaluate } from "./evaluate.ts";
import type { Objective } from "./objective.ts";
import { findHops } from "./transfers.ts";

const sketch: Sketch = {
  inputs: { in: 4 },
  nodes: [
    { name: "a", reads: ["in"], bytes: 2, seconds: [3, 5] },
    { name: "b", reads: ["a", "in"], bytes: 1, seconds: [7, 1] },
  ],
  outputs: ["b"],
  devices: [
    { name: "low", busyWatts: 5, idleWatts: 2, overheadSeconds: 1 },
    { name: "high", busyWatts: 9, idleWatts: 3, overheadSeconds: 2 },
  ],
  links: between("low", "high", 1, 1).map((link) => ({ ...link, joulesPerBit: 0.5 })),
  sink: "low",
};

test.each<Objective>([
  { type: "latency" },
  { type: "energy" },
  { type: "weighted", latency: 2, energySecondsPerJoule: 0.25 },
])("costs of nodes and hops sum to what evaluate says: $type", (objective) => {
  const problem = problemOf({ ...sketch, objective });
  const costs = additiveCosts(problem);
  for (const placement of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]) {
    const hops = findHops(problem, placement);
    if ("to" in hops) throw new Error("no route");
    const nodes = placement.map((device, node) => costs?.node(device, node) ?? Number.NaN);
    const moves = hops.map(({ tensor, link }) => costs?.hop(tensor, link) ?? Number.NaN);
    const sum = [...nodes, ...moves].reduce((total, cost) => total + cost, 0);
    expect(evaluate(problem, placement)).toMatchObject({ value: expect.closeTo(sum, 9) });
  }
});

test("throughput is not additive", () => {
  expect(additiveCosts(problemOf({ ...sketch, objective: { type: "throughput" } }))).toBeNull();
});

test("what a device cannot run or privacy forbids costs infinitely much, even at weight zero", () => {
  const problem = problemOf({
    ...sketch,
    nodes: [{ name: "a", reads: ["in"], bytes: 2, seconds: [null, 5] }],
    outputs: ["a"],
    objective: { type: "weighted", latency: 0, energySecondsPerJoule: 0 },
  });
  expect(additiveCosts(problem)?.node(0, 0)).toBe(Number.POSITIVE_INFINITY);
  const kept = additiveCosts(problemOf({ ...sketch, limits: { keepLocal: 1 } }));
  expect(kept?.node(1, 0)).toBe(Number.POSITIVE_INFINITY);
  expect(kept?.hop(0, 0)).toBe(Number.POSITIVE_INFINITY);
});
