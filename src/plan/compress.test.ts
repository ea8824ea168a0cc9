import { expect, test } from "vitest";
import { between, type NodeSketch, problemOf, type Sketch } from "../../test/fixtures/sketch.ts";
import { createRandom, type Random } from "../base/random.ts";
import { additiveCosts } from "./additive.ts";
import { type Compression, compress } from "./compress.ts";
import { evaluate } from "./evaluate.ts";
import { findLine } from "./line.ts";
import { cutLine } from "./planners/exact-line.ts";
import type { Placement, Problem } from "./problem.ts";

const twoTiers = { devices: [{ name: "low" }, { name: "high" }], links: between("low", "high", 1) };
const always = { slowDown: [[1, 1] as const, [1, 1] as const, [1, 1] as const] };

/** A node that is dear on the first device and cheap on the second. */
const node = (name: string, reads: readonly string[], bytes: number, low = 2, high = 1) => ({
  name,
  reads,
  bytes,
  seconds: [low, high],
});

test("a chain keeps the cuts that carry fewer bytes than all before", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 100 },
    nodes: [
      node("a", ["in"], 200),
      node("b", ["a"], 50),
      node("c", ["b"], 50),
      node("d", ["c"], 70),
      node("e", ["d"], 20),
      node("f", ["e"], 30),
    ],
    outputs: ["f"],
  });
  const { groups, problem: small } = compressed(problem);
  expect(groups).toEqual([[0, 1], [2, 3, 4], [5]]);
  expect(small.index.graph.nodes.map(({ name }) => name)).toEqual(["b", "e", "f"]);
  expect(small.seconds.get(0, 1)).toBe(6);
  expect(small.index.graph.tensors.map(({ name }) => name)).toEqual(["in", "b", "e", "f"]);
});

test("a part between two articulation nodes is kept only if a cut inside carries less", () => {
  const inside = (bytes: number) =>
    problemOf({
      ...twoTiers,
      inputs: { in: 100 },
      nodes: [
        node("x", ["in"], 60),
        node("p", ["x"], bytes),
        node("q", ["x"], bytes),
        node("y", ["p", "q"], 90),
      ],
      outputs: ["y"],
    });
  expect(compressed(inside(30)).groups).toEqual([[0], [1, 2, 3]]);
  expect(compressed(inside(29)).groups).toEqual([[0], [1], [2], [3]]);
});

test("a way past a part settles that no cut lies in it", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 100 },
    nodes: [node("x", ["in"], 60), node("p", ["x"], 1), node("y", ["x", "p"], 90)],
    outputs: ["y"],
  });
  expect(compressed(problem).groups).toEqual([[0], [1, 2]]);
});

test("with a latency for each tensor, two small tensors do not count as less than one", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 100 },
    nodes: [
      node("x", ["in"], 60),
      node("p", ["x"], 20),
      node("q", ["x"], 20),
      node("u", ["p", "q"], 45),
      node("v", ["x"], 1),
      node("y", ["u", "v"], 90),
    ],
    outputs: ["y"],
    links: between("low", "high", 1).map((link) => ({ ...link, latencySeconds: 10 })),
  });
  const found = compress(problem, always);
  expect(found).toMatchObject({ type: "compressed" });
  const merged = "groups" in found ? found.groups.find((nodes) => nodes.includes(3)) : undefined;
  expect(merged).toEqual([3]);
});

test("without the arcs that forbid return, the smallest example would have gone wrong", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 10 },
    nodes: [
      node("q", ["in"], 1, 0, 0),
      node("a", ["in"], 4, 1, 1),
      node("c", ["q"], 1, 100, 0),
      node("w", ["a", "c"], 0, 0, 0),
    ],
    outputs: ["w"],
  });
  const found = compressed(problem);
  expect(found.covers).toBe("one-way");
  expect(oneWayBest(problem).value).toBe(6);
  expect(oneWayBest(found.problem).value).toBe(6);
});

test("where return flow pays, the compression does not claim to cover it", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 10 },
    nodes: [
      node("a", ["in"], 1, 0, 0),
      node("x", ["a"], 1, 20, 0),
      node("u", ["in"], 10, 0, 0),
      node("w", ["x", "u"], 0, 0, 0),
    ],
    outputs: ["w"],
  });
  const found = compressed(problem);
  expect(found.covers).toBe("one-way");
  expect(oneWayBest(problem).value).toBe(10);
  expect(oneWayBest(found.problem).value).toBe(10);
  expect(bound(problem)).toBe(2);
});

test.each<[string, Partial<Sketch>, RegExp]>([
  ["a node that is faster on the first device", { nodes: [node("a", ["in"], 1, 1, 2)] }, /'a' may/],
  ["a node that only the first can run", { nodes: [only("a")] }, /'a' may cost more on 'high'/],
  ["a memory that everything overfills", { devices: tight() }, /everything on it, device 'high'/],
  ["a limit", { limits: { latencySeconds: 9 } }, /limit/],
  ["a tensor that may not leave", { limits: { keepLocal: 1 } }, /privacy/],
  ["the throughput", { objective: { type: "throughput" } }, /no sum/],
  ["no link onwards", { links: [{ from: "high", to: "low", secondsPerByte: 1 }] }, /no link/],
  ["one device", { devices: [{ name: "low" }], links: [] }, /one device/],
])("is refused for %s", (_, change, reason) => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 10 },
    nodes: [{ ...node("a", ["in"], 1), parameterBytes: 8 }],
    outputs: ["a"],
    ...change,
    ...(change.devices?.length === 1 ? { source: "low" } : {}),
  });
  expect(compress(problem)).toMatchObject({
    type: "refused",
    reason: expect.stringMatching(reason),
  });
});

test("is refused where the slow-down of the second device may make a node slower there", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 10 },
    nodes: [node("a", ["in"], 1, 2, 1)],
    outputs: ["a"],
  });
  const within = (most: number) =>
    compress(problem, {
      slowDown: [
        [1, 1],
        [1, most],
      ],
    }).type;
  expect(within(2)).toBe("compressed");
  expect(within(2.1)).toBe("refused");
});

test("is refused for an answer that some cuts carry back and others do not", () => {
  const problem = problemOf({
    ...twoTiers,
    inputs: { in: 10 },
    nodes: [node("a", ["in"], 1), node("b", ["a"], 1)],
    outputs: ["a", "b"],
    sink: "low",
  });
  expect(compress(problem)).toHaveProperty("reason", expect.stringMatching(/travel back/));
});

interface Trial {
  readonly tiers: number;
  readonly latency: boolean;
  readonly sink: "anywhere" | "first" | "last";
}

const trials = ([2, 3] as const).flatMap((tiers) =>
  [false, true].flatMap((latency) =>
    (["anywhere", "first", "last"] as const).map((sink): Trial => ({ tiers, latency, sink })),
  ),
);
const each = process.env["PARTITA_TEST_LONG"] === "1" ? 3000 : 120;

test.each(trials)(
  "no one-way placement is better than the best of the groups, on $tiers tiers, latency $latency, sink $sink",
  { timeout: 600_000 },
  (trial) => {
    const counts = { compressed: 0, smaller: 0, all: 0 };
    for (let seed = 1; seed <= each; seed++) {
      const random = createRandom(seed);
      const problem = problemOf(randomSketch(random, trial));
      const found = compress(problem, random.next() < 0.5 ? null : always);
      const where = `seed ${seed}`;
      if (found.type === "refused") continue;
      counts.compressed++;
      if (found.groups.length < problem.index.graph.nodes.length) counts.smaller++;
      const best = oneWayBest(problem).value;
      const { placement: placed, value } = oneWayBest(found.problem);
      expect(value, where).toBeCloseTo(best, 9);
      expect(costOf(problem, found.expand(placed)), where).toBeCloseTo(best, 9);
      if (found.covers === "one-way") continue;
      counts.all++;
      expect(bound(problem), `${where}: return flow pays`).toBeCloseTo(best, 9);
    }
    expect(counts.compressed).toBeGreaterThan(each * 0.3);
    expect(counts.smaller).toBeGreaterThan(counts.compressed * 0.5);
    expect(counts.all).toBeGreaterThan(each * 0.01);
  },
);

test("what is refused for a faster first device would indeed go wrong", () => {
  let wrong = 0;
  const trial = { tiers: 2, latency: false, sink: "anywhere" } as const;
  for (let seed = 1; seed <= 300; seed++) {
    const random = createRandom(seed);
    const sketch = randomSketch(random, trial);
    const groups = compress(problemOf(sketch), always);
    const nodes = sketch.nodes.map((own) => ({
      ...own,
      seconds: [(own.seconds[0] ?? 0) * random.pick([0.1, 1]), (own.seconds[1] ?? 0) + 1],
    }));
    const faster = problemOf({ ...sketch, nodes });
    if (compress(faster, always).type === "compressed" || groups.type === "refused") continue;
    const least = Math.min(
      ...oneWayPlacements(groups.problem).map((placed) => costOf(faster, groups.expand(placed))),
    );
    if (least > oneWayBest(faster).value * (1 + 1e-9)) wrong++;
  }
  expect(wrong).toBeGreaterThan(20);
});

function compressed(problem: Problem): Compression {
  const found = compress(problem, always);
  if (found.type === "refused") throw new Error(found.reason);
  return found;
}

function only(name: string): NodeSketch {
  return { name, reads: ["in"], bytes: 1, seconds: [1, null] };
}

function tight(): Sketch["devices"] {
  return [{ name: "low" }, { name: "high", memoryBytes: 5 }];
}

/** The least cost of all placements, return flow allowed. */
function bound(problem: Problem): number {
  const line = findLine(problem);
  const costs = additiveCosts(problem);
  const cut = line === null || costs === null ? null : cutLine(problem, line, costs);
  return cut?.bound ?? Number.POSITIVE_INFINITY;
}

function costOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}

function oneWayBest(problem: Problem): { placement: Placement; value: number } {
  let best = { placement: [] as Placement, value: Number.POSITIVE_INFINITY };
  for (const placement of oneWayPlacements(problem)) {
    const value = costOf(problem, placement);
    if (value < best.value) best = { placement, value };
  }
  return best;
}

/** Placements in which no node stands before one that feeds it; the devices are listed in line order. */
function oneWayPlacements({ index, devices }: Problem): Placement[] {
  let placements: number[][] = [[]];
  for (const predecessors of index.predecessors) {
    placements = placements.flatMap((placement) => {
      const least = Math.max(0, ...predecessors.map((before) => placement[before] as number));
      return Array.from({ length: devices.length - least }, (_, more) => [
        ...placement,
        least + more,
      ]);
    });
  }
  return placements;
}

/** A graph of branches that meet, whose nodes are slower on no later device. */
function randomSketch(random: Random, { tiers, latency, sink }: Trial): Sketch {
  const names = ["low", "middle", "high"].slice(0, tiers);
  const isLong = random.next() < 0.5;
  const tensors = random.next() < 0.2 ? ["in", "more"] : ["in"];
  const inputs = Object.fromEntries(tensors.map((name) => [name, 1 + random.integer(12)]));
  const count = 2 + random.integer(tiers === 2 ? 8 : 6);
  const read = new Set<string>();
  const nodes = Array.from({ length: count }, (_, position): NodeSketch => {
    const recent = isLong ? tensors.slice(-2) : tensors;
    const reads = new Set(Array.from({ length: 1 + random.integer(2) }, () => random.pick(recent)));
    // Whatever nobody has read meets in the last node, so that there is one answer.
    if (position === count - 1) for (const name of tensors) if (!read.has(name)) reads.add(name);
    for (const name of reads) read.add(name);
    tensors.push(`t${position}`);
    const seconds = names.map(() => random.integer(9)).sort((a, b) => b - a);
    return { name: `t${position}`, reads: [...reads], bytes: 1 + random.integer(12), seconds };
  });
  const links = names.slice(1).flatMap((name, position) => {
    const before = names[position] as string;
    const up = {
      secondsPerByte: random.pick([0.25, 0.5, 1, 2]),
      latencySeconds: latency ? random.integer(6) : 0,
    };
    const down = random.next() < 0.3 ? { ...up, secondsPerByte: up.secondsPerByte / 4 } : up;
    return [
      { from: before, to: name, ...up },
      { from: name, to: before, ...down },
    ];
  });
  const answer = tensors.at(-1) as string;
  return {
    inputs,
    nodes,
    outputs: [...new Set(random.next() < 0.2 && sink === "anywhere" ? ["t0", answer] : [answer])],
    devices: names.map((name) => ({ name, overheadSeconds: latency ? random.integer(2) : 0 })),
    links,
    sink: { anywhere: "anywhere", first: "low", last: names.at(-1) as string }[sink],
  };
}
