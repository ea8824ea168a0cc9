import type { GraphIndex } from "./graph.ts";

/**
 * Whether no path leaves a set of nodes and comes back: such a set can run in one piece.
 * O(nodes + uses).
 *
 * @param nodes positions of nodes
 */
export function isConvex(index: GraphIndex, nodes: ReadonlySet<number>): boolean {
  const outsideBehind = new Set<number>();
  for (let node = 0; node < index.predecessors.length; node++) {
    const before = index.predecessors[node] ?? [];
    const inside = nodes.has(node);
    if (before.some((feeding) => outsideBehind.has(feeding))) {
      if (inside) return false;
      outsideBehind.add(node);
    } else if (!inside && before.some((feeding) => nodes.has(feeding))) {
      outsideBehind.add(node);
    }
  }
  return true;
}
