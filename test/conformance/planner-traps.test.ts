/**
 * Small problems on which well-known mistakes show: the exact planner must give what exhaustive
 * search gives, and what one can check by hand.
 */
import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { between, problemOf, type Sketch } from "../fixtures/sketch.ts";
import { createOracle } from "./planner-oracle.ts";

const two = { devices: [{ name: "low" }, { name: "high" }], links: between("low", "high", 1) };
const three = { devices: [{ name: "a" }, { name: "b" }, { name: "c" }] };
/** One device takes x, u and w cost nothing anywhere: out and back for x alone is best. */
const outAndBack = {
  inputs: { in: 10 },
  nodes: [
    { name: "a", reads: ["in"], bytes: 1, seconds: [0, 0] },
    { name: "x", reads: ["a"], bytes: 1, seconds: [20, 0] },
    { name: "u", reads: ["in"], bytes: 10, seconds: [0, 0] },
    { name: "w", reads: ["x", "u"], bytes: 0, seconds: [0, 0] },
  ],
  outputs: ["w"],
};

const traps: readonly (readonly [string, Sketch, number])[] = [
  ["tensors may flow back", { ...two, ...outAndBack }, 2],
  [
    "three readers behind one link pay once",
    {
      ...two,
      inputs: { in: 100 },
      nodes: [
        { name: "p", reads: ["in"], bytes: 10, seconds: [0, 0] },
        ...["x", "y", "z"].map((name) => ({ name, reads: ["p"], bytes: 0, seconds: [4, 0] })),
      ],
      outputs: ["x", "y", "z"],
    },
    10,
  ],
  [
    "a node may not lie beyond the second boundary and before the first: many small inputs, one large answer, a link with latency and a slow one",
    {
      ...three,
      inputs: { i: 1, j: 1, k: 1 },
      nodes: [{ name: "v", reads: ["i", "j", "k"], bytes: 10, seconds: [0, 1000, 0] }],
      outputs: ["v"],
      links: [...between("a", "b", 0.125, 10), ...between("b", "c", 1)],
      sink: "c",
    },
    21.25,
  ],
  [
    "a tensor for two devices over two direct links pays both, though relaying shares the first link",
    {
      ...three,
      inputs: { in: 4 },
      nodes: [
        { name: "m", reads: ["in"], bytes: 0, seconds: [null, 0, null] },
        { name: "n", reads: ["in"], bytes: 0, seconds: [null, null, 0] },
      ],
      outputs: ["m", "n"],
      links: [...between("a", "b", 2), ...between("b", "c", 2), ...between("a", "c", 3)],
    },
    20,
  ],
  [
    "a direct link that is dearer than relaying is left alone",
    {
      ...three,
      inputs: { in: 4 },
      nodes: [
        { name: "m", reads: ["in"], bytes: 0, seconds: [null, 0, null] },
        { name: "n", reads: ["in"], bytes: 0, seconds: [null, null, 0] },
      ],
      outputs: ["m", "n"],
      links: [...between("a", "b", 2), ...between("b", "c", 2), ...between("a", "c", 5)],
    },
    16,
  ],
  [
    "a pipeline must not come back to a device, though that would balance it best",
    { ...two, ...outAndBack, objective: { type: "throughput" } },
    10,
  ],
];

test.each(traps)("%s", (_, sketch, value) => {
  const problem = problemOf(sketch);
  const { profile, topology, objective, limits } = problem;
  const best = createOracle({ profile, topology, objective, limits }).best();
  expect(best?.value).toBe(value);
  const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
  const plan = runPlanner(exact, problem, { seed: 1, clock });
  expect(plan).toMatchObject({ guarantee: "optimal" });
  if (!("format" in plan)) return;
  const { latencySeconds, periodSeconds } = plan.claimed;
  expect(objective.type === "throughput" ? periodSeconds : latencySeconds).toBe(value);
});
