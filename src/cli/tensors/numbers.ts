import { CodedError } from "../../base/errors.ts";
import { decodeShortFloat, float16 } from "../../graph/short-float.ts";
import { elementCount, type TensorValue } from "../../graph/tensor-value.ts";

/** How the elements of a type stand in memory, little-endian. */
type Reader = (view: DataView, position: number) => number | bigint;

const readers: Readonly<Record<string, Reader>> = {
  bool: (view, position) => view.getUint8(position),
  float16: (view, position) => decodeShortFloat(float16, view.getUint16(position * 2, true)),
  float32: (view, position) => view.getFloat32(position * 4, true),
  float64: (view, position) => view.getFloat64(position * 8, true),
  int16: (view, position) => view.getInt16(position * 2, true),
  int32: (view, position) => view.getInt32(position * 4, true),
  int64: (view, position) => view.getBigInt64(position * 8, true),
  int8: (view, position) => view.getInt8(position),
  uint16: (view, position) => view.getUint16(position * 2, true),
  uint32: (view, position) => view.getUint32(position * 4, true),
  uint64: (view, position) => view.getBigUint64(position * 8, true),
  uint8: (view, position) => view.getUint8(position),
};

/**
 * The elements of a tensor, row by row. 64-bit whole numbers beyond 2^53 lose digits, as in JSON.
 *
 * @throws TENSOR_TYPE_MISMATCH for types that are no plain numbers
 */
export function numbersOf({ dataType, shape, data }: TensorValue): number[] {
  const read = readers[dataType];
  if (read === undefined) {
    throw new CodedError("TENSOR_TYPE_MISMATCH", `elements of ${dataType} cannot be written down`, {
      dataType,
    });
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: elementCount(shape) }, (_, position) => Number(read(view, position)));
}
