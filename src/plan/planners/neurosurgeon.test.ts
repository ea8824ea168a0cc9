import fc from "fast-check";
import { expect, test } from "vitest";
import { between, problemOf, type Sketch } from "../../../test/fixtures/sketch.ts";
import { createRandom } from "../../base/random.ts";
import { evaluate } from "../evaluate.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { dads } from "./dads.ts";
import { chainCuts, neurosurgeon } from "./neurosurgeon.ts";

const chain: Sketch = {
  inputs: { in: 10 },
  nodes: [
    { name: "a", reads: ["in"], bytes: 2, seconds: [4, 1] },
    { name: "b", reads: ["a"], bytes: 8, seconds: [40, 10] },
    { name: "c", reads: ["b"], bytes: 1, seconds: [40, 10] },
  ],
  outputs: ["c"],
  devices: [{ name: "phone" }, { name: "server" }],
  links: between("phone", "server", 1),
  sink: "phone",
};

test("a chain is cut where device, link, server and the way back add up to the least", () => {
  expect(run(neurosurgeon, problemOf(chain))).toMatchObject({
    placement: [0, 1, 1],
    value: 4 + 2 + 20 + 1,
  });
});

test("a link so slow that nothing passes keeps everything on the device, a free one sends it all", () => {
  const slow = problemOf({ ...chain, links: between("phone", "server", 1e15) });
  expect(run(neurosurgeon, slow).placement).toEqual([0, 0, 0]);
  const free = problemOf({ ...chain, links: between("phone", "server", 1e-15) });
  expect(run(neurosurgeon, free).placement).toEqual([1, 1, 1]);
});

test("a graph is cut behind nodes that all paths pass, never inside branches", () => {
  const problem = problemOf({
    ...chain,
    nodes: [
      { name: "a", reads: ["in"], bytes: 2, seconds: [1, 1] },
      { name: "left", reads: ["a"], bytes: 1, seconds: [1, 1] },
      { name: "right", reads: ["a"], bytes: 1, seconds: [1, 1] },
      { name: "b", reads: ["left", "right"], bytes: 1, seconds: [1, 1] },
      { name: "c", reads: ["b"], bytes: 1, seconds: [1, 1] },
    ],
  });
  expect(chainCuts(problem)).toEqual([
    [0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1],
    [0, 1, 1, 1, 1],
    [0, 0, 0, 0, 1],
  ]);
});

test("relays between the two devices are no obstacle, a third that can run nodes is", () => {
  const devices = [{ name: "phone" }, { name: "router", relays: true }, { name: "server" }];
  const links = [...between("phone", "router", 1), ...between("router", "server", 1)];
  const nodes = chain.nodes.map((node) => ({ ...node, seconds: [4, null, 1] }));
  const relayed = problemOf({ ...chain, devices, links, nodes });
  expect(neurosurgeon.refuses(relayed)).toBeNull();
  expect(run(neurosurgeon, relayed).placement).not.toContain(1);
  const third = problemOf({
    ...chain,
    devices: devices.map(({ name }) => ({ name })),
    links,
    nodes: chain.nodes.map((node) => ({ ...node, seconds: [4, 2, 1] })),
  });
  expect(neurosurgeon.refuses(third)).toContain("there are 3 ('phone', 'router', 'server')");
});

test("a cut that breaks a limit is passed over; where all do, that is said to be no proof", () => {
  const seconds = 4 + 2 + 20 + 1;
  const tight = problemOf({ ...chain, limits: { latencySeconds: seconds, periodSeconds: 19 } });
  expect(neurosurgeon.plan(tight, { random: createRandom(1) }).next().value).toMatchObject({
    type: "infeasible",
    isProven: false,
  });
  const loose = problemOf({ ...chain, limits: { periodSeconds: 20 } });
  expect(run(neurosurgeon, loose).placement).toEqual([0, 1, 1]);
});

const chains: fc.Arbitrary<Sketch> = fc
  .record({
    nodes: fc.array(fc.record({ bytes: fc.nat(20), seconds: fc.tuple(fc.nat(40), fc.nat(40)) }), {
      minLength: 1,
      maxLength: 8,
    }),
    input: fc.nat(20),
    rate: fc.constantFrom(1e-12, 0.25, 1, 4, 1e12),
    latency: fc.nat(3),
    watts: fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 })),
    sink: fc.constantFrom("anywhere", "phone", "server"),
    objective: fc.constantFrom(
      { type: "latency" } as const,
      { type: "energy" } as const,
      { type: "weighted", latency: 1, energySecondsPerJoule: 0.25 } as const,
    ),
  })
  .map(({ nodes, input, rate, latency, watts, ...others }) => ({
    ...others,
    inputs: { in: input },
    nodes: nodes.map((node, position) => ({
      ...node,
      name: `n${position}`,
      reads: [position === 0 ? "in" : `n${position - 1}`],
    })),
    outputs: [`n${nodes.length - 1}`],
    devices: [
      { name: "phone", busyWatts: watts[0], idleWatts: 1 },
      { name: "server", busyWatts: watts[1], idleWatts: 2 },
    ],
    links: between("phone", "server", rate, latency).map((link) => ({ ...link, joulesPerBit: 1 })),
  }));

test("on chains it is the best of all cuts, and so is dads", () => {
  fc.assert(
    fc.property(chains, (sketch) => {
      const problem = problemOf(sketch);
      const count = sketch.nodes.length;
      const values = Array.from({ length: count + 1 }, (_, cut) => {
        const placement = sketch.nodes.map((_, node) => (node < cut ? 0 : 1));
        const found = evaluate(problem, placement);
        return found.type === "feasible" ? found.value : Number.NaN;
      });
      const least = Math.min(...values);
      const { value } = run(neurosurgeon, problem);
      expect(Math.abs(value - least)).toBeLessThanOrEqual(1e-9 * least);
      const cut = run(dads, problem);
      expect(cut.bestAmong).toBe("one-way");
      expect(Math.abs(cut.value - value)).toBeLessThanOrEqual(1e-9 * value);
    }),
    { numRuns: 300 },
  );
});

function run(planner: Planner, problem: Problem): Incumbent {
  const steps = planner.plan(problem, { random: createRandom(1) });
  for (;;) {
    const { done, value } = steps.next();
    if (done !== true) continue;
    if (!("placement" in value)) throw new Error(value.reason);
    return value;
  }
}
