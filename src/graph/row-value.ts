/**
 * Tensors of several requests behind one another along their first axis, and apart again. All bytes stay
 * as they are, whatever the type of the elements.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { lengthBytes, stringElements } from "./string-value.ts";
import { bytesPerElement, elementCount, type TensorValue } from "./tensor-value.ts";

/** Positions along the first axis; a scalar has none. */
export function rowsOf({ shape }: TensorValue): number {
  return shape[0] ?? 0;
}

/** @param values at least one; of one type, and of one shape but for the first dimension */
export function joinRows(values: readonly TensorValue[]): TensorValue {
  const [first, ...others] = values;
  if (first === undefined) throw new Error("nothing is to be joined");
  if (others.length === 0) return first;
  const data = new Uint8Array(values.reduce((sum, value) => sum + value.data.byteLength, 0));
  let offset = 0;
  for (const value of values) {
    data.set(value.data, offset);
    offset += value.data.byteLength;
  }
  const rows = values.reduce((sum, value) => sum + rowsOf(value), 0);
  return { dataType: first.dataType, shape: [rows, ...first.shape.slice(1)], data };
}

/**
 * The inverse, each in a buffer of its own.
 *
 * @param counts rows of each
 * @throws TENSOR_SHAPE_MISMATCH if there are not as many rows as that; TENSOR_MALFORMED if there are fewer
 * strings than rows need
 */
export function splitRows(value: TensorValue, counts: readonly number[]): TensorValue[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (rowsOf(value) !== total) {
    throw new CodedError(
      "TENSOR_SHAPE_MISMATCH",
      `a tensor of ${total} joined requests has the shape [${value.shape.join(", ")}], whose first dimension should be ${total}`,
      { observed: value.shape, expected: total },
    );
  }
  const ends = endsOf(value, counts);
  return counts.map((count, position) => ({
    dataType: value.dataType,
    shape: [count, ...value.shape.slice(1)],
    data: value.data.slice(ends[position - 1] ?? 0, ends[position]),
  }));
}

/** Where in the bytes the rows of each end. */
function endsOf({ dataType, shape, data }: TensorValue, counts: readonly number[]): number[] {
  const perRow = elementCount(shape.slice(1));
  const width = bytesPerElement(dataType);
  let end = 0;
  return counts.map((count) => {
    end += width === null ? bytesOfStrings(data, end, count * perRow) : count * perRow * width;
    return end;
  });
}

function bytesOfStrings(data: Uint8Array<ArrayBuffer>, start: number, count: number): number {
  let [bytes, elements] = [0, 0];
  if (count === 0) return 0;
  for (const element of stringElements("joined", data.subarray(start))) {
    bytes += lengthBytes + element.byteLength;
    if (++elements === count) return bytes;
  }
  throw new CodedError(
    "TENSOR_MALFORMED",
    `${count} strings of one request are wanted of an answer to several, which has ${elements} of them left`,
    { expected: count, observed: elements },
  );
}
