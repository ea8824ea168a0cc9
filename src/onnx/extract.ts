/**
 * Extracts a part: an ONNX model of some nodes of another one.
 *
 * @module
 */
import type {
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  ValueInfoProto,
} from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { keyOf } from "./graph.ts";
import { mainGraph, withFields, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { type Structure, structureOf, subgraphsOf } from "./structure.ts";
import { declareValue, type OpenType } from "./type-proto.ts";

/**
 * The part of a model that runs some of its nodes, with the constants that they need.
 *
 * Inputs are the tensors that they read and do not make, outputs those that they make and others read
 * or the model returns, all under their own names; graph order within each. Weights are shared with
 * `model`, not copied; one that two parts read is in both. A part of which nothing is wanted returns
 * the outputs of its last node, since a model without outputs cannot be loaded. The nodes need not be
 * convex. O(model).
 *
 * @param nodeNames nodes of the main graph, uniquely named (`nameNodes`)
 * @param types of the tensors that may enter or leave; open dimensions stay open, and a tensor without
 * a type is declared without
 * @throws TENSOR_UNKNOWN if there is no node of a name
 */
export function extractPart(
  model: OnnxModel,
  nodeNames: Iterable<string>,
  types: ReadonlyMap<string, OpenType>,
): OnnxModel {
  const graph = mainGraph(model.proto);
  const structure = structureOf(graph);
  const chosen = positionsOf(graph, nodeNames);
  const needed = withConstants(structure, chosen);
  const border = borderOf(graph, structure, needed);
  return assemble(model, needed, border, types, structure);
}

/**
 * A model without inputs that computes the constant outputs of another one (`constantOutputs`);
 * `null` if it has none.
 */
export function extractConstantOutputs(
  model: OnnxModel,
  types: ReadonlyMap<string, OpenType>,
): OnnxModel | null {
  const graph = mainGraph(model.proto);
  const structure = structureOf(graph);
  const outputs = graph.output
    .map(({ name }) => name)
    .filter((name) => structure.constants.has(name));
  if (outputs.length === 0) return null;
  const makers = outputs.flatMap((name) => structure.producer.get(name) ?? []);
  const needed = withConstants(structure, new Set(makers));
  return assemble(model, needed, { inputs: [], outputs }, types, structure);
}

/** Tensors that enter and leave a part. */
interface Border {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function positionsOf(graph: GraphProto, names: Iterable<string>): Set<number> {
  const byName = new Map(graph.node.map(({ name }, position) => [name, position]));
  const positions = new Set<number>();
  for (const name of names) {
    const position = byName.get(name);
    if (position === undefined) {
      throw new CodedError("TENSOR_UNKNOWN", `the model has no node '${name}'`, { node: name });
    }
    positions.add(position);
  }
  return positions;
}

/** Adds the constant nodes that the chosen ones read, directly or through each other. */
function withConstants(structure: Structure, chosen: ReadonlySet<number>): Set<number> {
  const needed = new Set(chosen);
  // A set that grows while it is walked is walked to its new end.
  for (const position of needed) {
    for (const name of structure.reads[position] ?? []) {
      const producer = structure.producer.get(name);
      if (producer !== undefined && structure.constants.has(name)) needed.add(producer);
    }
  }
  return needed;
}

function borderOf(graph: GraphProto, structure: Structure, needed: ReadonlySet<number>): Border {
  const { reads, makes, constants } = structure;
  const inside = [...needed].sort((a, b) => a - b);
  const made = new Set(inside.flatMap((position) => makes[position] ?? []));
  const wanted = new Set(graph.output.map(({ name }) => name));
  graph.node.forEach((_, position) => {
    if (needed.has(position)) return;
    for (const name of reads[position] ?? []) wanted.add(name);
  });
  const read = new Set(inside.flatMap((position) => reads[position] ?? []));
  const inputs = [...read].filter((name) => !made.has(name) && !constants.has(name));
  const outputs = [...made].filter((name) => wanted.has(name) && !constants.has(name));
  const last = inside.findLast((position) => structure.isConstant[position] !== true);
  if (outputs.length > 0 || last === undefined) return { inputs, outputs };
  return { inputs, outputs: makes[last] ?? [] };
}

function assemble(
  model: OnnxModel,
  needed: ReadonlySet<number>,
  { inputs, outputs }: Border,
  types: ReadonlyMap<string, OpenType>,
  structure: Structure,
): OnnxModel {
  const graph = mainGraph(model.proto);
  const node = graph.node.filter((_, position) => needed.has(position));
  const positions = [...needed];
  const read = new Set([
    ...positions.flatMap((position) => structure.reads[position] ?? []),
    ...outputs,
  ]);
  const made = new Set(positions.flatMap((position) => structure.makes[position] ?? []));
  const declared = declaredValues(graph);
  const declare = (name: string) => describeValue(name, types, declared);
  const bordering = new Set([...inputs, ...outputs]);
  const initializer = graph.initializer.filter(({ name }) => read.has(name));
  const weights = new Map(
    initializer.flatMap(({ name }) => {
      const data = model.weights.get(name);
      return data === undefined ? [] : [[name, data] as const];
    }),
  );
  const functions = calledFunctions(model.proto, node);
  const proto = withGraph(model.proto, {
    node,
    initializer,
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => read.has(values?.name ?? "")),
    input: inputs.map(declare),
    output: outputs.map(declare),
    valueInfo: [...declared.values()].filter(({ name }) => made.has(name) && !bordering.has(name)),
    quantizationAnnotation: graph.quantizationAnnotation.filter(
      ({ tensorName }) => read.has(tensorName) || made.has(tensorName),
    ),
  });
  const opsetImport = usedImports(model.proto.opsetImport, node, functions);
  return { proto: withFields(proto, { functions, opsetImport, trainingInfo: [] }), weights };
}

/** What the model declares of its values, each once. */
function declaredValues(graph: GraphProto): Map<string, ValueInfoProto> {
  const all = [...graph.valueInfo, ...graph.output, ...graph.input];
  return new Map(all.map((value) => [value.name, value]));
}

function describeValue(
  name: string,
  types: ReadonlyMap<string, OpenType>,
  declared: ReadonlyMap<string, ValueInfoProto>,
): ValueInfoProto {
  const type = types.get(name) ?? { dataType: "undefined", shape: null };
  const value = declareValue(name, type);
  return value.type === undefined ? (declared.get(name) ?? value) : value;
}

/** The functions that nodes call, directly or through each other, in the model's order. */
function calledFunctions(proto: ModelProto, nodes: readonly NodeProto[]): FunctionProto[] {
  const byKey = new Map(proto.functions.map((definition) => [keyOf(definition), definition]));
  const called = new Set<FunctionProto>();
  const visit = (items: readonly NodeProto[]): void => {
    for (const node of withSubgraphs(items)) {
      const definition = byKey.get(keyOf(node));
      if (definition !== undefined) called.add(definition);
    }
  };
  visit(nodes);
  for (const definition of called) visit(definition.node);
  return proto.functions.filter((definition) => called.has(definition));
}

function withSubgraphs(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => [
    node,
    ...subgraphsOf(node).flatMap((graph) => withSubgraphs(graph.node)),
  ]);
}

/** The standard operators stay: functions of the runtime itself expand to them. */
function usedImports(
  imports: readonly OperatorSetIdProto[],
  nodes: readonly NodeProto[],
  functions: readonly FunctionProto[],
): OperatorSetIdProto[] {
  const all = [...nodes, ...functions.flatMap(({ node }) => node)];
  const used = new Set(["", "ai.onnx", ...withSubgraphs(all).map(({ domain }) => domain)]);
  return imports.filter(({ domain }) => used.has(domain));
}
