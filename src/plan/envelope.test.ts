import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import type { Parameter } from "./envelope/box.ts";
import { createDecider, findReigns } from "./envelope/decision.ts";
import { type Envelope, readEnvelope } from "./envelope/file.ts";
import { buildEnvelope, type EnvelopeStep, runEnvelope } from "./envelope.ts";
import type { Infeasible } from "./feasibility.ts";
import { createProblem, type Problem } from "./problem.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

/** A chain of two nodes; a bandwidth of 8 bit/s carries a byte in a second. */
const chain = {
  nodes: [
    { name: "a", inputs: ["in"], outputs: ["t"], seconds: 1 },
    { name: "b", inputs: ["t"], outputs: ["out"], seconds: 9, parameterBytes: 100 },
  ],
  bytes: { in: 8, t: 2, out: 0 },
  outputs: ["out"],
};
const topology = `
devices:
  - { name: phone }
  - { name: server, speed: 9 }
links:
  - { between: [phone, server], bandwidthBitsPerSecond: 8 }
source: phone
sink: anywhere
`;
const bandwidth: Parameter = { type: "bandwidth", links: [0, 1], least: 0.08, most: 800 };
const slowDown: Parameter = { type: "slow-down", device: 1, least: 1, most: 20 };

test("the decision changes where two placements cost the same", () => {
  const envelope = built(smallProblem({ ...chain, topology }), [bandwidth]);
  // Everything on the server costs 8 x + 10/9, b alone on the server 2 x + 2, the phone 10.
  const reigns = findReigns(envelope, 0, [8]);
  expect(reigns.map(({ placement }) => envelope.placements[placement]?.devices)).toEqual([
    [0, 0],
    [0, 1],
    [1, 1],
  ]);
  const [phone, both, server] = reigns;
  expect(phone?.from).toBe(0.08);
  expect(phone?.to).toBeCloseTo(2, 9);
  expect(both?.to).toBeCloseTo((8 * 6) / (2 - 10 / 9), 9);
  expect(server?.to).toBe(800);
  expect(envelope.excess).toBe(0);
});

test("in two parameters each placement is chosen in its own region", () => {
  const envelope = built(smallProblem({ ...chain, topology }), [bandwidth, slowDown]);
  const { decide, costOf } = createDecider(envelope);
  const placedAt = (...values: number[]) => envelope.placements[decide(values)]?.devices;
  expect(placedAt(800, 1)).toEqual([1, 1]);
  expect(placedAt(8, 1)).toEqual([0, 1]);
  expect(placedAt(8, 12)).toEqual([0, 0]);
  expect(costOf(decide([8, 1]), [8, 1])).toBeCloseTo(4, 12);
  expect(costOf(decide([800, 20]), [800, 20])).toBeCloseTo(10, 12);
});

test("a link that changes with another keeps its ratio to it", () => {
  const returning = topology.replace("anywhere", "phone");
  const problem = smallProblem({ ...chain, bytes: { in: 8, t: 2, out: 1 }, topology: returning });
  const both = built(problem, [{ ...bandwidth, least: 4, most: 16 }]);
  const up = built(problem, [{ type: "bandwidth", links: [0], least: 4, most: 16 }]);
  const costAt4 = (envelope: Envelope) => {
    const { decide, costOf } = createDecider(envelope);
    return costOf(decide([4]), [4]);
  };
  expect(costAt4(both)).toBeCloseTo(2 + 2 * 2 + 2, 12);
  expect(costAt4(up)).toBeCloseTo(2 + 2 * 2 + 1, 12);
});

test("the best codec of a hop changes with the bandwidth", () => {
  const zip = { ratio: 4, encodeSecondsPerByte: 0.05, decodeSecondsPerByte: 0 };
  const plain = smallProblem({ ...chain, topology: topology.replace("speed: 9", "speed: 90") });
  const graph = {
    ...plain.profile.graph,
    tensors: plain.profile.graph.tensors.map((tensor) =>
      tensor.name === "in" ? { ...tensor, codecs: { zip } } : tensor,
    ),
  };
  const coded = createProblem({ ...plain.profile, graph }, plain.topology, plain.objective);
  const envelope = built(coded, [{ type: "bandwidth", links: [0, 1], least: 1, most: 8000 }]);
  const { decide } = createDecider(envelope);
  const slow = envelope.placements[decide([20])];
  const fast = envelope.placements[decide([8000])];
  expect(slow).toMatchObject({
    devices: [1, 1],
    codecs: [{ tensor: "in", from: "phone", to: "server", codec: "zip" }],
  });
  expect(fast).toMatchObject({ devices: [1, 1], codecs: [] });
});

test("placements that break a memory limit are not offered, and the excess says what that may cost", () => {
  const small = topology.replace("speed: 9", "speed: 9, memoryBytes: 50");
  const nodes = chain.nodes.map((own) => ({ ...own, parameterBytes: 60 }));
  const envelope = built(smallProblem({ ...chain, nodes, topology: small }), [bandwidth]);
  expect(envelope.placements.map(({ devices }) => devices)).toEqual([[0, 0]]);
  // At 800 bit/s the server would need 8 / 100 + 10/9 s where the phone needs 10 s.
  expect(envelope.excess).toBeCloseTo(10 / (0.08 + 10 / 9) - 1, 6);
});

test("a construction that is stopped says how far from the least cost it may be", () => {
  const problem = smallProblem({ ...chain, topology });
  const steps: EnvelopeStep[] = [];
  const stopped = runEnvelope(problem, [bandwidth, slowDown], {
    clock,
    mostSolves: 3,
    onStep: (step) => steps.push(step),
  });
  expect(steps.map(({ solves }) => solves)).toEqual([1, 2, 3]);
  expect(stopped).toHaveProperty("excess", steps.at(-1)?.excess);
  const all = [...buildEnvelope(problem, [bandwidth, slowDown])].map(({ excess }) => excess);
  expect(all.at(-1)).toBe(0);
  expect(all.every((excess, step) => excess <= (all[step - 1] ?? excess))).toBe(true);
});

test("an excess that is good enough ends the construction", () => {
  const problem = smallProblem({ ...chain, topology });
  const rough = built(problem, [bandwidth, slowDown], 20);
  const fine = built(problem, [bandwidth, slowDown]);
  expect(rough.excess).toBeLessThanOrEqual(20);
  expect(rough.solves).toBeLessThan(fine.solves);
});

test.each([
  ["throughput", { objective: "throughput" }, /no sum/],
  ["a limit", { limits: { latencySeconds: 5 } }, /limit of latency/],
  ["devices in no line", { topology: star() }, /form no line/],
  [
    "a direct link beside the line",
    { topology: triangle(), bytes: { in: 8, t: 2, out: 1 } },
    /one → three stands beside/,
  ],
])("there is no envelope for %s", (_, change, reason) => {
  const found = build(smallProblem({ ...chain, topology, ...change }), [
    { ...bandwidth, links: [0] },
  ]);
  expect(found).toMatchObject({ type: "infeasible", reason: expect.stringMatching(reason) });
});

test.each([
  ["nothing that changes", [], /at least one parameter/],
  ["an empty range", [{ ...bandwidth, most: 0.08 }], /0\.08 bit\/s to 0\.08 bit\/s/],
  ["a device twice", [slowDown, slowDown], /device 'server' changes by two parameters/],
  ["a link that is not there", [{ ...bandwidth, links: [7] }], /no link 7/],
  ["a device that is not there", [{ ...slowDown, device: 7 }], /no device 7/],
] as const)("a box with %s is refused", (_, box, message) => {
  expect(() => build(smallProblem({ ...chain, topology }), box)).toThrow(message);
});

test("an envelope survives being written and read", () => {
  const envelope = built(smallProblem({ ...chain, topology }), [bandwidth, slowDown]);
  expect(readEnvelope(JSON.stringify(envelope), "x.envelope.json")).toEqual(envelope);
  expect(() => readEnvelope("{}", "x.envelope.json")).toThrow(/x.envelope.json: format/);
});

function build(
  problem: Problem,
  box: readonly Parameter[],
  targetExcess = 0,
): Envelope | Infeasible {
  return runEnvelope(problem, box, { clock, targetExcess });
}

function built(problem: Problem, box: readonly Parameter[], targetExcess = 0): Envelope {
  const found = build(problem, box, targetExcess);
  if ("type" in found) throw new Error(found.reason);
  return found;
}

function star(): string {
  return `
devices: [{ name: hub }, { name: one }, { name: two }, { name: three }]
links:
  - { between: [hub, one], bandwidthBitsPerSecond: 8 }
  - { between: [hub, two], bandwidthBitsPerSecond: 8 }
  - { between: [hub, three], bandwidthBitsPerSecond: 8 }
source: hub
`;
}

function triangle(): string {
  return `
devices: [{ name: one }, { name: two }, { name: three }]
links:
  - { from: one, to: two, bandwidthBitsPerSecond: 800 }
  - { from: two, to: three, bandwidthBitsPerSecond: 800 }
  - { from: one, to: three, bandwidthBitsPerSecond: 8 }
source: one
sink: anywhere
`;
}

test("a placement is found where no device holds everything", () => {
  const nodes = chain.nodes.map((own) => ({ ...own, parameterBytes: 100 }));
  const tight = `
devices: [{ name: phone, memoryBytes: 150 }, { name: server, speed: 9, memoryBytes: 150 }]
links: [{ between: [phone, server], bandwidthBitsPerSecond: 8 }]
source: phone
sink: anywhere
`;
  const envelope = built(smallProblem({ ...chain, nodes, topology: tight }), [bandwidth]);
  expect(envelope.placements.map(({ devices }) => devices)).toEqual([[0, 1]]);
});
