import type { GraphIndex } from "../../../graph/graph.ts";
import { extentsOf, type Tile, tileOf, wholeRegion } from "../../../graph/tile.ts";
import { neededRows, type Rows, rowCount } from "../../../graph/window.ts";
import type { Problem } from "../../problem.ts";

/**
 * What rows of the output of a run of nodes are made from, for every run that ends with the same node.
 * Rows [a, b) need of node v the rows from `from[v][a]` to `to[v][b - 1]`, both rising.
 */
export interface RowTable {
  /** Rows of the output; where the axis is 1, columns stand for rows everywhere here, and rows for columns. */
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
  /** The part of each node's columns that all columns of the output are made from, from `first` on. */
  readonly columns: Float64Array;
  /** What is read of a tensor, in its rows: rows from a to b need those from `from[a]` to `to[b - 1]`. */
  reads(tensor: number): Reads;
}

export interface Reads {
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** The part of the tensor's columns. */
  readonly columns: number;
  /** These columns. */
  readonly across: Rows;
}

/**
 * O(uses of tensors by the nodes · rows) time and memory.
 *
 * @param axis 0 for rows, 1 for columns
 */
export function rowTable(
  { index }: Problem,
  first: number,
  last: number,
  axis: 0 | 1 = 0,
): RowTable {
  const nodes = Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  const extentOf = (tensor: number | undefined): number => extentsOf(index, tensor)[axis] as number;
  const height = extentOf(index.nodeOutputs[last]?.[0]);
  const wanted = new Map<number, Interval>();
  const made: Interval[] = [];
  for (const node of nodes.toReversed()) {
    const outputs = index.nodeOutputs[node] ?? [];
    const own = node === last ? identity(height) : spanOf(height, wanted, outputs);
    made[node - first] = own;
    const window = index.graph.nodes[node]?.window;
    for (const tensor of index.nodeInputs[node] ?? []) {
      const extent = extentOf(tensor);
      const known = wanted.get(tensor) ?? nothing(height);
      wanted.set(tensor, known);
      for (let row = 0; row < height; row++) {
        const rows = { from: own.from[row] as number, to: own.to[row] as number };
        widen(
          known,
          row,
          window === undefined ? { from: 0, to: extent } : neededRows(window, rows, extent, axis),
        );
      }
    }
  }
  const heights = Int32Array.from(nodes, (node) => extentOf(index.nodeOutputs[node]?.[0]));
  const spreadOut = made.map((own, position) => spread(own, heights[position] as number));
  const read = new Map<number, Reads>();
  const tile = wholeOf(index, nodes);
  const other = 1 - axis;
  const partOf = (span: Rows, tensor: number | undefined): number =>
    rowCount(span) / (extentsOf(index, tensor)[other] as number);
  return {
    height,
    first,
    last,
    from: spreadOut.map(({ from }) => from),
    to: spreadOut.map(({ to }) => to),
    heights,
    columns: Float64Array.from(nodes, (node) =>
      partOf(tile.nodes.get(node)?.[other] as Rows, index.nodeOutputs[node]?.[0]),
    ),
    reads: (tensor) => {
      const across =
        tile.tensors.get(tensor)?.[other] ?? (wholeRegion(index, tensor)[other] as Rows);
      const own = read.get(tensor) ?? {
        ...spread(wanted.get(tensor) ?? nothing(height), extentOf(tensor)),
        columns: partOf(across, tensor),
        across,
      };
      read.set(tensor, own);
      return own;
    },
  };
}

/** What all of the last node's outputs is made from. */
function wholeOf(index: GraphIndex, nodes: readonly number[]): Tile {
  const outputs = index.nodeOutputs[nodes.at(-1) as number] ?? [];
  const whole = new Map(outputs.map((tensor) => [tensor, wholeRegion(index, tensor)]));
  return tileOf(index, nodes, whole);
}

/** For each row of the output what it needs of something; empty where `from` is not below `to`. */
interface Interval {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

function nothing(rows: number): Interval {
  return { from: new Int32Array(rows), to: new Int32Array(rows) };
}

function identity(rows: number): Interval {
  return {
    from: Int32Array.from({ length: rows }, (_, row) => row),
    to: Int32Array.from({ length: rows }, (_, row) => row + 1),
  };
}

function widen({ from, to }: Interval, row: number, by: { from: number; to: number }): void {
  if (by.from >= by.to) return;
  const isEmpty = (from[row] as number) >= (to[row] as number);
  from[row] = isEmpty ? by.from : Math.min(from[row] as number, by.from);
  to[row] = isEmpty ? by.to : Math.max(to[row] as number, by.to);
}

function spanOf(
  rows: number,
  wanted: ReadonlyMap<number, Interval>,
  tensors: readonly number[],
): Interval {
  const span = nothing(rows);
  for (const tensor of tensors) {
    const own = wanted.get(tensor);
    if (own === undefined) continue;
    for (let row = 0; row < rows; row++) {
      widen(span, row, { from: own.from[row] as number, to: own.to[row] as number });
    }
  }
  return span;
}

/** Rows that need nothing but padding are given a place between their neighbours. */
function spread(own: Interval, extent: number): Interval {
  const rows = own.from.length;
  const from = new Int32Array(rows);
  const to = new Int32Array(rows);
  const isFull = (row: number): boolean => (own.from[row] as number) < (own.to[row] as number);
  let next = extent;
  for (let row = rows - 1; row >= 0; row--) {
    if (isFull(row)) next = Math.min(next, own.from[row] as number);
    from[row] = next;
  }
  let last = 0;
  for (let row = 0; row < rows; row++) {
    if (isFull(row)) last = Math.max(last, own.to[row] as number);
    to[row] = Math.max(last, from[row] as number);
  }
  return { from, to };
}
