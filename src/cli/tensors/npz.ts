import { unzipSync, zipSync } from "fflate";
import { CodedError, messageOf } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { readNpy, writeNpy } from "./npy.ts";

/**
 * Reads the arrays of an archive as `numpy.savez` writes it, by name.
 *
 * @param file its name, for messages
 * @throws TENSOR_MALFORMED, TENSOR_TYPE_MISMATCH
 */
export function readNpz(bytes: Uint8Array, file: string): Record<string, TensorValue> {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    const message = `${file} is no .npz file (${messageOf(error)})`;
    throw new CodedError("TENSOR_MALFORMED", message, {}, error);
  }
  const arrays = Object.entries(entries).filter(([name]) => name.endsWith(".npy"));
  return Object.fromEntries(
    arrays.map(([name, array]) => [
      name.slice(0, -".npy".length),
      readNpy(array, `${file}: ${name}`),
    ]),
  );
}

/** Writes arrays by name, uncompressed as `numpy.savez` does. */
export function writeNpz(values: Readonly<Record<string, TensorValue>>): Uint8Array {
  const entries = Object.entries(values).map(
    ([name, value]) => [`${name}.npy`, writeNpy(value)] as const,
  );
  // A fixed date, so that equal answers are equal files. Zip knows no time before 1980.
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: new Date(1980, 0, 1) });
}
