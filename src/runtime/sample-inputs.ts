import { CodedError } from "../base/errors.ts";
import { createRandom, type Random } from "../base/random.ts";
import { packStrings } from "../graph/string-value.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import type { TensorSignature, TensorValues } from "./runtime.ts";

/**
 * Seeded values for inputs of which nothing is known but their type: floats uniform in [0, 1), whole
 * numbers and texts 0 or 1, so that they are valid as indices, lengths and conditions. An open
 * dimension is 1.
 *
 * @throws ONNX_UNSUPPORTED for an input whose elements are neither texts nor of a fixed width;
 * TENSOR_SHAPE_MISMATCH for one that is too large for memory
 */
export function sampleInputs(inputs: readonly TensorSignature[], seed = 1): TensorValues {
  return Object.fromEntries(
    inputs.map(({ name, dataType, shape }, position) => {
      const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
      if (bytesPerElement(dataType) === null && dataType !== "string") {
        throw new CodedError(
          "ONNX_UNSUPPORTED",
          `input '${name}' has the type ${dataType}; only texts and elements of a fixed number of bytes can be passed in`,
          { tensor: name, dataType },
        );
      }
      return [name, sampleTensor(dataType, sizes, seed + position)];
    }),
  );
}

/**
 * One such value.
 *
 * @throws TENSOR_SHAPE_MISMATCH if it is too large for memory
 */
export function sampleTensor(
  dataType: string,
  shape: readonly number[],
  seed: number,
): TensorValue & { readonly data: Uint8Array<ArrayBuffer> } {
  const random = createRandom(seed);
  const count = elementCount(shape);
  const width = bytesPerElement(dataType) ?? textBytes;
  checkRoom(dataType, shape, count * width);
  if (dataType === "string") return { dataType, shape, data: sampleTexts(count, random) };
  const data = new Uint8Array(count * width);
  const view = new DataView(data.buffer);
  for (let element = 0; element < count; element++) {
    const value = random.next();
    const offset = element * width;
    if (dataType === "float32") view.setFloat32(offset, value, true);
    else if (dataType === "float64") view.setFloat64(offset, value, true);
    // A half-precision number from 0.25 to just below 0.5: exponent 13, any fraction.
    else if (dataType === "float16") view.setUint16(offset, (13 << 10) | (value * 1024), true);
    else data[offset] = value < 0.5 ? 0 : 1;
  }
  return { dataType, shape, data };
}

function sampleTexts(count: number, random: Random): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return packStrings(
    Array.from({ length: count }, () => encoder.encode(random.next() < 0.5 ? "0" : "1")),
  );
}

/** Of a text of one character, with its length in front. */
const textBytes = 5;

/** The longest array of bytes of Node 20. */
const largestBytes = 2 ** 32;

/** @throws TENSOR_SHAPE_MISMATCH */
function checkRoom(dataType: string, shape: readonly number[], byteCount: number): void {
  if (byteCount <= largestBytes) return;
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `a ${dataType} tensor of shape [${shape.join(", ")}] takes ${byteCount} bytes; at most ${largestBytes} can be passed in: give smaller sizes`,
    { shape, bytes: byteCount },
  );
}
