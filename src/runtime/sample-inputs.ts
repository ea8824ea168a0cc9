import { CodedError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import type { TensorSignature, TensorValues } from "./runtime.ts";

/**
 * Seeded values for inputs of which nothing is known but their type: floats uniform in [0, 1), whole
 * numbers 0 or 1, so that they are valid as indices, lengths and conditions. An open dimension is 1.
 *
 * @throws ONNX_UNSUPPORTED for an input of strings or another type without bytes of a fixed width;
 * TENSOR_SHAPE_MISMATCH for one that is too large for memory
 */
export function sampleInputs(inputs: readonly TensorSignature[], seed = 1): TensorValues {
  return Object.fromEntries(
    inputs.map(({ name, dataType, shape }, position) => {
      const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
      if (bytesPerElement(dataType) === null) {
        throw new CodedError(
          "ONNX_UNSUPPORTED",
          `input '${name}' has the type ${dataType}; only tensors whose elements have a fixed number of bytes can be passed in`,
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
  const width = bytesPerElement(dataType) ?? 0;
  const data = allocate(dataType, shape, count * width);
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

/** The longest array of bytes of Node 20. */
const largestBytes = 2 ** 32;

function allocate(
  dataType: string,
  shape: readonly number[],
  byteCount: number,
): Uint8Array<ArrayBuffer> {
  if (byteCount <= largestBytes) return new Uint8Array(byteCount);
  throw new CodedError(
    "TENSOR_SHAPE_MISMATCH",
    `a ${dataType} tensor of shape [${shape.join(", ")}] takes ${byteCount} bytes; at most ${largestBytes} can be passed in: give smaller sizes`,
    { shape, bytes: byteCount },
  );
}
