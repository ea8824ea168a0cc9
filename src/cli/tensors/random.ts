import { createRandom, type Random } from "../../base/random.ts";
import { elementCount, type TensorValue } from "../../graph/tensor-value.ts";
import type { TensorSignature, TensorValues } from "../../runtime/runtime.ts";

/** Whole numbers stay below this: they may be indices into a vocabulary. */
const wholeLimit = 100;

/**
 * Seeded inputs: uniform from −1 to 1 for floating-point types, small whole numbers for others.
 *
 * @param shapes by input; every input is there
 */
export function randomInputs(
  signature: readonly TensorSignature[],
  shapes: Readonly<Record<string, readonly number[]>>,
  seed: number,
): TensorValues {
  const random = createRandom(seed);
  return Object.fromEntries(
    signature.map(({ name, dataType }) => [
      name,
      randomValue(dataType, shapes[name] ?? [], random),
    ]),
  );
}

function randomValue(dataType: string, shape: readonly number[], random: Random): TensorValue {
  const count = elementCount(shape);
  const values = fill(dataType, count, random);
  return { dataType, shape, data: new Uint8Array(values.buffer) };
}

function fill(dataType: string, count: number, random: Random): { buffer: ArrayBuffer } {
  const whole = (): number => random.integer(wholeLimit);
  switch (dataType) {
    case "float32":
      return Float32Array.from({ length: count }, () => random.next() * 2 - 1);
    case "float64":
      return Float64Array.from({ length: count }, () => random.next() * 2 - 1);
    case "float16":
      // Sign and fraction are random, the exponent is that of 1/4 to 1/2.
      return Uint16Array.from(
        { length: count },
        () => 0x3400 | random.integer(0x400) | (random.integer(2) << 15),
      );
    case "int64":
    case "uint64":
      return BigInt64Array.from({ length: count }, () => BigInt(whole()));
    case "int32":
    case "uint32":
      return Int32Array.from({ length: count }, whole);
    case "int16":
    case "uint16":
      return Int16Array.from({ length: count }, whole);
    case "bool":
      return Uint8Array.from({ length: count }, () => random.integer(2));
    default:
      return Uint8Array.from({ length: count }, whole);
  }
}
