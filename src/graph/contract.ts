import type { GraphIndex } from "./graph.ts";

/** A graph whose nodes are sets of nodes, in a topological order. */
export interface Contraction {
  /** Ascending nodes of each unit. */
  readonly units: readonly (readonly number[])[];
  /** The unit of each node. */
  readonly unitOf: readonly number[];
  /** Units that feed each unit, ascending, each once, without itself. */
  readonly predecessors: readonly (readonly number[])[];
}

/**
 * Contracts groups of nodes, and with them every node that lies on a cycle which that causes.
 *
 * Whatever places nodes so that parts feed each other without a cycle, and keeps each group together,
 * keeps each unit together: a unit is a strongly connected component of the graph with its groups
 * joined. O(nodes + edges) time and memory.
 *
 * @param groups disjoint or not; those that share a node become one
 * @see Sharir, "A strong-connectivity algorithm and its applications in data flow analysis", Computers
 * & Mathematics with Applications 7(1), 1981
 */
export function contract(
  index: Pick<GraphIndex, "predecessors" | "successors">,
  groups: readonly (readonly number[])[],
): Contraction {
  const next = index.successors.map((nodes) => [...nodes]);
  for (const group of groups) {
    // A ring through the group makes one component of it.
    group.forEach((node, position) => {
      next[node]?.push(group[(position + 1) % group.length] as number);
    });
  }
  const components = findComponents(next);
  const units = components.map((nodes) => nodes.sort((a, b) => a - b));
  const unitOf: number[] = [];
  units.forEach((nodes, unit) => {
    for (const node of nodes) unitOf[node] = unit;
  });
  const predecessors = units.map((nodes, unit) => {
    const before = nodes.flatMap((node) =>
      (index.predecessors[node] ?? []).map((other) => unitOf[other] as number),
    );
    return [...new Set(before)].filter((other) => other !== unit).sort((a, b) => a - b);
  });
  return { units, unitOf, predecessors };
}

/** Strongly connected components in a topological order; without recursion. */
function findComponents(next: readonly (readonly number[])[]): number[][] {
  const previous: number[][] = next.map(() => []);
  next.forEach((nodes, node) => {
    for (const other of nodes) previous[other]?.push(node);
  });
  const done = next.map(() => false);
  return finishOrder(next)
    .reverse()
    .flatMap((root) => {
      if (done[root]) return [];
      done[root] = true;
      const component = [root];
      for (const node of component) {
        for (const other of previous[node] ?? []) {
          if (done[other]) continue;
          done[other] = true;
          component.push(other);
        }
      }
      return [component];
    });
}

/** Nodes in the order in which a depth-first search leaves them. */
function finishOrder(next: readonly (readonly number[])[]): number[] {
  const isSeen = next.map(() => false);
  const order: number[] = [];
  for (let root = next.length - 1; root >= 0; root--) {
    const path = isSeen[root] ? [] : [{ node: root, edge: 0 }];
    isSeen[root] = true;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = next[top.node]?.[top.edge++];
      if (target === undefined) {
        order.push(top.node);
        path.pop();
      } else if (!isSeen[target]) {
        isSeen[target] = true;
        path.push({ node: target, edge: 0 });
      }
    }
  }
  return order;
}
