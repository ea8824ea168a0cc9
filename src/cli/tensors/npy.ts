/**
 * NumPy's file format for one array.
 *
 * @module
 * @see numpy.lib.format, "Format Version 1.0", "Format Version 2.0"
 */
import { CodedError } from "../../base/errors.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../../graph/tensor-value.ts";

const magic = "\x93NUMPY";

/** NumPy's name of each element type that both sides know. */
const descriptors: Readonly<Record<string, string>> = {
  bool: "|b1",
  complex128: "<c16",
  complex64: "<c8",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
  int8: "|i1",
  uint16: "<u2",
  uint32: "<u4",
  uint64: "<u8",
  uint8: "|u1",
};

/**
 * Reads an array; one in Fortran order is refused, like big-endian and object arrays.
 *
 * @param file its name, for messages
 * @returns a copy, so that the element type is aligned
 * @throws TENSOR_MALFORMED, TENSOR_TYPE_MISMATCH
 */
export function readNpy(bytes: Uint8Array, file: string): TensorValue {
  const { header, start } = readHeader(bytes, file);
  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const shapeText = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descriptor === undefined || shapeText === undefined) {
    throw malformed(`${file}: the header ${brief(header)} states no type and shape of an array`);
  }
  if (/'fortran_order'\s*:\s*True/.test(header)) {
    throw malformed(`${file} is in Fortran order; save it with numpy.ascontiguousarray`);
  }
  const shape = shapeText.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const dataType = dataTypeOf(descriptor, file);
  const expected = elementCount(shape) * (bytesPerElement(dataType) ?? 0);
  if (!Number.isSafeInteger(expected) || bytes.length - start !== expected) {
    throw malformed(
      `${file}: ${dataType} of shape [${shape.join(", ")}] has ${expected} bytes, the file holds ${bytes.length - start}; it may be truncated`,
    );
  }
  return { dataType, shape, data: new Uint8Array(bytes.subarray(start)) };
}

/**
 * Writes an array in format 1.0, its data aligned to 64 bytes.
 *
 * @throws TENSOR_TYPE_MISMATCH if NumPy has no such type
 */
export function writeNpy({ dataType, shape, data }: TensorValue): Uint8Array<ArrayBuffer> {
  const descriptor = descriptors[dataType];
  if (descriptor === undefined) {
    throw new CodedError("TENSOR_TYPE_MISMATCH", `NumPy has no type for ${dataType}`, { dataType });
  }
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const fields = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = Math.ceil((magic.length + 4 + fields.length + 1) / 64) * 64 - magic.length - 4;
  const header = `${fields.padEnd(length - 1)}\n`;
  const start = magic.length + 4 + length;
  const bytes = new Uint8Array(start + data.length);
  bytes.set(Buffer.from(magic, "latin1"));
  bytes.set([1, 0, length & 0xff, length >> 8], magic.length);
  bytes.set(Buffer.from(header, "latin1"), magic.length + 4);
  bytes.set(data, start);
  return bytes;
}

/** Whether the bytes start like an array. */
export function isNpy(bytes: Uint8Array): boolean {
  return latin(bytes, 0, magic.length) === magic;
}

function readHeader(bytes: Uint8Array, file: string): { header: string; start: number } {
  if (!isNpy(bytes) || bytes.length < 12) throw malformed(`${file} is no .npy file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = view.getUint8(6) > 1;
  const from = long ? 12 : 10;
  const start = from + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start > bytes.length) throw malformed(`${file} ends within its header; it may be truncated`);
  return { header: latin(bytes, from, start), start };
}

function dataTypeOf(descriptor: string, file: string): string {
  const found = Object.entries(descriptors).find(([, known]) => known === descriptor);
  if (found !== undefined) return found[0];
  throw new CodedError(
    "TENSOR_TYPE_MISMATCH",
    `${file} holds elements of NumPy type '${descriptor}'; readable are ${Object.values(descriptors).join(", ")}`,
    { descriptor },
  );
}

function latin(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.subarray(from, to)).toString("latin1");
}

function brief(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}

function malformed(message: string): CodedError {
  return new CodedError("TENSOR_MALFORMED", message);
}
