import { expect, test } from "vitest";
import { changingLink, withShare } from "../../test/fixtures/changing-link.ts";
import { readTopology } from "../cost/topology-file.ts";
import { createProblem } from "../plan/problem.ts";
import { observe } from "./observation.ts";

const problem = changingLink();
const plan = {
  stages: [
    { id: "s0", devices: ["camera"], nodes: ["n0"] },
    { id: "s1", devices: ["cloud"], nodes: ["n1"] },
  ],
} as unknown as Parameters<typeof observe>[1];
const hop = { from: "camera", to: "cloud", count: 3, goodputBitsPerSecond: 7e6 };

test("compares stages with what the devices' stated speed predicts", () => {
  const found = observe(problem, plan, {
    stages: [
      { stage: "s0", device: "camera", count: 3, busySeconds: 0.16 },
      { stage: "s1", device: "cloud", count: 3, busySeconds: 0.08 },
    ],
    hops: [hop],
  });
  expect(found.devices).toEqual([
    { device: 0, slowDown: 2, count: 3, busySeconds: expect.closeTo(0.48, 9) },
    { device: 1, slowDown: 1, count: 3, busySeconds: expect.closeTo(0.24, 9) },
  ]);
  expect(found.links).toEqual([{ link: 0, bitsPerSecond: 7e6, count: 3 }]);
});

test("compares a stage with what is predicted for as many rows as went through it", () => {
  const single = withShare(problem, 0.75);
  const figures = {
    stages: [
      { stage: "s0", device: "camera", rows: 4, count: 1, busySeconds: 0.16 },
      { stage: "s0", device: "camera", rows: 1, count: 2, busySeconds: 0.12 },
    ],
    hops: [],
  };
  const found = observe(problem, plan, figures, (rows) => (rows === 1 ? single : problem));
  expect(found.devices).toEqual([
    {
      device: 0,
      slowDown: expect.closeTo(2, 9),
      count: 3,
      busySeconds: expect.closeTo(0.4, 9),
    },
  ]);
});

test("says nothing of stages without a run, of hops without a figure, and of who is not known", () => {
  const found = observe(problem, plan, {
    stages: [
      { stage: "s0", device: "camera", count: 0, busySeconds: 0.16 },
      { stage: "other", device: "cloud", count: 3, busySeconds: 0.08 },
    ],
    hops: [
      { ...hop, goodputBitsPerSecond: null },
      { ...hop, to: "nobody" },
    ],
  });
  expect(found).toEqual({ devices: [], links: [], bounds: [], probing: [] });
});

test("a transfer under way bounds its link by what it has not managed", () => {
  const pending = [{ from: "camera", to: "cloud", bytes: 100_000, seconds: 2 }];
  const found = observe(problem, plan, { stages: [], hops: [], pending });
  expect(found.bounds).toEqual([{ link: 0, bitsPerSecond: 400_000 }]);
});

test("a transfer under way says at which rate it comes in, where that is seen", () => {
  const transfer = { from: "camera", to: "cloud", bytes: 100_000, seconds: 2 };
  const pending = [{ ...transfer, seenBitsPerSecond: 50_000 }];
  const found = observe(problem, plan, { stages: [], hops: [], pending });
  expect(found.bounds).toEqual([{ link: 0, bitsPerSecond: 400_000, seenBitsPerSecond: 50_000 }]);
});

test("what is seen on one link of a medium holds for the others, in proportion", () => {
  const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: gateway }, { name: cloud }]
links:
  - { from: camera, to: gateway, bandwidth: 10 Mbit/s, medium: air }
  - { from: gateway, to: cloud, bandwidth: 20 Mbit/s, medium: air }
source: camera
sink: anywhere
`);
  const shared = createProblem(problem.profile, topology, { type: "latency" });
  const found = observe(shared, plan, { stages: [], hops: [{ ...hop, to: "gateway" }] });
  expect(found.links.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([7e6, 14e6]);
  const relayed = observe(shared, plan, { stages: [], hops: [hop] });
  expect(relayed.links.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([7e6, 14e6]);
});

test("what a round trip takes is no transfer", () => {
  const [link] = problem.topology.links;
  const far = createProblem(
    problem.profile,
    { ...problem.topology, links: [{ ...link, latencySeconds: 0.5 } as never] },
    { type: "latency" },
  );
  const boundsAfter = (seconds: number) => {
    const pending = [{ from: "camera", to: "cloud", bytes: 100_000, seconds }];
    return observe(far, plan, { stages: [], hops: [], pending }).bounds;
  };
  expect(boundsAfter(1)).toEqual([]);
  expect(boundsAfter(3)).toEqual([{ link: 0, bitsPerSecond: 400_000 }]);
});

test("says which links are being probed", () => {
  const probing = [
    { from: "camera", to: "cloud" },
    { from: "camera", to: "nobody" },
  ];
  expect(observe(problem, plan, { stages: [], hops: [], probing }).probing).toEqual([0]);
});
