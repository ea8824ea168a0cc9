/**
 * Types and shapes of all tensors of a model, found by a runtime's own inference without a run.
 *
 * @module
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import type { TensorType } from "../graph/tensor-value.ts";
import { dataTypeName } from "./data-type.ts";
import { mainGraph, withGraph } from "./message.ts";
import type { OnnxModel } from "./model.ts";
import { initialiserNames } from "./structure.ts";
import { inlineBytes, shapeOf, storedBytes, tensorBytes } from "./tensor-data.ts";
import { declareValue, type OpenType, readType } from "./type-proto.ts";
import { encodeOnnx } from "./write.ts";

/** What a runtime says about an output of a model. */
export interface ValueMetadata {
  readonly name: string;
  /** Element type; anything else for what is no tensor. */
  readonly dataType: string;
  /** Open dimensions are strings or negative; an unknown rank reads `[]`, the same as a scalar. */
  readonly shape: readonly (number | string)[];
}

/** Loads a model, without optimising it, and tells the types of its outputs. */
export type MetadataReader = (model: Uint8Array) => Promise<readonly ValueMetadata[]>;

/** Runs a model and tells the types that some of its tensors had. */
export type Measure = (
  model: OnnxModel,
  tensors: readonly string[],
) => Promise<ReadonlyMap<string, TensorType>>;

/**
 * Types and shapes of all graph inputs and node outputs. First `inferOpenTypes`; a shape that depends
 * on data, or lies behind an operator without an inference rule, is measured by one run.
 *
 * @param model with all input dimensions bound (`requireBound`)
 * @throws SHAPE_UNBOUND if shapes stay unknown
 */
export async function inferShapes(
  model: OnnxModel,
  readMetadata: MetadataReader,
  measure?: Measure,
): Promise<ReadonlyMap<string, TensorType>> {
  const types = await inferOpenTypes(model, readMetadata);
  const unknown = [...types.keys()].filter((name) => fixed(types.get(name)) === null);
  const measured =
    unknown.length === 0 || measure === undefined ? new Map() : await measure(model, unknown);
  const result = new Map<string, TensorType>();
  for (const [name, type] of types) {
    const known = fixed(type) ?? measured.get(name);
    if (known !== undefined) result.set(name, known);
  }
  const missing = unknown.filter((name) => !result.has(name));
  if (missing.length === 0) return result;
  throw new CodedError(
    "SHAPE_UNBOUND",
    `the shapes of ${missing.length} tensors are not known before a run: ${missing.slice(0, 5).join(", ")}`,
    { tensors: missing },
  );
}

function fixed(type: OpenType | undefined): TensorType | null {
  const shape = type?.shape?.filter((size) => typeof size === "number");
  if (type === undefined || shape === undefined || shape.length !== type.shape?.length) return null;
  return { dataType: type.dataType, shape };
}

/**
 * The same as far as it can be told without a run; dimensions that depend on open ones or on data stay
 * open. The runtime is given a model without weights whose nodes' outputs are all graph outputs: large
 * initialisers become graph inputs, small ones stay, since shapes are computed from them.
 */
export async function inferOpenTypes(
  model: OnnxModel,
  readMetadata: MetadataReader,
): Promise<ReadonlyMap<string, OpenType>> {
  const graph = mainGraph(model.proto);
  const made = graph.node.flatMap(({ output }) => output.filter((name) => name !== ""));
  const metadata = await readOutputs(model, made, [], readMetadata);
  const suspects = metadata.filter(
    ({ dataType, shape }) => shape.length === 0 && isTensor(dataType),
  );
  const scalars = await findScalars(model, suspects, readMetadata);
  const types = new Map<string, OpenType>();
  const initialisers = new Set(initialiserNames(graph));
  for (const { name, type } of graph.input) {
    const declared = readType(type);
    if (declared !== null && !initialisers.has(name)) types.set(name, declared);
  }
  const found = new Map(metadata.map((value) => [value.name, value]));
  const describe = otherTypes(model);
  for (const node of graph.node) {
    for (const name of node.output.filter((output) => output !== "")) {
      const { dataType, shape } = found.get(name) ?? { dataType: "undefined", shape: [] };
      if (!isTensor(dataType))
        types.set(name, { dataType: describe(node, name, types), shape: [] });
      else if (shape.length === 0 && !scalars.has(name)) types.set(name, { dataType, shape: null });
      else types.set(name, { dataType, shape: shape.map(openSize) });
    }
  }
  return types;
}

function isTensor(dataType: string): boolean {
  return dataType === "string" || storedBytes(dataType, []) !== null;
}

function openSize(size: number | string): number | string {
  return typeof size === "number" && size < 0 ? "" : size;
}

/** `Shape` of a scalar has no elements; of a tensor of unknown rank nobody knows how many. */
async function findScalars(
  model: OnnxModel,
  suspects: readonly ValueMetadata[],
  readMetadata: MetadataReader,
): Promise<Set<string>> {
  if (suspects.length === 0) return new Set();
  const probes = new Map(suspects.map(({ name }) => [`${name}::rank`, name]));
  const nodes = [...probes].map(([output, input]) =>
    create(NodeProtoSchema, { opType: "Shape", input: [input], output: [output] }),
  );
  const metadata = await readOutputs(model, [...probes.keys()], nodes, readMetadata);
  const empty = metadata.filter(({ shape }) => shape.length === 1 && shape[0] === 0);
  return new Set(empty.flatMap(({ name }) => probes.get(name) ?? []));
}

/** Asks for outputs of the model without weights; of the whole one where the runtime needs values. */
async function readOutputs(
  model: OnnxModel,
  outputs: readonly string[],
  extraNodes: readonly NodeProto[],
  readMetadata: MetadataReader,
): Promise<readonly ValueMetadata[]> {
  // Runtimes refuse a model without nodes.
  if (outputs.length === 0) return [];
  const { node, valueInfo, initializer, input } = mainGraph(model.proto);
  const wanted = new Set(outputs);
  const isKnown = ({ name, type }: { name: string; type?: Parameters<typeof readType>[0] }) =>
    fixed(readType(type) ?? undefined) !== null && !wanted.has(name);
  const whole = withGraph(model.proto, {
    node: [...node, ...extraNodes],
    valueInfo: valueInfo.length > 0 ? valueInfo.filter(isKnown) : [],
    output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
  });
  const isApart = (tensor: TensorProto) => model.weights.has(tensor.name) || isBare(tensor);
  const listed = new Set(input.map(({ name }) => name));
  const apart = initializer.filter(isApart);
  const light = withGraph(whole, {
    initializer: initializer.filter((tensor) => !isApart(tensor)),
    input: [
      ...input,
      ...apart
        .filter(({ name }) => !listed.has(name))
        .map((tensor) =>
          declareValue(tensor.name, {
            dataType: dataTypeName(tensor.dataType),
            shape: shapeOf(tensor),
          }),
        ),
    ],
  });
  try {
    return await readMetadata(toBinary(ModelProtoSchema, light));
  } catch (error) {
    if (apart.some(({ name }) => !model.weights.has(name))) throw error;
    return readMetadata(encodeOnnx({ proto: whole, weights: model.weights }));
  }
}

/** A tensor that is only declared: its data is nowhere. */
function isBare(tensor: TensorProto): boolean {
  return tensorBytes(tensor) > 0 && inlineBytes(tensor).length === 0;
}

/** Names the types of sequences, optionals and maps, which runtimes do not tell. */
function otherTypes(
  model: OnnxModel,
): (node: NodeProto, output: string, types: ReadonlyMap<string, OpenType>) => string {
  const { valueInfo, output: outputs, initializer } = mainGraph(model.proto);
  const declared = new Map(
    [...valueInfo, ...outputs].map(({ name, type }) => [name, readType(type)]),
  );
  const weights = new Map(initializer.map(({ name, dataType }) => [name, dataTypeName(dataType)]));
  return (node, output, types) => {
    const known = declared.get(output);
    if (known !== undefined && known !== null) return known.dataType;
    const first = node.input[0] ?? "";
    const content = types.get(first)?.dataType ?? weights.get(first) ?? "undefined";
    switch (node.opType) {
      case "SequenceConstruct":
      case "SplitToSequence":
        return `sequence(${content})`;
      case "SequenceEmpty":
        return `sequence(${dataTypeName(Number(node.attribute[0]?.i ?? 1n))})`;
      case "Optional":
        return `optional(${content})`;
      case "Identity":
      case "SequenceErase":
      case "SequenceInsert":
        return content;
      default:
        return "sequence(undefined)";
    }
  };
}
