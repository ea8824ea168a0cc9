import type { GraphIndex } from "./graph.ts";
import { neededRows, type Rows, rowCount, spanRows } from "./window.ts";

/** What one of several machines does of some nodes that they all run, each for its own rows. */
export interface Tile {
  /** The rows of its outputs that each node makes, by position of the node. */
  readonly nodes: ReadonlyMap<number, Rows>;
  /** The rows of each tensor that is read or made, halo included, by position of the tensor. */
  readonly tensors: ReadonlyMap<number, Rows>;
}

/**
 * Follows rows of the last node's outputs backwards through the nodes. Where branches join, a tensor
 * is wanted in one piece: the rows from the first to the last that any reader needs.
 * O(uses of tensors by the nodes) time and memory.
 *
 * @param nodes ascending, all with a window
 * @param rows of the outputs of the last node
 */
export function tileOf(index: GraphIndex, nodes: readonly number[], rows: Rows): Tile {
  const made = new Map<number, Rows>();
  const tensors = new Map<number, Rows>();
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as number;
    const outputs = index.nodeOutputs[node] ?? [];
    const own = position === nodes.length - 1 ? rows : spanOf(outputs, tensors);
    made.set(node, own);
    for (const tensor of outputs) tensors.set(tensor, own);
    const window = index.graph.nodes[node]?.window;
    for (const tensor of index.nodeInputs[node] ?? []) {
      const extent = heightOf(index, tensor);
      const needed = window === undefined ? allRows(extent) : neededRows(window, own, extent);
      tensors.set(tensor, spanRows(needed, tensors.get(tensor) ?? empty));
    }
  }
  return { nodes: made, tensors };
}

/** The tile of a machine that runs all of the nodes by itself. */
export function wholeTile(index: GraphIndex, nodes: readonly number[]): Tile {
  const made = new Map<number, Rows>();
  const tensors = new Map<number, Rows>();
  for (const node of nodes) {
    made.set(node, allRows(heightOf(index, index.nodeOutputs[node]?.[0])));
    for (const tensor of [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])]) {
      tensors.set(tensor, allRows(heightOf(index, tensor)));
    }
  }
  return { nodes: made, tensors };
}

/** Rows of a tensor [batch, channels, height, width]; 1 for any other, which travels whole. */
export function heightOf(index: GraphIndex, tensor: number | undefined): number {
  const shape = tensor === undefined ? undefined : index.graph.tensors[tensor]?.shape;
  return shape?.length === 4 ? Math.max(1, shape[2] as number) : 1;
}

/** Rows of a node's outputs that are made ÷ all of them; the same of its first output. */
export function shareOfNode(index: GraphIndex, node: number, rows: Rows): number {
  return rowCount(rows) / heightOf(index, index.nodeOutputs[node]?.[0]);
}

/** Rows of a tensor ÷ all of them. */
export function shareOfTensor(index: GraphIndex, tensor: number, rows: Rows): number {
  return rowCount(rows) / heightOf(index, tensor);
}

const empty: Rows = { from: 0, to: 0 };

function allRows(extent: number): Rows {
  return { from: 0, to: extent };
}

function spanOf(tensors: readonly number[], rows: ReadonlyMap<number, Rows>): Rows {
  return tensors.reduce<Rows>((span, tensor) => spanRows(span, rows.get(tensor) ?? empty), empty);
}
