import { createRandom } from "../base/random.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import type { TensorSignature, TensorValues } from "./runtime.ts";

/**
 * Seeded values for inputs of which nothing is known but their type: floats uniform in [0, 1), whole
 * numbers 0 or 1, so that they are valid as indices, lengths and conditions. An open dimension is 1.
 */
export function sampleInputs(inputs: readonly TensorSignature[], seed = 1): TensorValues {
  return Object.fromEntries(
    inputs.map(({ name, dataType, shape }, position) => {
      const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
      return [name, sampleTensor(dataType, sizes, seed + position)];
    }),
  );
}

/** One such value. */
export function sampleTensor(
  dataType: string,
  shape: readonly number[],
  seed: number,
): TensorValue & { readonly data: Uint8Array<ArrayBuffer> } {
  const random = createRandom(seed);
  const count = elementCount(shape);
  const width = bytesPerElement(dataType) ?? 0;
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
