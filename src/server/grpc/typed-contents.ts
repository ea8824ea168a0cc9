import { CodedError } from "../../base/errors.ts";
import { packStrings } from "../../graph/string-value.ts";
import { elementCount } from "../../graph/tensor-value.ts";
import type { Datatype } from "../oip/datatypes.ts";
import type { InferTensorContents } from "./generated/inference_pb.ts";

type Field = Exclude<keyof InferTensorContents, "$typeName" | "$unknown">;

/** Where the elements of each datatype stand, and how they become bytes; the others are only ever raw. */
const forms: Readonly<Partial<Record<Datatype, Form>>> = {
  BOOL: { field: "boolContents", pack: (it) => Uint8Array.from(it.boolContents, Number) },
  INT8: { field: "intContents", range: 8, pack: (it) => Int8Array.from(it.intContents) },
  INT16: { field: "intContents", range: 16, pack: (it) => Int16Array.from(it.intContents) },
  INT32: { field: "intContents", pack: (it) => Int32Array.from(it.intContents) },
  INT64: { field: "int64Contents", pack: (it) => BigInt64Array.from(it.int64Contents) },
  UINT8: { field: "uintContents", range: 8, pack: (it) => Uint8Array.from(it.uintContents) },
  UINT16: { field: "uintContents", range: 16, pack: (it) => Uint16Array.from(it.uintContents) },
  UINT32: { field: "uintContents", pack: (it) => Uint32Array.from(it.uintContents) },
  UINT64: { field: "uint64Contents", pack: (it) => BigUint64Array.from(it.uint64Contents) },
  FP32: { field: "fp32Contents", pack: (it) => Float32Array.from(it.fp32Contents) },
  FP64: { field: "fp64Contents", pack: (it) => Float64Array.from(it.fp64Contents) },
  BYTES: { field: "bytesContents", pack: (it) => packStrings(it.bytesContents) },
};

interface Form {
  readonly field: Field;
  /** Bits of an element, where the field holds more. */
  readonly range?: number;
  readonly pack: (contents: InferTensorContents) => ArrayBufferView<ArrayBuffer>;
}

/** Whether a tensor brought no elements of any type. */
export function isEmpty(contents: InferTensorContents): boolean {
  return filledFields(contents).length === 0;
}

/**
 * The elements of a tensor in the binary form of the protocol.
 *
 * @throws REQUEST_INVALID if they stand in another field than the datatype's, are too many or too few for
 * the shape, or do not fit the datatype
 */
export function packContents(
  tensor: string,
  datatype: Datatype,
  shape: readonly number[],
  contents: InferTensorContents,
): Uint8Array<ArrayBuffer> {
  const form = forms[datatype];
  if (form === undefined) {
    throw invalid(tensor, `is ${datatype}, which goes in raw_input_contents only`);
  }
  const strange = filledFields(contents).find((field) => field !== form.field);
  if (strange !== undefined) {
    throw invalid(tensor, `is ${datatype}, whose elements go in ${form.field}, not in ${strange}`);
  }
  const count = contents[form.field].length;
  const expected = elementCount(shape);
  if (count !== expected) {
    throw invalid(
      tensor,
      `has ${count} elements in its contents; its shape [${shape.join(", ")}] needs ${expected}`,
    );
  }
  checkRange(tensor, datatype, form, contents);
  const { buffer, byteOffset, byteLength } = form.pack(contents);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function filledFields(contents: InferTensorContents): readonly Field[] {
  const fields = Object.values(forms).map(({ field }) => field);
  return fields.filter((field) => contents[field].length > 0);
}

function checkRange(
  tensor: string,
  datatype: Datatype,
  { field, range }: Form,
  contents: InferTensorContents,
): void {
  if (range === undefined) return;
  const isSigned = field === "intContents";
  const least = isSigned ? -(2 ** (range - 1)) : 0;
  const most = least + 2 ** range - 1;
  const values = isSigned ? contents.intContents : contents.uintContents;
  const outside = values.find((value) => value < least || value > most);
  if (outside === undefined) return;
  throw invalid(tensor, `is ${datatype}, ${least} to ${most}, but has the element ${outside}`);
}

function invalid(tensor: string, message: string): CodedError {
  return new CodedError("REQUEST_INVALID", `input '${tensor}' ${message}`, { tensor });
}
