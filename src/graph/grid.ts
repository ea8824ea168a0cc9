import type { GraphIndex } from "./graph.ts";
import { leavingTensors, shareOfNode, shareOfTensor, type Tile } from "./tile.ts";
import type { Region, Rows } from "./window.ts";

/** How the positions along one axis are shared: in so many equal parts, or in proportion to weights. */
export type Shares = number | readonly number[];

/**
 * Parts of an axis that follow one on the other, in proportion to their shares and none of them empty:
 * part i of n equal ones ends at ⌊(i + 1) · extent ÷ n⌋. Fewer parts where there are fewer positions.
 */
export function divide(extent: number, shares: Shares): Rows[] {
  const weights = typeof shares === "number" ? Array<number>(shares).fill(1) : shares;
  const kept = weights.filter((weight) => weight > 0).slice(0, extent);
  const total = kept.reduce((sum, weight) => sum + weight, 0);
  let [sum, from] = [0, 0];
  return kept.map((weight, part) => {
    sum += weight;
    const left = kept.length - 1 - part;
    const wanted = left === 0 ? extent : Math.floor((sum * extent) / total);
    const rows = { from, to: Math.min(Math.max(wanted, from + 1), extent - left) };
    from = rows.to;
    return rows;
  });
}

/** The regions of a grid over a picture, row by row. */
export function gridRegions(extents: readonly number[], rows: Shares, columns: Shares): Region[] {
  const [height = 1, width = 1] = extents;
  const across = divide(width, columns);
  return divide(height, rows).flatMap((own) => across.map((other): Region => [own, other]));
}

/** What the tiles of some nodes cost together, against the whole. */
export interface TileFigures {
  /** Of each tile, by its positions of each node ÷ all of them. */
  readonly flop: readonly number[];
  readonly wholeFlop: number;
  /** What all tiles compute more than once ÷ the whole. */
  readonly redundancy: number;
  /** Of the tensors that enter, halo included, and of those that leave, of each tile. */
  readonly inputBytes: readonly number[];
  readonly outputBytes: readonly number[];
}

/**
 * Work and traffic of tiles. Nodes whose FLOP are not known count as none. O(tiles · uses of tensors) time.
 *
 * @param nodes that each tile runs, ascending
 */
export function tileFigures(
  index: GraphIndex,
  nodes: readonly number[],
  tiles: readonly Tile[],
): TileFigures {
  const wholeFlop = nodes.reduce((sum, node) => sum + (index.graph.nodes[node]?.flop ?? 0), 0);
  const flop = tiles.map(({ nodes: made }) =>
    nodes.reduce((sum, node) => {
      const own = made.get(node);
      const all = index.graph.nodes[node]?.flop ?? 0;
      return own === undefined ? sum : sum + all * shareOfNode(index, node, own);
    }, 0),
  );
  const made = new Set(nodes.flatMap((node) => index.nodeOutputs[node] ?? []));
  const read = new Set(nodes.flatMap((node) => index.nodeInputs[node] ?? []));
  const bytesOf =
    (tensors: readonly number[]) =>
    (tile: Tile): number =>
      tensors.reduce((sum, tensor) => {
        const own = tile.tensors.get(tensor);
        const all = index.graph.tensors[tensor]?.bytes ?? 0;
        return own === undefined ? sum : sum + all * shareOfTensor(index, tensor, own);
      }, 0);
  const work = flop.reduce((sum, own) => sum + own, 0);
  return {
    flop,
    wholeFlop,
    redundancy: wholeFlop === 0 ? 0 : work / wholeFlop - 1,
    inputBytes: tiles.map(bytesOf([...read].filter((tensor) => !made.has(tensor)))),
    outputBytes: tiles.map(bytesOf(leavingTensors(index, nodes))),
  };
}
