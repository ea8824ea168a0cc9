/**
 * Element types of tensors: ONNX's numbers and the lower-case names that everything else uses.
 *
 * @module
 */
import { TensorProto_DataType } from "onnx-buf";
import { CodedError } from "../base/errors.ts";

/** Where the usual name is not ONNX's in lower case. */
const renamed: Readonly<Record<string, string>> = { FLOAT: "float32", DOUBLE: "float64" };

const nameByNumber: ReadonlyMap<number, string> = new Map(
  Object.entries(TensorProto_DataType)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, number]) => [number, renamed[name] ?? name.toLowerCase()]),
);

const numberByName: ReadonlyMap<string, number> = new Map(
  [...nameByNumber].map(([number, name]) => [name, number]),
);

/** The name of an ONNX element type: 1 is `float32`; one that is not known is `undefined`. */
export function dataTypeName(number: number): string {
  return nameByNumber.get(number) ?? "undefined";
}

/**
 * The ONNX number of an element type: `float32` is 1.
 *
 * @throws ONNX_UNSUPPORTED if there is no such type
 */
export function dataTypeNumber(name: string): number {
  const number = numberByName.get(name);
  if (number !== undefined) return number;
  throw new CodedError(
    "ONNX_UNSUPPORTED",
    `'${name}' is no element type of ONNX; known are ${[...numberByName.keys()].join(", ")}`,
    { dataType: name },
  );
}
