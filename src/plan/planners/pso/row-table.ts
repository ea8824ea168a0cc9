import { heightOf, tileOf } from "../../../graph/tile.ts";
import type { Problem } from "../../problem.ts";

/**
 * What rows of the output of a run of nodes are made from, for every run that ends with the same node.
 * Rows [a, b) need of node v the rows from `from[v][a]` to `to[v][b - 1]`, both rising.
 */
export interface RowTable {
  /** Rows of the output. */
  readonly height: number;
  /** The first node that such a run may begin with. */
  readonly first: number;
  /** The last node. */
  readonly last: number;
  /** By node, from `first` on, and row of the output. */
  readonly from: readonly Int32Array[];
  readonly to: readonly Int32Array[];
  /** Rows of each node's own output, from `first` on. */
  readonly heights: Int32Array;
  /** What is read of a tensor: in parts of all its rows, as rows from a to b: `to[b - 1] - from[a]`. */
  reads(tensor: number): { readonly from: Float64Array; readonly to: Float64Array };
}

/** O(nodes · rows) time and memory. */
export function rowTable({ index }: Problem, first: number, last: number): RowTable {
  const nodes = Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  const height = heightOf(index, index.nodeOutputs[last]?.[0]);
  const tiles = Array.from({ length: height }, (_, row) =>
    tileOf(index, nodes, { from: row, to: row + 1 }),
  );
  const heights = Int32Array.from(nodes, (node) => heightOf(index, index.nodeOutputs[node]?.[0]));
  const made = nodes.map((node, position) =>
    spread(
      tiles.map((tile) => tile.nodes.get(node)),
      heights[position] as number,
    ),
  );
  return {
    height,
    first,
    last,
    from: made.map(({ from }) => from),
    to: made.map(({ to }) => to),
    heights,
    reads: (tensor) => {
      const extent = heightOf(index, tensor);
      const { from, to } = spread(
        tiles.map((tile) => tile.tensors.get(tensor)),
        extent,
      );
      return {
        from: Float64Array.from(from, (row) => row / extent),
        to: Float64Array.from(to, (row) => row / extent),
      };
    },
  };
}

/** Rows that need nothing but padding are given a place between their neighbours. */
function spread(
  rows: readonly ({ readonly from: number; readonly to: number } | undefined)[],
  extent: number,
): { from: Int32Array; to: Int32Array } {
  const from = new Int32Array(rows.length);
  const to = new Int32Array(rows.length);
  let next = extent;
  for (let row = rows.length - 1; row >= 0; row--) {
    const own = rows[row];
    if (own !== undefined && own.from < own.to) next = Math.min(next, own.from);
    from[row] = next;
  }
  let last = 0;
  rows.forEach((own, row) => {
    if (own !== undefined && own.from < own.to) last = Math.max(last, own.to);
    to[row] = Math.max(last, from[row] as number);
  });
  return { from, to };
}
