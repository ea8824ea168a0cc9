/**
 * How far one tensor is from another: bits first, then sizes of differences.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { stringElements } from "../graph/string-value.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { TensorValues } from "./runtime.ts";

export interface TensorDifference {
  readonly bitEqual: boolean;
  /**
   * Largest difference ÷ largest magnitude of the reference; `Infinity` where only one of two values
   * is finite or a number, where the reference is zero throughout and the other is not, or where two
   * texts differ.
   */
  readonly maxRelative: number;
  /**
   * Largest count of representable values between two values of which the reference is above 1e-3 of
   * the largest magnitude: near zero, small errors are many units in the last place. For whole
   * numbers, the largest difference; `Infinity` where two texts differ.
   */
  readonly maxUlp: number;
  /** Elements that are zero in both and differ in the sign. */
  readonly signedZeroOnly: number;
  /** Position of the first element whose bits differ; `null` if none does. */
  readonly firstDifference: number | null;
}

/** Elements as numbers, and as whole numbers in the order of what they stand for. */
interface Elements {
  readonly count: number;
  readonly bytes: number;
  value(position: number): number;
  rank(position: number): bigint;
}

/** Whether both have the same tensors, with the same types, shapes and bits. O(bytes). */
export function isBitEqual(one: TensorValues, other: TensorValues): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => {
      const [a, b] = [one[name], other[name]];
      return (
        a !== undefined &&
        b !== undefined &&
        a.dataType === b.dataType &&
        String(a.shape) === String(b.shape) &&
        a.data.byteLength === b.data.byteLength &&
        sameBits(a.data, b.data, 0, a.data.byteLength)
      );
    })
  );
}

/**
 * Compares two tensors element by element. O(elements).
 *
 * @throws TENSOR_TYPE_MISMATCH, TENSOR_SHAPE_MISMATCH if they cannot be compared; TENSOR_MALFORMED if
 * one of strings holds no text; ONNX_UNSUPPORTED if nothing is known of their type
 */
export function compareTensors(reference: TensorValue, other: TensorValue): TensorDifference {
  checkAlike(reference, other);
  if (reference.dataType === "string") return compareTexts(reference, other);
  const expected = elementsOf(reference);
  const observed = elementsOf(other);
  const largest = largestMagnitude(expected);
  let [maxDifference, maxUlp, signedZeroOnly] = [0, 0, 0];
  let firstDifference: number | null = null;
  for (let position = 0; position < expected.count; position++) {
    const [rankA, rankB] = [expected.rank(position), observed.rank(position)];
    if (rankA === rankB && sameBits(reference.data, other.data, position, expected.bytes)) continue;
    firstDifference ??= position;
    const [a, b] = [expected.value(position), observed.value(position)];
    if (a === 0 && b === 0) signedZeroOnly++;
    maxDifference = Math.max(maxDifference, difference(a, b));
    if (Math.abs(a) > 1e-3 * largest || Number.isNaN(a)) {
      const distance = rankA > rankB ? rankA - rankB : rankB - rankA;
      maxUlp = Math.max(maxUlp, Number.isNaN(a) !== Number.isNaN(b) ? Infinity : Number(distance));
    }
  }
  return {
    bitEqual: firstDifference === null,
    maxRelative: maxDifference === 0 ? 0 : maxDifference / largest,
    maxUlp,
    signedZeroOnly,
    firstDifference,
  };
}

/** Texts are the same or not: how far they are apart, nobody can say. */
function compareTexts(reference: TensorValue, other: TensorValue): TensorDifference {
  const expected = [...stringElements("reference", reference.data)];
  const observed = [...stringElements("other", other.data)];
  const first = expected.findIndex((text, position) => !isSameText(text, observed[position]));
  const far = first < 0 ? 0 : Infinity;
  return {
    bitEqual: first < 0,
    maxRelative: far,
    maxUlp: far,
    signedZeroOnly: 0,
    firstDifference: first < 0 ? null : first,
  };
}

function isSameText(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other?.byteLength === one.byteLength && sameBits(one, other, 0, one.byteLength);
}

function checkAlike(reference: TensorValue, other: TensorValue): void {
  if (reference.dataType !== other.dataType) {
    throw new CodedError(
      "TENSOR_TYPE_MISMATCH",
      `a ${reference.dataType} tensor cannot be compared with a ${other.dataType} tensor`,
    );
  }
  if (reference.shape.join() === other.shape.join()) return;
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `a tensor of shape [${reference.shape.join(", ")}] cannot be compared with one of shape [${other.shape.join(", ")}]`,
  );
}

function elementsOf({ dataType, data }: TensorValue): Elements {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const make = (
    bytes: number,
    value: (offset: number) => number,
    rank: (offset: number) => bigint,
  ): Elements => ({
    count: data.byteLength / bytes,
    bytes,
    value: (position) => value(position * bytes),
    rank: (position) => rank(position * bytes),
  });
  const whole = (bytes: number, get: (offset: number) => number): Elements =>
    make(bytes, get, (offset) => BigInt(get(offset)));
  switch (dataType) {
    case "float64":
      return make(
        8,
        (at) => view.getFloat64(at, true),
        (at) => ordered(view.getBigUint64(at, true), 64n),
      );
    case "float32":
      return make(
        4,
        (at) => view.getFloat32(at, true),
        (at) => ordered(BigInt(view.getUint32(at, true)), 32n),
      );
    case "float16":
      return make(
        2,
        (at) => halfToNumber(view.getUint16(at, true)),
        (at) => ordered(BigInt(view.getUint16(at, true)), 16n),
      );
    case "bool":
    case "uint8":
      return whole(1, (at) => view.getUint8(at));
    case "int8":
      return whole(1, (at) => view.getInt8(at));
    case "uint16":
      return whole(2, (at) => view.getUint16(at, true));
    case "int16":
      return whole(2, (at) => view.getInt16(at, true));
    case "uint32":
      return whole(4, (at) => view.getUint32(at, true));
    case "int32":
      return whole(4, (at) => view.getInt32(at, true));
    case "uint64":
      return make(
        8,
        (at) => Number(view.getBigUint64(at, true)),
        (at) => view.getBigUint64(at, true),
      );
    case "int64":
      return make(
        8,
        (at) => Number(view.getBigInt64(at, true)),
        (at) => view.getBigInt64(at, true),
      );
    default:
      throw new CodedError("ONNX_UNSUPPORTED", `tensors of type ${dataType} cannot be compared`);
  }
}

/** Sign and magnitude of IEEE 754 as a whole number that grows with the value; −0 is 0. */
function ordered(bits: bigint, width: bigint): bigint {
  const sign = 1n << (width - 1n);
  return bits >= sign ? sign - bits : bits;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function sameBits(a: Uint8Array, b: Uint8Array, position: number, bytes: number): boolean {
  const end = (position + 1) * bytes;
  for (let at = position * bytes; at < end; at++) if (a[at] !== b[at]) return false;
  return true;
}

function largestMagnitude({ count, value }: Elements): number {
  let largest = 0;
  for (let position = 0; position < count; position++) {
    const magnitude = Math.abs(value(position));
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
}

function difference(a: number, b: number): number {
  if (Number.isNaN(a) && Number.isNaN(b)) return 0;
  if (a === b) return 0;
  const distance = Math.abs(a - b);
  return Number.isNaN(distance) ? Infinity : distance;
}
