import type { Random } from "../base/random.ts";
import type { GraphIndex } from "../graph/graph.ts";

/** Parts of less than this share of the whole say more about noise than about the device. */
const leastShare = 0.04;

/**
 * Draws a split of the graph order into `parts` contiguous pieces, each with at least 4 % of the
 * time, and no piece parting nodes that must stay together. O(nodes) per try.
 *
 * @returns node positions by part; fewer parts where the graph does not allow as many
 */
export function drawSplit(
  index: GraphIndex,
  nodeSeconds: readonly number[],
  parts: number,
  random: Random,
): number[][] {
  const places = cutPlaces(index);
  for (let tries = 0; tries < 50 && places.length >= parts - 1; tries++) {
    const cuts = random.shuffle(places).slice(0, parts - 1);
    const pieces = piecesOf(
      index.graph.nodes.length,
      cuts.sort((a, b) => a - b),
    );
    if (pieces.every((nodes) => shareOf(nodes, nodeSeconds) >= leastShare)) return pieces;
  }
  if (parts > 2) return drawSplit(index, nodeSeconds, parts - 1, random);
  return [[...index.graph.nodes.keys()]];
}

/** Positions before which the order can be cut without parting a colocated group. */
function cutPlaces(index: GraphIndex): number[] {
  const last = new Map<string, number>();
  index.graph.nodes.forEach(({ colocation }, node) => {
    if (colocation !== undefined) last.set(colocation, node);
  });
  const places: number[] = [];
  let closed = 0;
  index.graph.nodes.forEach(({ colocation }, node) => {
    if (node > 0 && node > closed) places.push(node);
    if (colocation !== undefined) closed = Math.max(closed, last.get(colocation) ?? 0);
  });
  return places;
}

function piecesOf(count: number, cuts: readonly number[]): number[][] {
  const bounds = [0, ...cuts, count];
  return bounds.slice(1).map((end, piece) => {
    const start = bounds[piece] ?? 0;
    return Array.from({ length: end - start }, (_, offset) => start + offset);
  });
}

function shareOf(nodes: readonly number[], nodeSeconds: readonly number[]): number {
  const total = nodeSeconds.reduce((sum, value) => sum + value, 0);
  return nodes.reduce((sum, node) => sum + (nodeSeconds[node] ?? 0), 0) / total;
}
