/**
 * Datatypes of the Open Inference Protocol, and tensors in its binary form.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import { elementCount, type TensorValue } from "../../graph/tensor-value.ts";

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
  const shown = JSON.stringify(shape.slice(0, mostAxes)).slice(1, -1).slice(0, 200);
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${tensor}' has the shape [${shown}]; it needs at most ${mostAxes} whole numbers from 0 on, with a product below 2^53`,
    { tensor },
  );
}

/**
 * A tensor from its binary form: little-endian, row-major; of `BYTES`, each element behind its length
 * in 4 bytes. Whether it fills its shape is left to the check against the model.
 *
 * @param raw is kept, in memory of its own, in which elements of any type are aligned
 * @throws REQUEST_INVALID if a truth value is neither 0 nor 1
 */
export function readRaw(
  tensor: string,
  datatype: Datatype,
  shape: readonly number[],
  raw: Uint8Array<ArrayBuffer>,
): TensorValue {
  // A runtime may take any other byte for both true and false.
  if (datatype === "BOOL" && raw.some((byte) => byte > 1)) {
    throw new CodedError(
      "REQUEST_INVALID",
      `input '${tensor}' is BOOL and has a byte that is neither 0 nor 1`,
      { tensor },
    );
  }
  return { dataType: dataTypeOf(datatype), shape, data: raw };
}
