/**
 * Datatypes of the Open Inference Protocol, and tensors in its binary form.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../../graph/tensor-value.ts";

const dataTypeByDatatype = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  BF16: "bfloat16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
} as const;

/** As the protocol names it: `FP32`. */
export type Datatype = keyof typeof dataTypeByDatatype;

export const datatypes: readonly Datatype[] = Object.keys(
  dataTypeByDatatype,
) as readonly Datatype[];

const datatypeByDataType: ReadonlyMap<string, Datatype> = new Map(
  datatypes.map((datatype) => [dataTypeByDatatype[datatype], datatype]),
);

/** The protocol's name of an element type: `float32` is `FP32`; `null` if it has none. */
export function datatypeOf(dataType: string): Datatype | null {
  return datatypeByDataType.get(dataType) ?? null;
}

/** @throws REQUEST_INVALID if the protocol has no datatype of that name */
export function checkDatatype(tensor: string, name: string): Datatype {
  if (Object.hasOwn(dataTypeByDatatype, name)) return name as Datatype;
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${tensor}' has the datatype '${name}'; there are ${datatypes.join(", ")}`,
    { tensor, datatype: name },
  );
}

/** ONNX's lower-case name of a datatype: `FP32` is `float32`, `BYTES` is `string`. */
export function dataTypeOf(datatype: Datatype): string {
  return dataTypeByDatatype[datatype];
}

/** More axes than any operator takes. */
const mostAxes = 64;

/**
 * Elements of a shape that a client sent.
 *
 * @throws REQUEST_INVALID if a size is no whole number from 0 on, or they are more than can be counted
 */
export function checkShape(tensor: string, shape: readonly unknown[]): readonly number[] {
  const isValid =
    shape.length <= mostAxes &&
    shape.every((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0);
  // Counted without axes of size 0: else one of them hides how large the others are.
  const count = isValid ? elementCount(shape.filter((size) => size !== 0)) : Number.NaN;
  if (isValid && Number.isSafeInteger(count)) return shape;
  const shown = shape.slice(0, mostAxes).map(String).join(", ").slice(0, 200);
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${tensor}' has the shape [${shown}]; it needs at most ${mostAxes} whole numbers from 0 on, with a product below 2^53`,
    { tensor },
  );
}

/**
 * A tensor from its binary form: little-endian, row-major; of `BYTES`, each element behind its length
 * in 4 bytes.
 *
 * @param raw is taken as it is where it is aligned, else copied
 * @throws REQUEST_INVALID if it is too long or too short for the shape
 */
export function readRaw(
  tensor: string,
  datatype: Datatype,
  shape: readonly number[],
  raw: Uint8Array<ArrayBuffer>,
): TensorValue {
  const dataType = dataTypeByDatatype[datatype];
  const size = bytesPerElement(dataType);
  const count = elementCount(shape);
  if (size === null) checkElements(tensor, count, raw);
  else if (count * size !== raw.byteLength) {
    throw new CodedError(
      "REQUEST_INVALID",
      `input '${tensor}' has ${raw.byteLength} bytes; ${datatype} [${shape.join(", ")}] needs ${count * size}`,
      { tensor, observed: raw.byteLength, expected: count * size },
    );
  }
  const isAligned = raw.byteOffset % (size ?? 1) === 0;
  return { dataType, shape, data: isAligned ? raw : raw.slice() };
}

/** Bytes in front of each element of `BYTES`. */
export const lengthBytes = 4;

/**
 * Elements of a `BYTES` tensor in its binary form, as views.
 *
 * @throws REQUEST_INVALID if an element is cut off
 */
export function* elementsOf(
  tensor: string,
  raw: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let at = 0; at < raw.byteLength; ) {
    const start = at + lengthBytes;
    const end = start <= raw.byteLength ? start + view.getUint32(at, true) : Number.NaN;
    if (!(end <= raw.byteLength)) {
      throw new CodedError(
        "REQUEST_INVALID",
        `an element of '${tensor}' begins at byte ${at} of ${raw.byteLength} and does not end there; BYTES are elements behind their lengths in ${lengthBytes} bytes, little-endian`,
        { tensor, at },
      );
    }
    yield raw.subarray(start, end);
    at = end;
  }
}

/** @throws REQUEST_INVALID */
function checkElements(tensor: string, expected: number, raw: Uint8Array<ArrayBuffer>): void {
  let count = 0;
  for (const _ of elementsOf(tensor, raw)) count++;
  if (count === expected) return;
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${tensor}' has ${count} elements; its shape needs ${expected}`,
    { tensor, observed: count, expected },
  );
}
