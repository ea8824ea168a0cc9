/**
 * The bytes of one tensor at run time, with what is needed to read them.
 *
 * @module
 */

/** What a tensor's bytes mean. */
export interface TensorType {
  /** ONNX element type in lower case. */
  readonly dataType: string;
  readonly shape: readonly number[];
}

/** A tensor's value: little-endian, row-major, without padding; strings as `string-value.ts` packs them. */
export interface TensorValue extends TensorType {
  /** Starts at a multiple of the element size within its buffer. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Bytes of one element of each ONNX type that has a fixed width. */
const elementBytes: Readonly<Record<string, number>> = {
  bfloat16: 2,
  bool: 1,
  complex128: 16,
  complex64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
  float8e4m3fn: 1,
  float8e4m3fnuz: 1,
  float8e5m2: 1,
  float8e5m2fnuz: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  int8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  uint8: 1,
};

/** Bytes of one element; `null` for strings, 4-bit types and what is no tensor. */
export function bytesPerElement(dataType: string): number | null {
  return elementBytes[dataType] ?? null;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
