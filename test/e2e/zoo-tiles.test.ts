import { expect, test } from "vitest";
import type { OptimisationLevel } from "../../src/cost/profile.ts";
import { type GraphIndex, indexGraph } from "../../src/graph/graph.ts";
import type { Shares } from "../../src/graph/grid.ts";
import { extentsOf, leavingTensors } from "../../src/graph/tile.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import { sampleInputs } from "../../src/runtime/sample-inputs.ts";
import { type ZooName, zoo, zooNames } from "../../src/zoo/zoo.ts";
import { longRun } from "../conformance/planner.ts";
import {
  type Distance,
  runModel,
  type Tiling,
  tileAndCompare,
  withOutputs,
} from "../fixtures/tiling.ts";

/** The smallest pictures of which each network makes enough rows. */
const resolutions: Partial<Record<ZooName, number>> = { inceptionv4: 107, alexnet: 95 };
const pictured = zooNames.filter((name) => name !== "bert");

const grids: readonly (readonly [string, Shares, Shares])[] = [
  ["2 by 1", 2, 1],
  ["1 by 3", 1, 3],
  ["2 by 2", 2, 2],
  ["3 by 3", 3, 3],
  ["uneven", [1, 3], [5, 2, 1]],
];

/** Runs of nodes that can be tiled and make more than a row, as far as they follow one on the other. */
function runsOf(index: GraphIndex): string[][] {
  const runs: string[][] = [[]];
  index.graph.nodes.forEach(({ name, window }, node) => {
    const extents = extentsOf(index, index.nodeOutputs[node]?.[0]);
    if (window === undefined || extents.some((extent) => extent < 2)) runs.push([]);
    else runs.at(-1)?.push(name);
  });
  const found = runs.filter(({ length }) => length > 0);
  // The longest ones, where there is little time.
  return longRun ? found : found.sort((a, b) => b.length - a.length).slice(0, 2);
}

async function tilingOf(name: ZooName, level: OptimisationLevel): Promise<Tiling> {
  const small = { width: 0.125, resolution: resolutions[name] ?? 64, blocks: 2, classes: 10 };
  const { model, graph, types } = await prepareGraph(zoo[name].build(longRun ? {} : small), {
    level,
  });
  const inputs = sampleInputs(
    graph.inputs.map((input) => ({
      name: input,
      ...(types.get(input) ?? { dataType: "", shape: [] }),
    })),
  );
  const fed = new Map(Object.entries(inputs));
  const index = indexGraph(graph);
  const wanted = new Set(
    runsOf(index).flatMap((names) => {
      const nodes = names.map((node) => index.nodeByName.get(node) as number);
      const read = nodes.flatMap((node) => index.nodeInputs[node] ?? []);
      return [...leavingTensors(index, nodes), ...read].map(
        (tensor) => graph.tensors[tensor]?.name ?? "",
      );
    }),
  );
  const made = [...wanted].filter((tensor) => !fed.has(tensor));
  const found = await runModel(withOutputs(model, made), fed);
  return { model, graph, values: new Map([...fed, ...found]) };
}

/**
 * Bits are the same where kernels add in one order whatever the size of what they make. What is seen at
 * full size: `docs/algorithms/tiles.md`.
 */
const levels: readonly OptimisationLevel[] = longRun ? ["basic", "extended"] : ["extended"];
const cases = pictured.flatMap((name) => levels.map((level) => ({ name, level })));

/** Both tiles of the smallest grid are put together; of each other one in the middle is compared. */
function mostOf(grid: string): number {
  if (longRun) return Number.POSITIVE_INFINITY;
  return grid === "2 by 1" ? 2 : 1;
}

test.each(cases)(
  "tiles of $name at $level answer as the whole",
  async ({ name, level }) => {
    const tiling = await tilingOf(name, level);
    const runs = runsOf(indexGraph(tiling.graph));
    const found: (Distance & { grid: string; nodes: number })[] = [];
    for (const [grid, rows, columns] of grids) {
      for (const nodes of runs) {
        const distance = await tileAndCompare(tiling, nodes, rows, columns, mostOf(grid));
        found.push({ grid, nodes: nodes.length, ...distance });
      }
    }
    expect(found.filter(({ maxRelative }) => !(maxRelative <= 1e-5))).toEqual([]);
    if (longRun) process.stdout.write(`${summaryOf(name, level, found)}\n`);
  },
  longRun ? 1_800_000 : 120_000,
);

function summaryOf(name: ZooName, level: OptimisationLevel, found: readonly Distance[]): string {
  const worst = (of: (distance: Distance) => number) => Math.max(...found.map(of));
  const equal = found.filter(({ bitEqual }) => bitEqual).length;
  return `${name} ${level}: ${equal} of ${found.length} bit-equal, ${worst(({ maxRelative }) => maxRelative).toExponential(1)} relative, ${worst(({ maxUlp }) => maxUlp)} ulp`;
}
