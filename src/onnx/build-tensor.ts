/**
 * Values written in code as ONNX tensors, attributes and types.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { bytesPerElement, elementCount } from "../graph/tensor-value.ts";
import { dataTypeNumber } from "./data-type.ts";

/**
 * Elements of a tensor in row-major order. Numbers are converted to the tensor's data type; a typed
 * array is taken as the bytes that it views, without a copy, and names the data type unless one is
 * given (float16 and bfloat16 travel as `Uint16Array`).
 */
export type Values = readonly number[] | readonly bigint[] | readonly string[] | ArrayBufferView;

/** Numbers that are written as ONNX's `float` although they may be whole. */
export interface FloatAttribute {
  readonly type: "float";
  readonly value: number | readonly number[];
}

/** Whole numbers become `int` and others `float`, lists alike; `float(1)` says it where it matters. */
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly string[]
  | FloatAttribute
  | TensorProto
  | GraphProto;

export function float(value: number | readonly number[]): FloatAttribute {
  return { type: "float", value };
}

/**
 * A tensor with its data inside, for attributes such as the `value` of a Constant.
 *
 * @param dataType default: what a typed array names, `int64` for bigints, `string` for strings, else
 * `float32`
 * @throws TENSOR_SHAPE_MISMATCH if the values do not fill the shape; ONNX_UNSUPPORTED if numbers
 * cannot be converted to the data type
 */
export function tensor(
  shape: readonly number[],
  values: Values,
  dataType?: string,
  name = "",
): TensorProto {
  const dims = shape.map(BigInt);
  if (isTexts(values)) {
    checkCount(name, shape, values.length);
    const stringData = values.map((text) => new TextEncoder().encode(text));
    return create(TensorProtoSchema, {
      name,
      dims,
      dataType: dataTypeNumber("string"),
      stringData,
    });
  }
  const view = ArrayBuffer.isView(values) ? values : convert(name, values, dataType);
  const found = dataType ?? viewedType(view);
  const width = bytesPerElement(found);
  if (width !== null) checkCount(name, shape, view.byteLength / width);
  const rawData = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  return create(TensorProtoSchema, { name, dims, dataType: dataTypeNumber(found), rawData });
}

export function attribute(name: string, value: AttributeValue): AttributeProto {
  const { INT, INTS, STRING, STRINGS, TENSOR, GRAPH } = AttributeProto_AttributeType;
  if (typeof value === "bigint") return proto({ name, type: INT, i: value });
  if (typeof value === "number") {
    return Number.isInteger(value)
      ? proto({ name, type: INT, i: BigInt(value) })
      : floats(name, value);
  }
  if (typeof value === "string") return proto({ name, type: STRING, s: encode(value) });
  if (isTexts(value)) return proto({ name, type: STRINGS, strings: value.map(encode) });
  if (isNumbers(value)) {
    if (!value.every(Number.isInteger)) return floats(name, value);
    return proto({ name, type: INTS, ints: value.map(BigInt) });
  }
  if ("type" in value) return floats(name, value.value);
  if (value.$typeName === "onnx.TensorProto") return proto({ name, type: TENSOR, t: value });
  return proto({ name, type: GRAPH, g: value });
}

/** A named and typed value; no shape at all where it is `undefined`, an open dimension as a string. */
export function valueInfo(
  name: string,
  dataType: string,
  shape: readonly (number | string)[] | undefined,
): ValueInfoProto {
  const dim = (size: number | string) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } };
  const tensorType = {
    elemType: dataTypeNumber(dataType),
    ...(shape === undefined ? {} : { shape: { dim: shape.map(dim) } }),
  };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: tensorType } },
  });
}

function floats(name: string, value: number | readonly number[]): AttributeProto {
  const { FLOAT, FLOATS } = AttributeProto_AttributeType;
  if (typeof value === "number") return proto({ name, type: FLOAT, f: value });
  return proto({ name, type: FLOATS, floats: [...value] });
}

function proto(fields: Parameters<typeof create<typeof AttributeProtoSchema>>[1]): AttributeProto {
  return create(AttributeProtoSchema, fields);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** How numbers become elements of each data type that has an array of its own. */
const arrays: Readonly<
  Record<string, { from(values: readonly (number | bigint)[]): ArrayBufferView }>
> = {
  bool: { from: (values) => Uint8Array.from(values, (value) => (value ? 1 : 0)) },
  float32: { from: (values) => Float32Array.from(values, Number) },
  float64: { from: (values) => Float64Array.from(values, Number) },
  int16: { from: (values) => Int16Array.from(values, Number) },
  int32: { from: (values) => Int32Array.from(values, Number) },
  int64: { from: (values) => BigInt64Array.from(values, BigInt) },
  int8: { from: (values) => Int8Array.from(values, Number) },
  uint16: { from: (values) => Uint16Array.from(values, Number) },
  uint32: { from: (values) => Uint32Array.from(values, Number) },
  uint64: { from: (values) => BigUint64Array.from(values, BigInt) },
  uint8: { from: (values) => Uint8Array.from(values, Number) },
};

function convert(
  name: string,
  values: readonly number[] | readonly bigint[],
  dataType: string = typeof values[0] === "bigint" ? "int64" : "float32",
): ArrayBufferView {
  const array = arrays[dataType];
  if (array !== undefined) return array.from(values);
  throw new CodedError(
    "ONNX_UNSUPPORTED",
    `tensor '${name}': numbers are not converted to ${dataType}; give its bytes as a typed array`,
    { tensor: name, dataType },
  );
}

const typeByArray: Readonly<Record<string, string>> = {
  Float32Array: "float32",
  Float64Array: "float64",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
  Int8Array: "int8",
  Uint16Array: "uint16",
  Uint32Array: "uint32",
  BigUint64Array: "uint64",
};

function viewedType(view: ArrayBufferView): string {
  return typeByArray[Object.prototype.toString.call(view).slice(8, -1)] ?? "uint8";
}

function checkCount(name: string, shape: readonly number[], count: number): void {
  const expected = elementCount(shape);
  if (count === expected) return;
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `tensor '${name}' of shape [${shape.join(", ")}] needs ${expected} elements, got ${count}`,
    { tensor: name, expected, observed: count },
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && typeof value[0] === "string";
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value);
}
