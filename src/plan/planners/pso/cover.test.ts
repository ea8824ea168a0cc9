import { expect, test } from "vitest";
import { randomStrips } from "../../../../test/fixtures/strips.ts";
import { createRandom } from "../../../base/random.ts";
import type { GraphIndex } from "../../../graph/graph.ts";
import { tileOf } from "../../../graph/tile.ts";
import { coveredParts } from "./cover.ts";
import { rowTable } from "./row-table.ts";

/** Rows of what the last node makes; its only column. */
function outputsOf(index: GraphIndex, nodes: readonly number[], from: number, to: number) {
  const outputs = index.nodeOutputs[nodes.at(-1) as number] ?? [];
  return new Map(
    outputs.map((tensor) => [
      tensor,
      [
        { from, to },
        { from: 0, to: 1 },
      ],
    ]),
  );
}

test("of any run's rows made one by one no less is covered than is said", () => {
  let jumped = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const problem = randomStrips(createRandom(seed), { nodes: 5, height: 9, devices: 2 });
    const { index } = problem;
    const tiled = index.graph.nodes.filter(({ window }) => window !== undefined).length;
    const nodes = Array.from({ length: tiled }, (_, node) => node);
    const parts = coveredParts(index);
    const table = rowTable(problem, 0, tiled - 1);
    for (const node of nodes) {
      const made = new Set<number>();
      for (let row = 0; row < table.height; row++) {
        const own = tileOf(index, nodes, outputsOf(index, nodes, row, row + 1)).nodes.get(
          node,
        )?.[0];
        for (let at = own?.from ?? 0; at < (own?.to ?? 0); at++) made.add(at);
      }
      const part = made.size / (table.heights[node] as number);
      expect(parts[node], `seed ${seed}, node ${node}`).toBeLessThanOrEqual(part + 1e-12);
      if (part < 1) jumped++;
    }
  }
  expect(jumped).toBeGreaterThan(20);
});

test("the table of rows says what following the rows says", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const problem = randomStrips(createRandom(seed), { nodes: 4, height: 8, devices: 2 });
    const { index } = problem;
    const last = index.graph.nodes.findLastIndex(({ window }) => window !== undefined);
    const nodes = Array.from({ length: last + 1 }, (_, node) => node);
    const table = rowTable(problem, 0, last);
    const read = table.reads(0);
    for (let from = 0; from < table.height; from++) {
      for (let to = from + 1; to <= table.height; to++) {
        const tile = tileOf(index, nodes, outputsOf(index, nodes, from, to));
        for (const node of nodes) {
          const own = { from: table.from[node]?.[from], to: table.to[node]?.[to - 1] };
          expect(own, `seed ${seed}, node ${node}, rows ${from} to ${to}`).toEqual(
            tile.nodes.get(node)?.[0],
          );
        }
        const input = tile.tensors.get(0)?.[0];
        expect(read.to[to - 1], `seed ${seed}`).toBe(input?.to);
        expect(read.from[from], `seed ${seed}`).toBe(input?.from);
      }
    }
  }
});
