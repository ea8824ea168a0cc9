/**
 * The best of all placements whose stages several devices may run together, by trying them all.
 *
 * @module
 */
import { heightOf } from "../../src/graph/tile.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Problem } from "../../src/plan/problem.ts";
import type { TileStage } from "../../src/plan/tiles.ts";

/** The least value of any allowed placement with up to `stages` shared stages. Exponential in all. */
export function bestTiled(problem: Problem, stages: number): number {
  const nodes = problem.index.graph.nodes.map((_, node) => node);
  let best = Number.POSITIVE_INFINITY;
  for (const tiles of stageSets(problem, nodes, stages)) {
    const shared = new Map(tiles.flatMap((stage) => stage.nodes.map((node) => [node, stage])));
    const choices = nodes.map((node) => {
      const first = shared.get(node)?.devices[0];
      return first === undefined ? [...problem.devices.keys()] : [first];
    });
    for (const placement of products(choices)) {
      const found = evaluate(problem, placement, tiles);
      if (found.type === "feasible") best = Math.min(best, found.value);
    }
  }
  return best;
}

function* stageSets(
  problem: Problem,
  nodes: readonly number[],
  most: number,
): Generator<TileStage[]> {
  yield [];
  if (most === 0) return;
  for (const own of subsets(nodes)) {
    if (own.some((node) => problem.index.graph.nodes[node]?.window === undefined)) continue;
    const first = own[0] as number;
    const others = nodes.filter((node) => node > first && !own.includes(node));
    for (const stage of stagesOf(problem, own)) {
      for (const rest of stageSets(problem, others, most - 1)) yield [stage, ...rest];
    }
  }
}

function* stagesOf(problem: Problem, nodes: readonly number[]): Generator<TileStage> {
  const height = heightOf(problem.index, problem.index.nodeOutputs[nodes.at(-1) as number]?.[0]);
  for (const devices of orders([...problem.devices.keys()])) {
    if (devices.length < 2) continue;
    for (const cuts of ascending(1, height - 1, devices.length - 1)) {
      const ends = [...cuts, height];
      const rows = ends.map((to, member) => ({ from: ends[member - 1] ?? 0, to }));
      yield { nodes, devices, rows };
    }
  }
}

function* subsets(items: readonly number[]): Generator<number[]> {
  for (let set = 1; set < 2 ** items.length; set++) {
    yield items.filter((_, position) => (set >> position) & 1);
  }
}

/** All orders of all subsets. */
function* orders(items: readonly number[]): Generator<number[]> {
  yield [];
  for (const first of items) {
    for (const rest of orders(items.filter((item) => item !== first))) yield [first, ...rest];
  }
}

function* ascending(least: number, most: number, count: number): Generator<number[]> {
  if (count === 0) yield [];
  else {
    for (let first = least; first <= most; first++) {
      for (const rest of ascending(first + 1, most, count - 1)) yield [first, ...rest];
    }
  }
}

function* products(choices: readonly (readonly number[])[]): Generator<number[]> {
  const [first, ...others] = choices;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const one of first) for (const rest of products(others)) yield [one, ...rest];
}
