import type { GraphIndex } from "../../../graph/graph.ts";

/** A graph in the order in which D3 places it. */
export interface RankedGraph {
  /** Dependencies on the longest path from a graph input to each node. */
  readonly ranks: readonly number[];
  /** Nodes by rank, then in graph order: a node's producers stand before it. */
  readonly order: readonly number[];
  /** For each node the others that read from exactly the same producers; they have its rank. */
  readonly siblings: readonly (readonly number[])[];
}

/** Ranks the nodes and finds their siblings. O(nodes · log nodes + uses of tensors) time. */
export function rankNodes(index: GraphIndex): RankedGraph {
  const ranks: number[] = [];
  index.predecessors.forEach((producers, node) => {
    const before = Math.max(0, ...producers.map((producer) => ranks[producer] as number));
    ranks[node] = before + ((index.nodeInputs[node] ?? []).length === 0 ? 0 : 1);
  });
  const order = ranks.map((_, node) => node);
  // A stable sort: nodes of one rank stay in graph order.
  order.sort((a, b) => (ranks[a] as number) - (ranks[b] as number));
  return { ranks, order, siblings: findSiblings(index) };
}

/** A graph input counts as its own producer; nodes that read nothing have no siblings. */
function findSiblings(index: GraphIndex): number[][] {
  const families = new Map<string, number[]>();
  const keys = index.nodeInputs.map((tensors, node) => {
    const inputs = tensors.filter((tensor) => (index.producer[tensor] ?? null) === null);
    inputs.sort((a, b) => a - b);
    return tensors.length === 0 ? null : `${index.predecessors[node]} ${inputs}`;
  });
  keys.forEach((key, node) => {
    if (key === null) return;
    const family = families.get(key);
    if (family === undefined) families.set(key, [node]);
    else family.push(node);
  });
  return keys.map((key, node) =>
    key === null ? [] : (families.get(key) ?? []).filter((other) => other !== node),
  );
}
