/**
 * What is known of the tensors of a main graph before it runs.
 *
 * @module
 */
import type { ModelProto, NodeProto, TensorProto } from "onnx-buf";
import type { TensorType } from "../graph/tensor-value.ts";
import { dataTypeName } from "./data-type.ts";
import { mainGraph } from "./message.ts";
import type { Structure } from "./structure.ts";
import { inlineBytes, shapeOf, tensorBytes } from "./tensor-data.ts";

export interface NodeFacts {
  /** Version of the standard operators. */
  readonly opset: number;
  /** Element type of what enters or is made; `null` if it is not known. */
  dataTypeOf(tensor: string): string | null;
  /** Shape of a tensor, parameters included; `null` if it is not known. */
  shapeOf(tensor: string): readonly number[] | null;
  /** Whether a tensor is a parameter. */
  isConstant(tensor: string): boolean;
  /** Whether a parameter, and so its shape, stands in the model itself: none that is computed. */
  isStored(tensor: string): boolean;
  /** Elements of a small parameter of numbers; `null` if they are not at hand. */
  valuesOf(tensor: string): readonly number[] | null;
}

/** @param typeOf of what enters or is made */
export function nodeFacts(
  model: ModelProto,
  { constants }: Structure,
  typeOf: (tensor: string) => Omit<TensorType, "name"> | undefined,
): NodeFacts {
  const graph = mainGraph(model);
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  const initialisers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const makers = new Map(
    graph.node
      .filter(({ opType }) => opType === "Constant")
      .map((node) => [node.output[0] ?? "", node]),
  );
  return {
    opset: Number(opset?.version ?? 1n),
    dataTypeOf: (name) => typeOf(name)?.dataType ?? null,
    shapeOf: (name) => {
      const known = initialisers.get(name);
      if (known !== undefined) return shapeOf(known);
      const maker = makers.get(name);
      return typeOf(name)?.shape ?? (maker === undefined ? null : constantShape(maker));
    },
    isConstant: (name) => constants.has(name),
    isStored: (name) => {
      const maker = makers.get(name);
      return initialisers.has(name) || (maker !== undefined && constantShape(maker) !== null);
    },
    valuesOf: (name) => {
      const known = initialisers.get(name);
      if (known !== undefined) return numbersOf(known);
      const maker = makers.get(name);
      return maker === undefined ? null : constantNumbers(maker);
    },
  };
}

/** `null` for texts and sparse tensors. */
function constantShape({ attribute }: NodeProto): readonly number[] | null {
  const [value] = attribute;
  switch (value?.name) {
    case "value":
      return value.t === undefined ? null : shapeOf(value.t);
    case "value_int":
    case "value_float":
      return [];
    case "value_ints":
      return [value.ints.length];
    case "value_floats":
      return [value.floats.length];
    default:
      return null;
  }
}

/** ONNX operator specification, "Constant": which attribute holds the value. */
function constantNumbers({ attribute }: NodeProto): readonly number[] | null {
  const [value] = attribute;
  switch (value?.name) {
    case "value":
      return value.t === undefined ? null : numbersOf(value.t);
    case "value_int":
      return [Number(value.i)];
    case "value_ints":
      return value.ints.map(Number);
    case "value_float":
      return [value.f];
    case "value_floats":
      return value.floats;
    default:
      return null;
  }
}

/** `null` for other types, and where the data is stored elsewhere. */
function numbersOf(tensor: TensorProto): readonly number[] | null {
  const data = inlineBytes(tensor);
  if (data.byteLength !== tensorBytes(tensor)) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const each = (bytes: number, read: (at: number) => number | bigint): number[] =>
    Array.from({ length: data.byteLength / bytes }, (_, at) => Number(read(at * bytes)));
  switch (dataTypeName(tensor.dataType)) {
    case "float32":
      return each(4, (at) => view.getFloat32(at, true));
    case "int32":
      return each(4, (at) => view.getInt32(at, true));
    case "int64":
      return each(8, (at) => view.getBigInt64(at, true));
    default:
      return null;
  }
}
