/**
 * Which nodes must stay together because what passes between them cannot travel.
 *
 * @module
 */
import type { Tensor } from "../graph/graph.ts";
import type { Structure } from "./structure.ts";
import { isPlainTensor } from "./type-proto.ts";

/**
 * A name for each group of nodes that make or read a common value which is no plain tensor: a
 * sequence, an optional, a map, strings, packed types. O(uses), by union and find.
 *
 * @param nodes positions of the nodes that are looked at
 * @returns by node position; nodes of no such value have no entry
 */
export function colocate(
  tensors: readonly Tensor[],
  nodes: readonly number[],
  { reads, makes }: Structure,
): Map<number, string> {
  const bound = tensors.filter(({ dataType }) => !isPlainTensor(dataType));
  const parent = new Map(bound.map(({ name }) => [name, name]));
  const find = (name: string): string => {
    let root = name;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) {
      parent.set(root, parent.get(up) ?? up);
      root = up;
    }
    return root;
  };
  const touched = new Map<number, string>();
  for (const node of bound.length === 0 ? [] : nodes) {
    const values = [...(reads[node] ?? []), ...(makes[node] ?? [])].filter((name) =>
      parent.has(name),
    );
    const [first, ...others] = values;
    if (first === undefined) continue;
    touched.set(node, first);
    for (const other of others) parent.set(find(other), find(first));
  }
  return new Map([...touched].map(([node, value]) => [node, `value ${find(value)}`]));
}
