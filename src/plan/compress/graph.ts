import { bytes, flop } from "../../base/units.ts";
import type { Graph, GraphIndex, Node } from "../../graph/graph.ts";
import { type CutWeights, usedOutputs } from "./weights.ts";

/** A graph of groups, and the nodes of each. */
export interface Contracted {
  readonly graph: Graph;
  readonly groups: readonly (readonly number[])[];
}

/**
 * Makes each group of nodes one node, with the name of its head, the last of its members. Tensors
 * that no other group reads go. O(nodes + uses) time.
 *
 * @param heads the head of each node's group
 */
export function contract(
  index: GraphIndex,
  heads: readonly number[],
  weights: CutWeights,
): Contracted {
  const { graph } = index;
  const members = new Map<number, number[]>();
  heads.forEach((head, node) => {
    const known = members.get(head);
    if (known === undefined) members.set(head, [node]);
    else known.push(node);
  });
  const groups = [...members].sort(([a], [b]) => a - b);
  const nameOf = (tensor: number): string => graph.tensors[tensor]?.name ?? "";
  const isRead = (tensor: number, head: number): boolean =>
    (index.consumers[tensor] ?? []).some((consumer) => heads[consumer] !== head);
  const nodes = groups.map(([head, inside]): Node => {
    const own = new Set(inside);
    const inputs = inside.flatMap((node) => index.nodeInputs[node] ?? []);
    const outputs = inside.flatMap((node) => index.nodeOutputs[node] ?? []);
    const leaving = outputs.filter((tensor) => isRead(tensor, head));
    // Rules merge into successors only, so that nothing but the head is read from outside.
    const strayed = leaving.find((tensor) => index.producer[tensor] !== head);
    if (strayed !== undefined) throw new Error(`'${nameOf(strayed)}' leaves its group by the side`);
    const kept = new Set([...leaving, ...usedOutputs(index, head, weights)]);
    const whole = inside.map((node) => graph.nodes[node] as Node);
    return {
      name: graph.nodes[head]?.name ?? "",
      operator: whole.length === 1 ? (whole[0]?.operator ?? "") : "Group",
      inputs: [...new Set(inputs)]
        .filter((tensor) => !own.has(index.producer[tensor] ?? -1))
        .map(nameOf),
      outputs: outputs
        .filter((tensor) => kept.has(tensor) || index.outputs.includes(tensor))
        .map(nameOf),
      flop: flop(whole.reduce((sum, node) => sum + (node.flop ?? 0), 0)),
      parameterBytes: bytes(whole.reduce((sum, node) => sum + node.parameterBytes, 0)),
    };
  });
  const needed = new Set([
    ...graph.inputs,
    ...nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
  ]);
  return {
    graph: { ...graph, nodes, tensors: graph.tensors.filter(({ name }) => needed.has(name)) },
    groups: groups.map(([, inside]) => inside),
  };
}
