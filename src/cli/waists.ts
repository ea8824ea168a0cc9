import type { GraphIndex } from "../graph/graph.ts";

/** A place where one tensor alone crosses from everything before it to everything behind it. */
export interface Waist {
  /** The node that makes the tensor. */
  readonly node: string;
  readonly tensor: string;
  readonly bytes: number;
  /** Bytes ÷ bytes of the graph's inputs. */
  readonly inputRatio: number;
  /** FLOP of the nodes up to here ÷ FLOP of all; unknown ones count as none. */
  readonly flopShare: number;
  readonly parameterBytes: number;
}

/**
 * The waists of a graph that carry fewer bytes than its inputs and all waists before them: a cut
 * anywhere else asks the first device for more work without sparing the link.
 *
 * O(nodes + uses) time: a tensor is alone wherever a topological order says so, since every node
 * then comes before or after it in any order.
 */
export function findWaists({ graph, producer, consumers, inputs }: GraphIndex): Waist[] {
  const sizeOf = (tensor: number): number => graph.tensors[tensor]?.bytes ?? 0;
  const inputBytes = inputs.reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  const totalFlop = graph.nodes.reduce((sum, { flop }) => sum + (flop ?? 0), 0);
  const endings = graph.nodes.map((): number[] => []);
  const alive = new Set<number>();
  consumers.forEach((nodes, tensor) => {
    const last = nodes.at(-1);
    if (last === undefined) return;
    endings[last]?.push(tensor);
    if (producer[tensor] === null) alive.add(tensor);
  });
  const waists: Waist[] = [];
  let [least, flop, parameterBytes] = [inputBytes, 0, 0];
  const makes = outputsByNode(producer, consumers, graph.nodes.length);
  graph.nodes.forEach((node, position) => {
    flop += node.flop ?? 0;
    parameterBytes += node.parameterBytes;
    for (const tensor of endings[position] ?? []) alive.delete(tensor);
    for (const tensor of makes[position] ?? []) alive.add(tensor);
    const [tensor] = alive;
    if (alive.size !== 1 || tensor === undefined || sizeOf(tensor) >= least) return;
    least = sizeOf(tensor);
    waists.push({
      node: graph.nodes[producer[tensor] ?? position]?.name ?? "",
      tensor: graph.tensors[tensor]?.name ?? "",
      bytes: least,
      inputRatio: least / inputBytes,
      flopShare: totalFlop === 0 ? 0 : flop / totalFlop,
      parameterBytes,
    });
  });
  return waists;
}

/** Tensors that each node makes and another reads. */
function outputsByNode(
  producer: readonly (number | null)[],
  consumers: readonly (readonly number[])[],
  count: number,
): number[][] {
  const made = Array.from({ length: count }, (): number[] => []);
  producer.forEach((node, tensor) => {
    if (node !== null && (consumers[tensor] ?? []).length > 0) made[node]?.push(tensor);
  });
  return made;
}
