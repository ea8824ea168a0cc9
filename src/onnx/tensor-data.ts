/**
 * The bytes of ONNX tensors, however the file spells them.
 *
 * @module
 */
import type { TensorProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { bytesPerElement, elementCount } from "../graph/tensor-value.ts";
import { dataTypeName } from "./data-type.ts";

/** Element types that bytesPerElement does not know, for they pack several elements into a byte. */
const packedBits: Readonly<Record<string, number>> = {
  float4e2m1: 4,
  float8e8m0: 8,
  int2: 2,
  int4: 4,
  uint2: 2,
  uint4: 4,
};

/** Bytes of a tensor's data; `null` for strings, unknown types and what is no tensor. */
export function storedBytes(dataType: string, shape: readonly number[]): number | null {
  const width = bytesPerElement(dataType);
  if (width !== null) return elementCount(shape) * width;
  const bits = packedBits[dataType];
  return bits === undefined ? null : Math.ceil((elementCount(shape) * bits) / 8);
}

export function shapeOf(tensor: TensorProto): number[] {
  return tensor.dims.map(Number);
}

/** Bytes that the type and dims of a tensor need; 0 for strings. */
export function tensorBytes(tensor: TensorProto): number {
  return storedBytes(dataTypeName(tensor.dataType), shapeOf(tensor)) ?? 0;
}

/**
 * The data of a tensor that is stored in its message: raw as it is, typed fields converted to
 * little-endian bytes. No copy of raw data.
 */
export function inlineBytes(tensor: TensorProto): Uint8Array<ArrayBuffer> {
  if (tensor.rawData.length > 0) return tensor.rawData;
  const { buffer, byteOffset, byteLength } = typedElements(tensor);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The same; `null` for strings, which are no bytes of a fixed width. */
export function inlineData(tensor: TensorProto): Uint8Array<ArrayBuffer> | null {
  return dataTypeName(tensor.dataType) === "string" ? null : inlineBytes(tensor);
}

/** ONNX specification, `TensorProto`: which field holds the elements of which type. */
function typedElements(tensor: TensorProto): ArrayBufferView<ArrayBuffer> {
  switch (dataTypeName(tensor.dataType)) {
    case "complex64":
    case "float32":
      return Float32Array.from(tensor.floatData);
    case "complex128":
    case "float64":
      return Float64Array.from(tensor.doubleData);
    case "int64":
      return BigInt64Array.from(tensor.int64Data);
    case "uint64":
      return BigUint64Array.from(tensor.uint64Data);
    case "uint32":
      return Uint32Array.from(tensor.uint64Data, Number);
    case "int32":
      return Int32Array.from(tensor.int32Data);
    case "bfloat16":
    case "float16":
    case "int16":
    case "uint16":
      return Uint16Array.from(tensor.int32Data);
    default:
      return Uint8Array.from(tensor.int32Data);
  }
}

/**
 * Checks that a tensor's type is known, its dims are sizes, and as many bytes are there as they need.
 *
 * @throws ONNX_MALFORMED
 */
export function checkTensor(tensor: TensorProto, observedBytes: number | null): void {
  const dataType = dataTypeName(tensor.dataType);
  const shape = shapeOf(tensor);
  if (dataType === "undefined") {
    throw malformed(tensor, `has the element type ${tensor.dataType}, which ONNX does not define`);
  }
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count) || shape.some((size) => size < 0)) {
    throw malformed(tensor, `has the impossible shape [${shape.join(", ")}]`);
  }
  if (dataType === "string") {
    if (tensor.stringData.length === count) return;
    throw malformed(tensor, `holds ${tensor.stringData.length} strings, its shape needs ${count}`);
  }
  const expected = storedBytes(dataType, shape);
  if (observedBytes === null || observedBytes === expected) return;
  throw malformed(
    tensor,
    `holds ${observedBytes} bytes, but ${dataType} [${shape.join(", ")}] needs ${expected} bytes; the file may be truncated`,
  );
}

function malformed(tensor: TensorProto, what: string): CodedError {
  return new CodedError("ONNX_MALFORMED", `tensor '${tensor.name}' ${what}`, {
    tensor: tensor.name,
  });
}
