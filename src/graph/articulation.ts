import type { GraphIndex } from "./graph.ts";

/**
 * The nodes that every path from an input to an output passes, ascending. All other nodes stand
 * before or behind such a node in every topological order, and no tensor jumps over it: what is
 * behind needs nothing from before but what the node itself makes.
 *
 * Inputs are joined by a virtual node in front, which also feeds nodes that read nothing; outputs by
 * one behind, which also reads nodes that nothing else reads. A graph input that is itself an output
 * passes no node and does not count. O(nodes + uses) time.
 */
export function articulationNodes(index: GraphIndex): readonly number[] {
  const nodes = index.graph.nodes.length;
  const inputs = new Set(index.inputs);
  const outputs = new Set(index.outputs);
  const isFirst = (node: number): boolean =>
    index.predecessors[node]?.length === 0 ||
    (index.nodeInputs[node] ?? []).some((tensor) => inputs.has(tensor));
  const isLast = (node: number): boolean =>
    index.successors[node]?.length === 0 ||
    (index.nodeOutputs[node] ?? []).some((tensor) => outputs.has(tensor));
  const found: number[] = [];
  /** The last node that something before the current one feeds; that behind all nodes is `nodes`. */
  let furthest = index.graph.nodes.findLastIndex((_, node) => isFirst(node));
  for (let node = 0; node < nodes; node++) {
    if (furthest <= node) found.push(node);
    furthest = Math.max(furthest, isLast(node) ? nodes : (index.successors[node]?.at(-1) ?? 0));
  }
  return found;
}
