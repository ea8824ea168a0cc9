import type { GraphIndex } from "../graph/graph.ts";

/** Something that a device runs, and what it holds meanwhile. */
export interface MemoryStep {
  /** What is read or made. */
  readonly tensors: readonly number[];
  readonly parameterBytes: number;
  /** What is needed besides, only while it runs. Default: nothing. */
  readonly innerBytes?: number;
}

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
  return (
    overheadBytes +
    bytesOfSteps(
      nodes.map((node) => memoryStep(index, node)),
      bytesOf,
    )
  );
}

/** A node as a step. */
export function memoryStep(index: GraphIndex, node: number): MemoryStep {
  return {
    tensors: [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])],
    parameterBytes: index.graph.nodes[node]?.parameterBytes ?? 0,
  };
}

/** The same for steps in the order in which they run: all their parameters and the most that is alive. */
export function bytesOfSteps(
  steps: readonly MemoryStep[],
  bytesOf: (tensor: number) => number,
): number {
  const lastUse = new Map<number, MemoryStep>();
  for (const step of steps) {
    for (const tensor of step.tensors) lastUse.set(tensor, step);
  }
  const alive = new Set<number>();
  let parameters = 0;
  let now = 0;
  let peak = 0;
  for (const step of steps) {
    const { tensors, parameterBytes, innerBytes = 0 } = step;
    parameters += parameterBytes;
    for (const tensor of tensors) {
      if (alive.has(tensor)) continue;
      alive.add(tensor);
      now += bytesOf(tensor);
    }
    peak = Math.max(peak, now + innerBytes);
    for (const tensor of tensors) {
      if (lastUse.get(tensor) !== step || !alive.has(tensor)) continue;
      alive.delete(tensor);
      now -= bytesOf(tensor);
    }
  }
  return parameters + peak;
}
