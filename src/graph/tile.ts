import type { GraphIndex } from "./graph.ts";
import { neededRegion, type Region, type Rows, rowCount, spanRegion } from "./window.ts";

/** What one of several machines does of some nodes that they all run, each for its own positions. */
export interface Tile {
  /** The region of its outputs that each node makes, by position of the node. */
  readonly nodes: ReadonlyMap<number, Region>;
  /** The region of each tensor that is read or made, halo included, by position of the tensor. */
  readonly tensors: ReadonlyMap<number, Region>;
}

/**
 * Follows regions of tensors that leave some nodes backwards through them. Where branches join, a
 * tensor is wanted in one piece: from the first to the last position that any reader needs, or that
 * leaves. O(uses of tensors by the nodes) time and memory.
 *
 * @param nodes ascending, all with a window
 * @param outputs regions of tensors that the nodes make, by position of the tensor
 */
export function tileOf(
  index: GraphIndex,
  nodes: readonly number[],
  outputs: ReadonlyMap<number, Region>,
): Tile {
  const made = new Map<number, Region>();
  const tensors = new Map<number, Region>(outputs);
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as number;
    const results = index.nodeOutputs[node] ?? [];
    const own = spanOf(results, tensors);
    made.set(node, own);
    for (const tensor of results) tensors.set(tensor, own);
    const window = index.graph.nodes[node]?.window;
    for (const tensor of index.nodeInputs[node] ?? []) {
      const needed =
        window === undefined
          ? wholeRegion(index, tensor)
          : neededRegion(window, own, extentsOf(index, tensor));
      tensors.set(tensor, spanRegion(needed, tensors.get(tensor) ?? empty));
    }
  }
  return { nodes: made, tensors };
}

/** The tile of a machine that runs all of the nodes by itself. */
export function wholeTile(index: GraphIndex, nodes: readonly number[]): Tile {
  const made = new Map<number, Region>();
  const tensors = new Map<number, Region>();
  for (const node of nodes) {
    made.set(node, wholeRegion(index, index.nodeOutputs[node]?.[0]));
    for (const tensor of [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])]) {
      tensors.set(tensor, wholeRegion(index, tensor));
    }
  }
  return { nodes: made, tensors };
}

/** The tensors that some nodes make and others read or the graph returns, ascending. */
export function leavingTensors(index: GraphIndex, nodes: readonly number[]): number[] {
  const inside = new Set(nodes);
  const answers = new Set(index.outputs);
  const leaves = (tensor: number): boolean =>
    answers.has(tensor) || (index.consumers[tensor] ?? []).some((reader) => !inside.has(reader));
  const made = nodes.flatMap((node) => index.nodeOutputs[node] ?? []);
  return made.filter(leaves).sort((a, b) => a - b);
}

/**
 * What a member makes of all tensors that leave a stage, for its region of one of them: the same parts
 * of each, so that regions that lie side by side, and are all of the one, are all of every other.
 *
 * @param tensor whose region is given
 */
export function leavingRegions(
  index: GraphIndex,
  nodes: readonly number[],
  tensor: number | undefined,
  region: Region,
): Map<number, Region> {
  const extents = extentsOf(index, tensor);
  const scaled = (other: number): Region =>
    extentsOf(index, other).map((extent, axis) => {
      const { from, to } = region[axis] as Rows;
      const at = (edge: number) => Math.floor((edge * extent) / (extents[axis] as number));
      return { from: at(from), to: at(to) };
    });
  return new Map(leavingTensors(index, nodes).map((other) => [other, scaled(other)]));
}

/** Rows and columns of a tensor [batch, channels, height, width]; 1 and 1 of any other, which travels whole. */
export function extentsOf(index: GraphIndex, tensor: number | undefined): readonly number[] {
  const shape = tensor === undefined ? undefined : index.graph.tensors[tensor]?.shape;
  return shape?.length === 4 ? shape.slice(2).map((size) => Math.max(1, size)) : [1, 1];
}

/** Rows of a tensor [batch, channels, height, width]; 1 for any other. */
export function heightOf(index: GraphIndex, tensor: number | undefined): number {
  return extentsOf(index, tensor)[0] as number;
}

/** All positions of a tensor. */
export function wholeRegion(index: GraphIndex, tensor: number | undefined): Region {
  return extentsOf(index, tensor).map((extent) => ({ from: 0, to: extent }));
}

/** Positions of a node's outputs that are made ÷ all of them; the same of its first output. */
export function shareOfNode(index: GraphIndex, node: number, region: Region): number {
  return shareOf(region, extentsOf(index, index.nodeOutputs[node]?.[0]));
}

/** Positions of a tensor ÷ all of them. */
export function shareOfTensor(index: GraphIndex, tensor: number, region: Region): number {
  return shareOf(region, extentsOf(index, tensor));
}

const empty: Region = [
  { from: 0, to: 0 },
  { from: 0, to: 0 },
];

/** By axis, so that all columns are a factor of exactly 1. */
function shareOf(region: Region, extents: readonly number[]): number {
  return region.reduce(
    (share, rows, axis) => share * (rowCount(rows) / (extents[axis] as number)),
    1,
  );
}

function spanOf(tensors: readonly number[], regions: ReadonlyMap<number, Region>): Region {
  return tensors.reduce<Region>(
    (span, tensor) => spanRegion(span, regions.get(tensor) ?? empty),
    empty,
  );
}
