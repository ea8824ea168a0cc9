/**
 * All ways in which one device can run a graph, some of it tile by tile, each by `evaluate`.
 *
 * @module
 */
import { heightOf } from "../../src/graph/tile.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { findStarts } from "../../src/plan/planners/exact-pieces/model.ts";
import type { Problem } from "../../src/plan/problem.ts";
import type { TileStage } from "../../src/plan/tiles.ts";

export interface WayInTurn {
  readonly memoryBytes: number;
  readonly latencySeconds: number;
}

/**
 * Every end of every run of pieces, each cut into every number of tiles of every size. Exponential in
 * pieces and rows.
 *
 * @param problem of one device without limits
 */
export function waysInTurn(problem: Problem): WayInTurn[] {
  const starts = findStarts(problem);
  const placement = problem.index.graph.nodes.map(() => 0);
  const ways: WayInTurn[] = [];
  const grow = (piece: number, tiles: readonly TileStage[]): void => {
    if (piece === starts.length - 1) {
      const found = evaluate(problem, placement, tiles);
      if (found.type === "infeasible") return;
      const { memoryBytes, latencySeconds } = found;
      ways.push({ memoryBytes: memoryBytes[0] as number, latencySeconds });
      return;
    }
    grow(piece + 1, tiles);
    for (let end = piece + 1; end < starts.length; end++) {
      const nodes = placement.map((_, node) => node).slice(starts[piece], starts[end]);
      if (nodes.some((node) => problem.index.graph.nodes[node]?.window === undefined)) break;
      for (const stage of waysToCut(problem, nodes)) grow(end, [...tiles, stage]);
    }
  };
  grow(0, []);
  return ways;
}

function* waysToCut(problem: Problem, nodes: readonly number[]): Generator<TileStage> {
  const height = heightOf(problem.index, problem.index.nodeOutputs[nodes.at(-1) as number]?.[0]);
  for (let set = 1; set < 2 ** (height - 1); set++) {
    const inner = Array.from({ length: height - 1 }, (_, row) => row + 1);
    const ends = [...inner.filter((row) => (set >> (row - 1)) & 1), height];
    const rows = ends.map((to, tile) => ({ from: ends[tile - 1] ?? 0, to }));
    yield { nodes, devices: ends.map(() => 0), rows };
  }
}
