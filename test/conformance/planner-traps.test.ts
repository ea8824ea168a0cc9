/**
 * Small problems on which well-known mistakes show: the exact planner must give what exhaustive
 * search gives, and what one can check by hand.
 */
import { expect, test } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import { between, problemOf, type Sketch } from "../fixtures/sketch.ts";
import { outAndBack, threeReaders, twoDevices } from "../fixtures/traps.ts";
import { createOracle } from "./planner-oracle.ts";

const three = { devices: [{ name: "a" }, { name: "b" }, { name: "c" }] };
/** Both other devices have to have the input. */
const forTwo = {
  ...three,
  inputs: { in: 4 },
  nodes: [
    { name: "m", reads: ["in"], bytes: 0, seconds: [null, 0, null] },
    { name: "n", reads: ["in"], bytes: 0, seconds: [null, null, 0] },
  ],
  outputs: ["m", "n"],
};

const traps: readonly (readonly [string, Sketch, number])[] = [
  ["tensors may flow back", { ...twoDevices, ...outAndBack }, 2],
  ["three readers behind one link pay once", { ...twoDevices, ...threeReaders }, 10],
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
      ...forTwo,
      links: [...between("a", "b", 2), ...between("b", "c", 2), ...between("a", "c", 3)],
    },
    20,
  ],
  [
    "a direct link that is dearer than relaying is left alone",
    {
      ...forTwo,
      links: [...between("a", "b", 2), ...between("b", "c", 2), ...between("a", "c", 5)],
    },
    16,
  ],
  [
    "a pipeline must not come back to a device, though that would balance it best",
    { ...twoDevices, ...outAndBack, objective: { type: "throughput" } },
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
