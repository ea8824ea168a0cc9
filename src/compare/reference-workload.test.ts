import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createRandom, type Random } from "../base/random.ts";
import { minimiseStages, type StageProgress } from "../plan/planners/stage-chain.ts";
import { contracted, linearised, movedAtRandom, oneDevice } from "./reference-baselines.ts";
import {
  type ReferenceWorkload,
  readReferenceWorkload,
  referenceModel,
} from "./reference-workload.ts";

interface SmallNode {
  readonly id: number;
  readonly accelerator: number;
  readonly colour?: number;
}

/** Milliseconds; a processor takes ten times as long. */
function file(
  nodes: readonly SmallNode[],
  edges: readonly (readonly [number, number, number])[],
  changes: object = {},
): string {
  return JSON.stringify({
    maxSizePerFPGA: 10,
    maxFPGAs: 2,
    maxCPUs: 1,
    nodes: nodes.map(({ id, accelerator, colour }) => ({
      id,
      supportedOnFpga: true,
      cpuLatency: 10 * accelerator,
      fpgaLatency: accelerator,
      isBackwardNode: false,
      size: 1,
      ...(colour === undefined ? {} : { colorClass: colour }),
    })),
    edges: edges.map(([sourceId, destId, cost]) => ({ sourceId, destId, cost, size: 0 })),
    ...changes,
  });
}

const three = [7, 8, 9].map((id) => ({ id, accelerator: 4 }));

test("charges both ends of a cut, and a tensor once however many read it", () => {
  // 7 feeds 8 and 9. With 7 alone: 4 + 1 there, and 1 + 8 on the other; with 9 alone: 1 + 4 and 8 + 1.
  const text = file(three, [
    [7, 8, 1],
    [7, 9, 1],
  ]);
  const end = best(readReferenceWorkload(text, "small.json"));
  expect(end.seconds).toBeCloseTo(0.009, 12);
  expect(end.isProven).toBe(true);
});

test("lets the processor pass tensors for nothing", () => {
  // 7 on the processor costs 1 ms there and nothing for its tensor; the accelerator still pays for it.
  const text = file(
    [
      { id: 7, accelerator: 0.1 },
      { id: 8, accelerator: 4 },
    ],
    [[7, 8, 3]],
    { maxFPGAs: 1 },
  );
  const end = best(readReferenceWorkload(text, "small.json"));
  expect(end.seconds).toBeCloseTo(0.0041, 12);
});

test("keeps nodes of one colour together", () => {
  const nodes = three.map((node) => ({ ...node, colour: 1 }));
  const model = referenceModel(readReferenceWorkload(file(nodes, []), "small.json"));
  expect(model.units).toEqual([[0, 1, 2]]);
});

test("keeps to the memory of accelerators", () => {
  const end = best(readReferenceWorkload(file(three, [], { maxSizePerFPGA: 1 }), "small.json"));
  // One node each on both accelerators, the third on the processor.
  expect(end.seconds).toBeCloseTo(0.04, 12);
});

test.each([
  ["an edge to nowhere", file(three, [[7, 1, 0]]), "names a node that is not listed"],
  [
    "edges of one node that differ",
    file(three, [
      [7, 8, 1],
      [7, 9, 2],
    ]),
    "cost 1 ms and 2 ms",
  ],
  ["no device", file(three, [], { maxFPGAs: 0, maxCPUs: 0 }), "there is no device"],
  ["an id twice", file([...three, { id: 7, accelerator: 1 }], []), "two nodes have one id"],
  ["a missing field", "{}", "maxSizePerFPGA"],
  [
    "a training workload",
    file(three, []).replaceAll('"isBackwardNode":false', '"isBackwardNode":true'),
    "training workloads",
  ],
])("refuses %s", (_, text, message) => {
  const read = () => readReferenceWorkload(text, "small.json");
  expect(read).toThrow(expect.objectContaining({ code: "PROFILE_INVALID" }));
  expect(read).toThrow(message);
});

test("finds the best of all placements in stages, and no baseline finds a better one", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = createRandom(seed);
    const workload = randomWorkload(random);
    const optimum = bestOfAll(workload);
    const model = referenceModel(workload);
    const end = best(workload);
    expect(end.isProven, `seed ${seed}`).toBe(true);
    expect(end.seconds, `seed ${seed}`).toBeCloseTo(optimum, 9);
    for (const found of [
      oneDevice(model),
      linearised(model),
      contracted(model),
      movedAtRandom(model, random, 3),
    ]) {
      expect(found?.seconds ?? optimum, `seed ${seed}`).toBeGreaterThanOrEqual(optimum - 1e-12);
    }
  }
});

// The periods are those of the whole table over all pairs of ideals, filled in once by other code.
test.each([
  ["LayerGraphs-bert24_inference", 39, 0.01778990625],
  ["LayerGraphs-resnet50_inference", 242, 0.033774666015625],
])("solves the public workload %s", (name, ideals, seconds) => {
  const file = `bench/data/workloads/${name}.json`;
  const end = best(readReferenceWorkload(readFileSync(file, "utf8"), file));
  expect(end).toMatchObject({ ideals, isProven: true });
  expect(end.seconds).toBeCloseTo(seconds, 12);
});

test("contracts a network that is one component to a single unit, and a chain not at all", () => {
  const diamond = [0, 1, 2, 3].map((id) => ({ id, accelerator: 1 }));
  const edges = [
    [0, 1, 0],
    [0, 2, 0],
    [1, 3, 0],
    [2, 3, 0],
  ] as const;
  const joined = contracted(
    referenceModel(readReferenceWorkload(file(diamond, edges), "small.json")),
  );
  // The entry of a component stays with what is in front of it.
  expect(joined?.seconds).toBeCloseTo(0.003, 12);
  const chain = contracted(
    referenceModel(
      readReferenceWorkload(
        file(diamond, [
          [0, 1, 0],
          [1, 2, 0],
          [2, 3, 0],
        ]),
        "small.json",
      ),
    ),
  );
  expect(chain?.seconds).toBeCloseTo(0.002, 12);
});

function best(workload: ReferenceWorkload): StageProgress {
  const search = minimiseStages(referenceModel(workload), createRandom(1));
  for (;;) {
    const { done, value } = search.next();
    if (done === true && value !== null) return value;
  }
}

function randomWorkload(random: Random): ReferenceWorkload {
  const count = 3 + random.integer(4);
  return {
    name: "random",
    nodes: Array.from({ length: count }, (_, node) => {
      const seconds = random.integer(10);
      return {
        name: `n${node}`,
        acceleratorSeconds: random.next() < 0.1 ? Number.POSITIVE_INFINITY : seconds,
        processorSeconds: 3 * seconds,
        bytes: random.integer(4),
        transferSeconds: random.integer(4),
        group: random.next() < 0.2 ? "a" : null,
      };
    }),
    predecessors: Array.from({ length: count }, (_, node) =>
      Array.from({ length: node }, (_, before) => before).filter(() => random.next() < 0.4),
    ),
    accelerators: 2,
    processors: 1,
    acceleratorBytes: 4 + random.integer(8),
  };
}

/** The least largest load over all placements whose devices form a pipeline, counted from scratch. */
function bestOfAll(workload: ReferenceWorkload): number {
  const { nodes, predecessors, accelerators, processors } = workload;
  const placement = nodes.map(() => 0);
  let least = Number.POSITIVE_INFINITY;
  const place = (node: number): void => {
    if (node === nodes.length) {
      if (isAllowed(workload, placement)) least = Math.min(least, period(workload, placement));
      return;
    }
    for (let device = 0; device < accelerators + processors; device++) {
      placement[node] = device;
      place(node + 1);
    }
  };
  place(0);
  return least;

  function period(_: ReferenceWorkload, on: readonly number[]): number {
    const loads = Array.from({ length: accelerators + processors }, (_, device) => {
      const isHere = (node: number): boolean => on[node] === device;
      const own = [...nodes.keys()].filter(isHere);
      if (device >= accelerators) {
        return own.reduce((sum, node) => sum + (nodes[node]?.processorSeconds ?? 0), 0);
      }
      const entering = new Set(
        own.flatMap((node) => predecessors[node] ?? []).filter((before) => !isHere(before)),
      );
      const leaving = own.filter((node) =>
        predecessors.some((before, other) => before.includes(node) && !isHere(other)),
      );
      return [
        ...own.map((node) => nodes[node]?.acceleratorSeconds ?? 0),
        ...[...entering, ...leaving].map((node) => nodes[node]?.transferSeconds ?? 0),
      ].reduce((sum, seconds) => sum + seconds, 0);
    });
    return Math.max(...loads);
  }
}

function isAllowed(
  { nodes, predecessors, accelerators, processors, acceleratorBytes }: ReferenceWorkload,
  on: readonly number[],
): boolean {
  const grouped = on.filter((_, node) => nodes[node]?.group === "a");
  if (new Set(grouped).size > 1) return false;
  for (let device = 0; device < accelerators; device++) {
    const bytes = nodes.reduce((sum, node, at) => (on[at] === device ? sum + node.bytes : sum), 0);
    if (bytes > acceleratorBytes) return false;
  }
  const arrows = predecessors.flatMap((before, node) =>
    before.map((other) => [on[other] as number, on[node] as number] as const),
  );
  let left = Array.from({ length: accelerators + processors }, (_, device) => device);
  while (left.length > 0) {
    const next = left.filter((device) =>
      arrows.every(([from, to]) => to !== device || from === device || !left.includes(from)),
    );
    if (next.length === 0) return false;
    left = left.filter((device) => !next.includes(device));
  }
  return true;
}
