/**
 * The graph of an ONNX model: what planners see.
 *
 * @module
 */
import type { FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { bytes } from "../base/units.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor-value.ts";
import { colocate } from "./colocate.ts";
import { innerTensors } from "./external-data.ts";
import { countFlop } from "./flop.ts";
import { mainGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { nodeFacts } from "./node-facts.ts";
import { type Structure, structureOf } from "./structure.ts";
import { storedBytes, tensorBytes } from "./tensor-data.ts";
import { windowOf } from "./window.ts";

/**
 * The graph of a model whose nodes are named and in a topological order.
 *
 * What depends on no graph input (initialisers, Constant nodes, nodes that read only constants) is a
 * parameter: no node, its bytes count for every node that reads it. Tensors that a subgraph captures
 * count as inputs of its If, Loop or Scan; a call of a function is one node. Values that cannot travel
 * (sequences, optionals, maps, strings, packed types) have 0 bytes and hold their nodes together by
 * `colocation`. Nodes that make rows from rows say so by `window`. Graph outputs that are constant are left out: `constantOutputs`. O(nodes + uses).
 *
 * @param types of all graph inputs and node outputs, for instance from `inferShapes`
 * @throws SHAPE_UNBOUND if a tensor's type is missing
 */
export function toGraph(model: OnnxModel, types: ReadonlyMap<string, TensorType>): Graph {
  const graph = mainGraph(model.proto);
  const structure = structureOf(graph);
  const selected = [...graph.node.keys()].filter(
    (position) => structure.isConstant[position] !== true,
  );
  const sizes = parameterSizes(graph, structure, types);
  const inputs = graph.input.map(({ name }) => name).filter((name) => !sizes.has(name));
  const names = [...inputs, ...selected.flatMap((position) => structure.makes[position] ?? [])];
  const tensors = names.map((name) => tensorOf(name, types));
  const colocation = colocate(tensors, selected, structure);
  const facts = nodeFacts(model.proto, structure, (name) => types.get(name));
  const inside = functionBytes(model.proto);
  const nodes = selected.map((position): Node => {
    const node = graph.node[position] as NodeProto;
    const reads = structure.reads[position] ?? [];
    const parameters = reads.reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
    const together = colocation.get(position);
    const window = windowOf(node, facts);
    return {
      name: node.name,
      operator: operatorOf(node),
      inputs: reads.filter((name) => !sizes.has(name)),
      outputs: structure.makes[position] ?? [],
      flop: countFlop(node, facts.shapeOf),
      parameterBytes: bytes(parameters + heldBytes([node]) + (inside.get(keyOf(node)) ?? 0)),
      ...(together === undefined ? {} : { colocation: together }),
      ...(window === null ? {} : { window }),
    };
  });
  // A model may list an output twice; its value is one.
  const outputs = [...new Set(graph.output.map(({ name }) => name))].filter(
    (name) => !sizes.has(name),
  );
  return { name: graph.name, inputs, outputs, tensors, nodes };
}

/** Graph outputs that depend on no input: they are the same for every request and never travel. */
export function constantOutputs(model: OnnxModel): readonly string[] {
  const graph = mainGraph(model.proto);
  const { constants } = structureOf(graph);
  return graph.output.map(({ name }) => name).filter((name) => constants.has(name));
}

/** The operator type, with its domain in front unless that is the standard one. */
export function operatorOf({ domain, opType }: NodeProto): string {
  return domain === "" || domain === "ai.onnx" ? opType : `${domain}:${opType}`;
}

/** Bytes of every constant, by tensor name; 0 where a folded size is not known. */
function parameterSizes(
  graph: GraphProto,
  { constants }: Structure,
  types: ReadonlyMap<string, TensorType>,
): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const name of constants) {
    const type = types.get(name);
    sizes.set(name, type === undefined ? 0 : (storedBytes(type.dataType, type.shape) ?? 0));
  }
  for (const tensor of graph.initializer) sizes.set(tensor.name, tensorBytes(tensor));
  for (const { values, indices } of graph.sparseInitializer) {
    sizes.set(values?.name ?? "", total([values, indices]));
  }
  return sizes;
}

function total(tensors: readonly (TensorProto | undefined)[]): number {
  return tensors.reduce((sum, tensor) => sum + (tensor === undefined ? 0 : tensorBytes(tensor)), 0);
}

/** Bytes of the tensors that nodes carry in attributes and subgraphs. */
function heldBytes(nodes: readonly NodeProto[]): number {
  return total(nodes.flatMap(innerTensors));
}

function functionBytes(proto: ModelProto): Map<string, number> {
  const byKey = new Map<string, number>();
  for (const definition of proto.functions)
    byKey.set(keyOf(definition), heldBytes(definition.node));
  return byKey;
}

/** What a call and the function it calls have in common. ONNX IR spec, "Functions". */
export function keyOf(item: NodeProto | FunctionProto): string {
  const name = item.$typeName === "onnx.NodeProto" ? item.opType : item.name;
  return `${item.domain === "ai.onnx" ? "" : item.domain}:${name}:${item.overload}`;
}

function tensorOf(name: string, types: ReadonlyMap<string, TensorType>): Tensor {
  const type = types.get(name);
  if (type === undefined) {
    throw new CodedError("SHAPE_UNBOUND", `the type and shape of tensor '${name}' are not known`, {
      tensor: name,
    });
  }
  const { dataType, shape } = type;
  return { name, dataType, shape, bytes: bytes(storedBytes(dataType, shape) ?? 0) };
}
