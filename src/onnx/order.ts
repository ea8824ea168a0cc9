/**
 * Checks the wiring of a main graph and puts its nodes into a topological order.
 *
 * @module
 */
import type { GraphProto, NodeProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { initialiserNames, readsOf } from "./structure.ts";

/**
 * The nodes in a topological order; unchanged if they stand in one. O(nodes + uses).
 *
 * @throws ONNX_MALFORMED if a tensor is unknown or made twice, or nodes feed each other in a cycle
 */
export function orderNodes(graph: GraphProto): NodeProto[] {
  const given = new Set(initialiserNames(graph));
  for (const { name } of graph.input) {
    if (given.has(name)) throw malformed(`two graph inputs are named '${name}'`, name);
    given.add(name);
  }
  const producer = findProducers(graph, given);
  const before = graph.node.map((node) =>
    readsOf(node).flatMap((name) => {
      if (given.has(name)) return [];
      const found = producer.get(name);
      if (found !== undefined) return [found];
      throw malformed(`${describe(node)} reads tensor '${name}', which nothing makes`, name);
    }),
  );
  for (const { name } of graph.output) {
    if (given.has(name) || producer.has(name)) continue;
    throw malformed(`graph output '${name}' is made by no node`, name);
  }
  if (before.every((nodes, position) => nodes.every((node) => node < position))) return graph.node;
  return sort(graph.node, before);
}

function findProducers(graph: GraphProto, given: ReadonlySet<string>): Map<string, number> {
  const producer = new Map<string, number>();
  graph.node.forEach((node, position) => {
    for (const name of node.output) {
      if (name === "") continue;
      if (given.has(name) || producer.has(name)) {
        throw malformed(
          `tensor '${name}' is made twice, the second time by ${describe(node)}`,
          name,
        );
      }
      producer.set(name, position);
    }
  });
  return producer;
}

/** Depth first without recursion: graphs are deep. Each node comes right after what it waits for. */
function sort(nodes: readonly NodeProto[], before: readonly (readonly number[])[]): NodeProto[] {
  const states = new Uint8Array(nodes.length);
  const [open, done] = [1, 2];
  const sorted: NodeProto[] = [];
  for (let root = 0; root < nodes.length; root++) {
    const stack = states[root] === done ? [] : [{ node: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      states[top.node] = open;
      const feeding = before[top.node]?.[top.next++];
      if (feeding === undefined) {
        states[top.node] = done;
        sorted.push(nodes[top.node] as NodeProto);
        stack.pop();
      } else if (states[feeding] === open) {
        const node = nodes[feeding] as NodeProto;
        throw malformed(`the graph has a cycle through ${describe(node)}`, node.output[0] ?? "");
      } else if (states[feeding] !== done) {
        stack.push({ node: feeding, next: 0 });
      }
    }
  }
  return sorted;
}

function describe(node: NodeProto): string {
  const name = node.name === "" ? `that makes '${node.output[0] ?? ""}'` : `'${node.name}'`;
  return `node ${name} (${node.opType})`;
}

function malformed(message: string, tensor: string): CodedError {
  return new CodedError("ONNX_MALFORMED", message, { tensor });
}
