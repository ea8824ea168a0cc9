/**
 * Tensors as JSON: flat or nested arrays of numbers, truth values or texts.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import { bfloat16, decodeShortFloat, encodeShortFloat, float16 } from "../../graph/short-float.ts";
import { packStrings, stringElements } from "../../graph/string-value.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../../graph/tensor-value.ts";
import { type Datatype, dataTypeOf } from "./datatypes.ts";

/** How the elements of a type stand in memory, and what they are in JSON. */
interface Element {
  /** What is asked of a client. */
  readonly expected: string;
  /** @returns whether it is an element of this type */
  readonly put: (view: DataView, offset: number, element: unknown) => boolean;
  readonly text: (view: DataView, offset: number) => string;
}

const elements: Readonly<Record<Exclude<Datatype, "BYTES">, Element>> = {
  BOOL: {
    expected: "true or false",
    put: (view, offset, element) => {
      view.setUint8(offset, element === true ? 1 : 0);
      return typeof element === "boolean";
    },
    text: (view, offset) => String(view.getUint8(offset) !== 0),
  },
  UINT8: whole(0, 0xff, "Uint8"),
  UINT16: whole(0, 0xffff, "Uint16"),
  UINT32: whole(0, 0xffff_ffff, "Uint32"),
  UINT64: wide(0, "BigUint64"),
  INT8: whole(-0x80, 0x7f, "Int8"),
  INT16: whole(-0x8000, 0x7fff, "Int16"),
  INT32: whole(-0x8000_0000, 0x7fff_ffff, "Int32"),
  INT64: wide(Number.MIN_SAFE_INTEGER, "BigInt64"),
  FP16: shortFloat(float16),
  BF16: shortFloat(bfloat16),
  FP32: {
    expected: "a finite number of 32 bits (others only in binary form)",
    put: number((view, offset, value) => {
      view.setFloat32(offset, value, true);
      return Number.isFinite(Math.fround(value));
    }),
    text: (view, offset) => numberText(view.getFloat32(offset, true)),
  },
  FP64: {
    expected: "a finite number (others only in binary form)",
    put: number((view, offset, value) => {
      view.setFloat64(offset, value, true);
      return Number.isFinite(value);
    }),
    text: (view, offset) => numberText(view.getFloat64(offset, true)),
  },
};

/** Of what is a number: objects may fail to become one. */
function number(put: (view: DataView, offset: number, value: number) => boolean): Element["put"] {
  return (view, offset, element) => typeof element === "number" && put(view, offset, element);
}

function whole(
  least: number,
  most: number,
  kind: "Int8" | "Uint8" | "Int16" | "Uint16" | "Int32" | "Uint32",
): Element {
  return {
    expected: `a whole number from ${least} to ${most}`,
    put: number((view, offset, value) => {
      view[`set${kind}`](offset, value, true);
      return Number.isInteger(value) && value >= least && value <= most;
    }),
    text: (view, offset) => String(view[`get${kind}`](offset, true)),
  };
}

/** JSON's numbers carry whole ones up to 2^53 in most programs, in this one too. */
function wide(least: number, kind: "BigInt64" | "BigUint64"): Element {
  return {
    expected: `a whole number from ${least} to 2^53 - 1 (larger ones only in binary form)`,
    put: number((view, offset, value) => {
      if (!Number.isSafeInteger(value) || value < least) return false;
      view[`set${kind}`](offset, BigInt(value), true);
      return true;
    }),
    text: (view, offset) => String(view[`get${kind}`](offset, true)),
  };
}

function shortFloat(format: typeof float16): Element {
  return {
    expected: "a finite number of 16 bits (others only in binary form)",
    put: number((view, offset, value) => {
      const bits = encodeShortFloat(format, value);
      view.setUint16(offset, bits, true);
      return Number.isFinite(decodeShortFloat(format, bits));
    }),
    text: (view, offset) => numberText(decodeShortFloat(format, view.getUint16(offset, true))),
  };
}

/** JSON has neither infinity nor what is no number. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  return Object.is(value, -0) ? "-0" : String(value);
}

/**
 * A tensor from what stands in JSON.
 *
 * @param data arrays, nested in any way: only the order of the elements counts
 * @throws REQUEST_INVALID if they are of another type or number
 */
export function readJsonData(
  tensor: string,
  datatype: Datatype,
  shape: readonly number[],
  data: readonly unknown[],
): TensorValue {
  const flat = data.some(Array.isArray) ? (data.flat(Number.POSITIVE_INFINITY) as unknown[]) : data;
  const count = elementCount(shape);
  if (flat.length !== count) {
    throw new CodedError(
      "REQUEST_INVALID",
      `input '${tensor}' has ${flat.length} elements; the shape [${shape.join(", ")}] needs ${count}`,
      { tensor, observed: flat.length, expected: count },
    );
  }
  const dataType = dataTypeOf(datatype);
  if (datatype === "BYTES") return { dataType, shape, data: readTexts(tensor, flat) };
  const { put, expected } = elements[datatype];
  const width = bytesPerElement(dataType) ?? 0;
  const view = new DataView(new ArrayBuffer(count * width));
  for (const [index, element] of flat.entries()) {
    if (!put(view, index * width, element)) throw wrong(tensor, index, element, datatype, expected);
  }
  return { dataType, shape, data: new Uint8Array(view.buffer) };
}

function readTexts(tensor: string, flat: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return packStrings(
    flat.map((element, index) => {
      // Half of a character that takes two places in JavaScript is none in UTF-8.
      if (typeof element === "string" && !/\p{Surrogate}/u.test(element)) {
        return encoder.encode(element);
      }
      throw wrong(tensor, index, element, "BYTES", "a text");
    }),
  );
}

function wrong(
  tensor: string,
  index: number,
  element: unknown,
  datatype: Datatype,
  expected: string,
): CodedError {
  const shown = JSON.stringify(element)?.slice(0, 60) ?? "nothing";
  return new CodedError(
    "REQUEST_INVALID",
    `element ${index} of input '${tensor}' is ${shown}; ${datatype} needs ${expected}`,
    { tensor, index },
  );
}

/**
 * A tensor as a flat JSON array. Floats that JSON cannot say (infinite, not a number) are `null`.
 *
 * @throws TENSOR_MALFORMED if texts are not in UTF-8
 */
export function writeJsonData(tensor: string, datatype: Datatype, value: TensorValue): string {
  if (datatype === "BYTES") return `[${writeTexts(tensor, value).join(",")}]`;
  const { data, shape, dataType } = value;
  const { text } = elements[datatype];
  const width = bytesPerElement(dataType) ?? 0;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = elementCount(shape);
  const pieces: string[] = [];
  // All texts at once would take ten times what they come to.
  for (let start = 0; start < count; start += piece) {
    const texts = Array.from({ length: Math.min(piece, count - start) }, (_, index) =>
      text(view, (start + index) * width),
    );
    pieces.push(texts.join(","));
  }
  return `[${pieces.join(",")}]`;
}

/** Elements that are written at a time. */
const piece = 4096;

function writeTexts(tensor: string, { data }: TensorValue): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return Array.from(stringElements(tensor, data), (element, index) => {
    try {
      return JSON.stringify(decoder.decode(element));
    } catch (error) {
      throw new CodedError(
        "TENSOR_MALFORMED",
        `element ${index} of output '${tensor}' is no text in UTF-8; ask for it in binary form`,
        { tensor, index },
        error,
      );
    }
  });
}
