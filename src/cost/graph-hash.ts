import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Graph } from "../graph/graph.ts";

/** A graph is hashed once, though every plan for it carries its hash. */
const known = new WeakMap<Graph, string>();

/**
 * What a profile, a plan and the parts must agree on: names, operators, wiring and sizes of a graph.
 * Codecs and windows are left out: measuring and deriving them does not change the graph. Independent of the order in
 * which the fields of an object were written.
 */
export function graphSha256(graph: Graph): string {
  const found = known.get(graph) ?? hash(graph);
  known.set(graph, found);
  return found;
}

function hash(graph: Graph): string {
  const canonical = [
    graph.inputs,
    graph.outputs,
    graph.tensors.map(({ name, dataType, shape, bytes }) => [name, dataType, shape, bytes]),
    graph.nodes.map(({ name, operator, inputs, outputs, parameterBytes, colocation }) => [
      name,
      operator,
      inputs,
      outputs,
      parameterBytes,
      colocation ?? null,
    ]),
  ];
  return bytesToHex(sha256(new TextEncoder().encode(JSON.stringify(canonical))));
}
