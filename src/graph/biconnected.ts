import { successorsOf } from "./ideals.ts";

/**
 * Sets of two or more nodes that stay connected, directions aside, whichever one node is taken away; an
 * edge that is the only way is a set of its own. A node may be in several. O(nodes + edges) time.
 *
 * @see Hopcroft and Tarjan, "Algorithm 447: efficient algorithms for graph manipulation",
 * Communications of the ACM 16(6), 1973
 */
export function biconnectedComponents(predecessors: readonly (readonly number[])[]): number[][] {
  const successors = successorsOf(predecessors);
  const neighbours = predecessors.map((before, node) => [
    ...before,
    ...(successors[node] as readonly number[]),
  ]);
  const depths: number[] = predecessors.map(() => -1);
  const lows: number[] = [];
  const components: number[][] = [];
  const waiting: number[] = [];
  for (const root of predecessors.keys()) {
    if ((depths[root] as number) >= 0) continue;
    depths[root] = lows[root] = 0;
    const path = [{ node: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      const other = neighbours[node]?.[top.next++];
      if (other === undefined) {
        path.pop();
        const parent = path.at(-1)?.node;
        if (parent !== undefined) leave(node, parent);
      } else if ((depths[other] as number) < 0) {
        depths[other] = lows[other] = path.length;
        waiting.push(other);
        path.push({ node: other, next: 0 });
      } else {
        lows[node] = Math.min(lows[node] as number, depths[other] as number);
      }
    }
  }
  return components;

  /** Back from a node: what waits since it was reached is a component if no way leads further back. */
  function leave(node: number, parent: number): void {
    lows[parent] = Math.min(lows[parent] as number, lows[node] as number);
    if ((lows[node] as number) < (depths[parent] as number)) return;
    const found = waiting.splice(waiting.lastIndexOf(node));
    components.push([...found, parent].sort((a, b) => a - b));
  }
}
