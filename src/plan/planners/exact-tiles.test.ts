import { expect, test } from "vitest";
import { randomStrips } from "../../../test/fixtures/strips.ts";
import type { Clock } from "../../base/clock.ts";
import { createRandom } from "../../base/random.ts";
import { bytes, seconds } from "../../base/units.ts";
import type { DeviceProfile } from "../../cost/profile.ts";
import { readTopology } from "../../cost/topology-file.ts";
import type { Window } from "../../graph/window.ts";
import { type Evaluation, evaluate } from "../evaluate.ts";
import type { Incumbent, Planning } from "../planner.ts";
import { createProblem, type Limits, type Problem } from "../problem.ts";
import { runPlanner } from "../run-planner.ts";
import { exact } from "./exact.ts";
import { boundTiled } from "./exact-tiles/bound.ts";
import { planSharedChains } from "./exact-tiles/shared-chains.ts";
import { hasTiles, planWithTiles } from "./exact-tiles.ts";
import { findSingle } from "./single.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };

function strips(seed: number, objective: "throughput" | "latency", tiles: boolean): Problem {
  const shape = { nodes: 3, height: 8, devices: 2, objective, limits: { tiles } };
  return randomStrips(createRandom(seed), shape);
}

test("without strides the bound on devices of different speeds is all work by all speeds", () => {
  let plain = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const problem = strips(seed, "throughput", true);
    const { nodes } = problem.index.graph;
    if (nodes.some(({ window }) => window === undefined || window.stride[0] !== 1)) continue;
    plain++;
    const work = nodes.reduce((sum, _, node) => sum + problem.seconds.get(0, node), 0);
    const speeds = problem.devices.map(({ speed }) => speed);
    const [first = 1, second = 1] = speeds;
    expect(boundTiled(problem)).toBeCloseTo((work * first) / (first + second), 6);
  }
  expect(plain).toBeGreaterThan(5);
});

test("where stages may be shared a latency is the best of all chains of stages, and stands beside a bound", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const shared = strips(seed, "latency", true);
    expect(hasTiles(shared)).toBe(true);
    const plan = runPlanner(exact, shared, { seed: 1, clock });
    expect(plan).toMatchObject({ guarantee: "optimal-in-class", class: "shared-chains" });
    const alone = strips(seed, "latency", false);
    expect(hasTiles(alone)).toBe(false);
    expect(runPlanner(exact, alone, { seed: 1, clock })).toMatchObject({ guarantee: "optimal" });
  }
});

test("what is left open without sharing is left open with it", () => {
  const problem = strips(1, "latency", true);
  const planning = (bound: (value: number) => number): Planning =>
    planWithTiles(problem, { random: createRandom(1) }, function* (unshared) {
      const found = findSingle(unshared) as Incumbent;
      yield found;
      return { ...found, bound: bound(found.value) };
    });
  expect(endOf(planning((value) => value))).toHaveProperty("bestAmong", "shared-chains");
  expect(endOf(planning(() => 0))).not.toHaveProperty("bestAmong");
});

function endOf<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Rows of 4 that are given 20 rows of padding and added up, on devices of three kinds. */
function padded(): Problem {
  const rows = (padBegin: number): Window => ({
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    padBegin: [padBegin, 0],
    padEnd: [0, 0],
  });
  const nodes = [
    { name: "first", inputs: ["in"], outputs: ["t"], window: rows(0) },
    { name: "slow", inputs: ["t"], outputs: ["s"], window: rows(0) },
    { name: "pad", inputs: ["s"], outputs: ["p"], window: rows(20) },
    { name: "other", inputs: ["t"], outputs: ["o"], window: rows(20) },
    { name: "sum", inputs: ["p", "o"], outputs: ["out"], window: rows(0) },
  ].map((node) => ({ ...node, operator: "Op", flop: null, parameterBytes: bytes(0) }));
  const heights = { in: 4, t: 4, s: 4, p: 24, o: 24, out: 24 };
  const tensors = Object.entries(heights).map(([name, height]) => ({
    name,
    dataType: "uint8",
    shape: [1, 1, height, 1],
    bytes: bytes(height),
  }));
  const kind = (nodeSeconds: readonly number[]): DeviceProfile => ({
    nodeSeconds: nodeSeconds.map(seconds),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: 0 as DeviceProfile["boundarySecondsPerByte"],
    overheadBytes: bytes(0),
  });
  const names = ["adds", "starts", "helps"];
  return createProblem(
    {
      format: "partita.profile/1",
      graph: { name: "padded", inputs: ["in"], outputs: ["out"], tensors, nodes },
      devices: {
        adds: kind([100, 0.45, 0, 0, 0]),
        starts: kind([1, 0, 0, 0, 1]),
        helps: kind([100, 0, 0, 0, 1]),
      },
    },
    readTopology(
      JSON.stringify({
        format: "partita.topology/1",
        devices: names.map((name) => ({ name, profile: name })),
        links: [
          { between: ["adds", "starts"], bandwidth: "1 Tbit/s" },
          { between: ["adds", "helps"], bandwidth: "1 Tbit/s" },
          { between: ["starts", "helps"], bandwidth: "1 Tbit/s" },
        ],
        source: "starts",
        sink: "anywhere",
      }),
    ),
    { type: "latency" },
    { tiles: true },
  );
}

test("a device that makes padding at no cost is not taken to be as slow as it is on average", () => {
  const problem = padded();
  const found = endOf(planSharedChains(problem));
  expect(found?.isComplete).toBe(true);
  const best = evaluate(
    problem,
    [1, 0, 0, 0, 0],
    [
      {
        nodes: [1, 2, 3, 4],
        devices: [0, 1, 2],
        rows: [
          { from: 0, to: 21 },
          { from: 21, to: 23 },
          { from: 23, to: 24 },
        ],
      },
    ],
  );
  expect(best).toMatchObject({ type: "feasible" });
  const { value } = best as Evaluation;
  expect(found?.value).toBeLessThanOrEqual(value * (1 + 1e-9));
});

function stepsOf(height: number, limits: Limits = {}): number {
  const shape = { nodes: 2, height, devices: 2, objective: "latency", limits } as const;
  return [...planSharedChains(randomStrips(createRandom(2), shape))].length;
}

test("however many ways there are to share at a cut, the search can be stopped among them", () => {
  expect(stepsOf(240)).toBeGreaterThan(stepsOf(24));
});

test("where each of many chains is evaluated, the search can be stopped among them", () => {
  expect(stepsOf(24, { latencySeconds: seconds(1e9) })).toBeGreaterThan(24);
});

/** Forty rows on two slow devices and a fast one with a slow way back; what the first node makes is an answer, too. */
function answeredOnTheWay(isFastUsed: boolean): Problem {
  const window: Window = {
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    padBegin: [0, 0],
    padEnd: [0, 0],
  };
  const sizes = { in: 1e4, middle: 1e5, out: 40 };
  const kind = (first: number | null): DeviceProfile => ({
    nodeSeconds: [first, first === null ? null : 0] as DeviceProfile["nodeSeconds"],
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: 0 as DeviceProfile["boundarySecondsPerByte"],
    overheadBytes: bytes(0),
  });
  const link = (from: string, to: string, bandwidth: string) => ({ from, to, bandwidth });
  return createProblem(
    {
      format: "partita.profile/1",
      graph: {
        name: "answers",
        inputs: ["in"],
        outputs: ["middle", "out"],
        tensors: Object.entries(sizes).map(([name, size]) => ({
          name,
          dataType: "uint8",
          shape: [1, size / 40, 40, 1],
          bytes: bytes(size),
        })),
        nodes: [
          { name: "first", inputs: ["in"], outputs: ["middle"] },
          { name: "second", inputs: ["middle"], outputs: ["out"] },
        ].map((node) => ({
          ...node,
          window,
          operator: "Op",
          flop: null,
          parameterBytes: bytes(0),
        })),
      },
      devices: { slow: kind(22), fast: kind(isFastUsed ? 1 : null) },
    },
    readTopology(
      JSON.stringify({
        format: "partita.topology/1",
        devices: [
          { name: "source", profile: "slow" },
          { name: "fast", profile: "fast" },
          { name: "near", profile: "slow" },
        ],
        links: [
          link("source", "fast", "1 Tbit/s"),
          link("fast", "source", "8 kbit/s"),
          link("source", "near", "8 kbit/s"),
          link("near", "source", "1 Tbit/s"),
        ],
        source: "source",
      }),
    ),
    { type: "latency" },
    { tiles: true },
  );
}

test("no group is left out for a chain that is fast until its answer on the way is fetched", () => {
  const plan = (isFastUsed: boolean): number => {
    const found = runPlanner(exact, answeredOnTheWay(isFastUsed), { seed: 1, clock });
    if ("type" in found) throw new Error(found.reason);
    return found.claimed.latencySeconds;
  };
  expect(plan(true)).toBeLessThanOrEqual(plan(false) * (1 + 1e-9));
});

/** A slow device with the picture, machines of the edge near it, and a fast cloud far away. */
function tiers(seed: number, edges: readonly string[], runners: readonly string[]): Problem {
  const { profile } = randomStrips(createRandom(seed), { nodes: 7, height: 40, devices: 1 });
  const [kind] = Object.values(profile.devices) as [DeviceProfile];
  const relay: DeviceProfile = { ...kind, nodeSeconds: kind.nodeSeconds.map(() => null) };
  const speeds: Record<string, number> = { device: 0.02, cloud: 30 };
  const link = (from: string, to: string, bandwidth: string) => ({
    between: [from, to],
    bandwidth,
  });
  const topology = readTopology(
    JSON.stringify({
      format: "partita.topology/1",
      devices: ["device", ...edges, "cloud"].map((name) => ({
        name,
        speed: speeds[name] ?? 1,
        profile: runners.includes(name) ? "kind" : "relay",
      })),
      links: [
        link("device", edges[0] as string, "20 kbit/s"),
        link(edges[0] as string, "cloud", "3 bit/s"),
        link("device", "cloud", "2 bit/s"),
        ...edges.flatMap((from, at) =>
          edges.slice(at + 1).map((to) => link(from, to, "20 kbit/s")),
        ),
      ],
      source: "device",
      sink: "anywhere",
    }),
  );
  const kinds = { ...profile, devices: { kind, relay } };
  return createProblem(kinds, topology, { type: "latency" }, { tiles: true });
}

/** Moves on by a second each time that somebody looks. */
function countingClock(): Clock {
  let now = 0;
  return { now: () => seconds(now++), sleep: () => Promise.resolve() };
}

test.each([100, 200])(
  "a device and a cloud beside the edge make no plan worse that is stopped after %i steps",
  (timeLimitSeconds) => {
    const edges = ["edge1", "edge2", "edge3"];
    let shared = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const run = { seed: 1, clock: countingClock(), timeLimitSeconds };
      const plan = runPlanner(exact, tiers(seed, edges, ["device", ...edges, "cloud"]), run);
      const among = runPlanner(exact, tiers(seed, edges, edges), {
        ...run,
        clock: countingClock(),
      });
      if ("type" in plan || "type" in among) throw new Error("there is a plan");
      const { latencySeconds } = among.claimed;
      expect(plan.claimed.latencySeconds, `seed ${seed}`).toBeLessThanOrEqual(
        latencySeconds * (1 + 1e-9),
      );
      if (plan.stopped === true && plan.stages.some(({ tiles }) => tiles !== undefined)) shared++;
    }
    expect(shared).toBeGreaterThan(2);
  },
);
