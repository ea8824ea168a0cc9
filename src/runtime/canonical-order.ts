import type { GraphProto, NodeProto } from "onnx-buf";
import { readsOf } from "../onnx/structure.ts";

/**
 * The nodes in a topological order that follows from their wiring alone, not from the order in which
 * they are listed: depth first from the graph's outputs, each node behind what it reads, in the order
 * in which it reads. Branches stand one after another, so that few tensors are alive at once. Nodes
 * that lead to no output stand last, by the name of their first output. O(nodes log nodes + uses).
 */
export function canonicalOrder(graph: GraphProto): NodeProto[] {
  const producer = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) producer.set(name, node);
  const ordered: NodeProto[] = [];
  const seen = new Set<NodeProto>();
  const visit = (start: NodeProto | undefined): void => {
    if (start === undefined || seen.has(start)) return;
    seen.add(start);
    // A stack of its own: graphs are deeper than the stack of calls.
    const path = [{ node: start, reads: readsOf(start), next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const name = top.reads[top.next++];
      if (name === undefined) {
        ordered.push(top.node);
        path.pop();
        continue;
      }
      const feeding = producer.get(name);
      if (feeding === undefined || seen.has(feeding)) continue;
      seen.add(feeding);
      path.push({ node: feeding, reads: readsOf(feeding), next: 0 });
    }
  };
  for (const { name } of graph.output) visit(producer.get(name));
  const rest = graph.node.filter((node) => !seen.has(node));
  rest.sort((a, b) => (firstOutput(a) < firstOutput(b) ? -1 : 1));
  for (const node of rest) visit(node);
  return ordered;
}

function firstOutput(node: NodeProto): string {
  return node.output.find((name) => name !== "") ?? "";
}
