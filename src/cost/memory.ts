import type { GraphIndex } from "../graph/graph.ts";

/**
 * Bytes that a device needs for its nodes: their parameters and the most bytes alive at any of them.
 *
 * A tensor is alive from the first to the last of the device's nodes, in graph order, that make or
 * read it. O(uses of tensors by the nodes) time and memory.
 *
 * @param nodes ascending positions; empty: nothing is needed
 * @param overheadBytes what the runtime takes by itself
 * @param bytesOf a tensor, where the device holds some of its rows only
 */
export function memoryBytes(
  index: GraphIndex,
  nodes: readonly number[],
  overheadBytes: number,
  bytesOf: (tensor: number) => number = (tensor) => index.graph.tensors[tensor]?.bytes ?? 0,
): number {
  if (nodes.length === 0) return 0;
  const { nodes: all } = index.graph;
  const lastUse = new Map<number, number>();
  for (const node of nodes) {
    for (const tensor of tensorsOf(index, node)) lastUse.set(tensor, node);
  }
  const alive = new Set<number>();
  let parameters = 0;
  let now = 0;
  let peak = 0;
  for (const node of nodes) {
    parameters += all[node]?.parameterBytes ?? 0;
    const used = tensorsOf(index, node);
    for (const tensor of used) {
      if (alive.has(tensor)) continue;
      alive.add(tensor);
      now += bytesOf(tensor);
    }
    peak = Math.max(peak, now);
    for (const tensor of used) {
      if (lastUse.get(tensor) !== node || !alive.has(tensor)) continue;
      alive.delete(tensor);
      now -= bytesOf(tensor);
    }
  }
  return overheadBytes + parameters + peak;
}

function tensorsOf(index: GraphIndex, node: number): number[] {
  return [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])];
}
