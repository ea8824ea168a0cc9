import { type Graph, indexGraph } from "../graph/graph.ts";
import { type TileFigures, tileFigures } from "../graph/grid.ts";
import { leavingRegions, tileOf } from "../graph/tile.ts";
import { type Region, regionSize } from "../graph/window.ts";
import type { OnnxModel } from "./model.ts";
import { extractTile, type TilePart } from "./tile.ts";

/** Tiles that together make all that leaves some nodes: what each reads and makes says how to cut and to put together. */
export interface Tiling {
  readonly tiles: readonly TilePart[];
  /** Of each tile, and what computing halos more than once comes to. */
  readonly figures: TileFigures;
}

/**
 * Cuts nodes into tiles. Of every tensor that leaves them each tile makes the part that it makes of
 * the first output of the last node, so that all of that is all of each. Regions of which nothing is
 * made are left out. O(tiles · model) time.
 *
 * @param nodes as for `extractTile`
 * @param regions of the last node's first output, for instance from `gridRegions`
 * @throws as `extractTile`
 */
export function extractTiles(
  model: OnnxModel,
  graph: Graph,
  nodes: readonly string[],
  regions: readonly Region[],
): Tiling {
  const index = indexGraph(graph);
  const positions = nodes.flatMap((name) => index.nodeByName.get(name) ?? []).sort((a, b) => a - b);
  const last = index.nodeOutputs[positions.at(-1) ?? -1]?.[0];
  const asked = regions
    .map((region) => leavingRegions(index, positions, last, region))
    .filter((outputs) => [...outputs.values()].some((region) => regionSize(region) > 0));
  const tiles = asked.map((outputs) => {
    const named = [...outputs].map(
      ([tensor, region]) => [graph.tensors[tensor]?.name ?? "", region] as const,
    );
    return extractTile(model, graph, nodes, new Map(named));
  });
  const figures = tileFigures(
    index,
    positions,
    asked.map((outputs) => tileOf(index, positions, outputs)),
  );
  return { tiles, figures };
}
