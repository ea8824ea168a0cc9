/**
 * The best of all chains of stages between a graph's pieces, each on one device or shared by rows, by
 * trying them all with `evaluate`.
 *
 * @module
 */
import { heightOf } from "../../src/graph/tile.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { findStarts } from "../../src/plan/planners/exact-pieces/model.ts";
import type { Problem } from "../../src/plan/problem.ts";
import type { TileStage } from "../../src/plan/tiles.ts";

/** Exponential in pieces, devices and rows; `Infinity` if none is allowed. */
export function bestSharedChain(problem: Problem): number {
  const starts = findStarts(problem);
  let best = Number.POSITIVE_INFINITY;
  const grow = (piece: number, placement: readonly number[], tiles: readonly TileStage[]): void => {
    if (piece === starts.length - 1) {
      const found = evaluate(problem, placement, tiles);
      if (found.type === "feasible") best = Math.min(best, found.value);
      return;
    }
    const from = starts[piece] as number;
    for (const device of problem.devices.keys()) {
      const alone = range(from, starts[piece + 1] as number).map(() => device);
      grow(piece + 1, [...placement, ...alone], tiles);
    }
    for (let end = piece + 1; end < starts.length; end++) {
      const nodes = range(from, starts[end] as number);
      if (nodes.some((node) => problem.index.graph.nodes[node]?.window === undefined)) break;
      for (const stage of waysToShare(problem, nodes)) {
        const first = stage.devices[0] as number;
        grow(end, [...placement, ...nodes.map(() => first)], [...tiles, stage]);
      }
    }
  };
  grow(0, [], []);
  return best;
}

function* waysToShare(problem: Problem, nodes: readonly number[]): Generator<TileStage> {
  const height = heightOf(problem.index, problem.index.nodeOutputs[nodes.at(-1) as number]?.[0]);
  function* members(
    devices: readonly number[],
    ends: readonly number[],
  ): Generator<{ devices: readonly number[]; ends: readonly number[] }> {
    const from = ends.at(-1) ?? 0;
    if (from === height && devices.length > 1) yield { devices, ends };
    for (const device of problem.devices.keys()) {
      if (devices.includes(device)) continue;
      for (let end = from + 1; end <= height; end++) {
        yield* members([...devices, device], [...ends, end]);
      }
    }
  }
  for (const { devices, ends } of members([], [])) {
    yield {
      nodes,
      devices,
      rows: ends.map((to, member) => ({ from: ends[member - 1] ?? 0, to })),
    };
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}
