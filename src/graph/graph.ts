/**
 * The DNN as a directed acyclic graph of nodes that pass tensors. Plain frozen data that serialises
 * as it is; algorithms read it through `indexGraph`.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import type { Bytes, Flop } from "../base/units.ts";
import type { Window } from "./window.ts";

/** How one codec treats one tensor, as measured. */
export interface CodecCost {
  /** Uncompressed bytes ÷ coded bytes. */
  readonly ratio: number;
  readonly encodeSecondsPerByte: number;
  readonly decodeSecondsPerByte: number;
}

/** A named value with one producer (a node, or the outside) and any number of consumers. */
export interface Tensor {
  readonly name: string;
  /** ONNX element type in lower case: `float32`, `uint8`, … */
  readonly dataType: string;
  readonly shape: readonly number[];
  readonly bytes: Bytes;
  readonly codecs?: Readonly<Record<string, CodecCost>>;
}

/** One computation. Parameters and constants belong to it and are no tensors of the graph. */
export interface Node {
  readonly name: string;
  /** The ONNX operator type, with its domain in front where it has one: `com.microsoft:FusedConv`. */
  readonly operator: string;
  /** Tensor names; optional inputs that are absent are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Floating-point operations (a multiply-add is two); `null` if unknown. */
  readonly flop: Flop | null;
  readonly parameterBytes: Bytes;
  /** Nodes of one value must share a device and, in a pipeline, a stage. */
  readonly colocation?: string;
  /**
   * Where rows of the outputs are made from rows of the inputs, on tensors [batch, channels, height,
   * width]; left out: the node needs all of its inputs.
   */
  readonly window?: Window;
}

/** `nodes` stand in a topological order: the graph order. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly tensors: readonly Tensor[];
  readonly nodes: readonly Node[];
}

/** A graph with its names resolved to positions, for algorithms. O(nodes + uses) memory. */
export interface GraphIndex {
  readonly graph: Graph;
  readonly nodeByName: ReadonlyMap<string, number>;
  readonly tensorByName: ReadonlyMap<string, number>;
  /** The node that makes tensor t; `null` for a graph input. */
  readonly producer: readonly (number | null)[];
  /** The nodes that read tensor t, ascending, each once. */
  readonly consumers: readonly (readonly number[])[];
  /** Tensors that node v reads, each once, in order of first use. */
  readonly nodeInputs: readonly (readonly number[])[];
  readonly nodeOutputs: readonly (readonly number[])[];
  /** Nodes that feed node v, ascending, each once. */
  readonly predecessors: readonly (readonly number[])[];
  readonly successors: readonly (readonly number[])[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Checks a graph at the door and resolves its names.
 *
 * @throws GRAPH_INVALID if a name is used twice or unknown, a tensor has no producer or several, or
 * a node stands before one that feeds it
 */
export function indexGraph(graph: Graph): GraphIndex {
  const tensorByName = positions(graph.tensors, "tensor");
  const nodeByName = positions(graph.nodes, "node");
  const resolve = (name: string, user: string): number => {
    const tensor = tensorByName.get(name);
    if (tensor !== undefined) return tensor;
    throw invalid(`${user} names tensor '${name}', which the graph does not list`, {
      tensor: name,
    });
  };
  const inputs = graph.inputs.map((name) => resolve(name, "graph input"));
  const outputs = graph.outputs.map((name) => resolve(name, "graph output"));
  const nodeInputs = graph.nodes.map((node) =>
    unique(node.inputs.map((name) => resolve(name, `node '${node.name}'`))),
  );
  const nodeOutputs = graph.nodes.map((node) =>
    node.outputs.map((name) => resolve(name, `node '${node.name}'`)),
  );
  const producer = findProducers(graph, inputs, nodeOutputs);
  checkOrder(graph, nodeInputs, producer);
  const consumers: number[][] = graph.tensors.map(() => []);
  nodeInputs.forEach((tensors, node) => {
    for (const tensor of tensors) consumers[tensor]?.push(node);
  });
  const predecessors = nodeInputs.map((tensors) =>
    unique(tensors.flatMap((tensor) => producer[tensor] ?? [])).sort((a, b) => a - b),
  );
  const successors: number[][] = graph.nodes.map(() => []);
  predecessors.forEach((nodes, node) => {
    for (const before of nodes) successors[before]?.push(node);
  });
  return {
    graph,
    nodeByName,
    tensorByName,
    producer,
    consumers,
    nodeInputs,
    nodeOutputs,
    predecessors,
    successors,
    inputs,
    outputs,
  };
}

function positions(items: readonly { name: string }[], kind: string): Map<string, number> {
  const byName = new Map<string, number>();
  items.forEach(({ name }, position) => {
    if (byName.has(name)) throw invalid(`two ${kind}s are named '${name}'`, { [kind]: name });
    byName.set(name, position);
  });
  return byName;
}

function findProducers(
  graph: Graph,
  inputs: readonly number[],
  nodeOutputs: readonly (readonly number[])[],
): (number | null)[] {
  const producer = new Map<number, number | null>(inputs.map((tensor) => [tensor, null]));
  nodeOutputs.forEach((tensors, node) => {
    for (const tensor of tensors) {
      if (producer.has(tensor)) {
        const name = graph.tensors[tensor]?.name;
        throw invalid(
          `tensor '${name}' is made twice, the second time by node '${graph.nodes[node]?.name}'`,
          { tensor: name },
        );
      }
      producer.set(tensor, node);
    }
  });
  return graph.tensors.map(({ name }, tensor) => {
    const found = producer.get(tensor);
    if (found !== undefined) return found;
    throw invalid(`tensor '${name}' is neither a graph input nor made by a node`, { tensor: name });
  });
}

function checkOrder(
  graph: Graph,
  nodeInputs: readonly (readonly number[])[],
  producer: readonly (number | null)[],
): void {
  nodeInputs.forEach((tensors, node) => {
    for (const tensor of tensors) {
      const before = producer[tensor] ?? null;
      if (before === null || before < node) continue;
      throw invalid(
        `node '${graph.nodes[node]?.name}' stands before or is '${graph.nodes[before]?.name}', which feeds it: nodes must be in a topological order, without a cycle`,
        { node: graph.nodes[node]?.name, tensor: graph.tensors[tensor]?.name },
      );
    }
  });
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)];
}

function invalid(message: string, details: Record<string, unknown>): CodedError {
  return new CodedError("GRAPH_INVALID", message, details);
}
