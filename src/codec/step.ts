import { CodedError } from "../base/errors.ts";

/** One reversible change of a block of bytes. */
export interface Step {
  forward(block: Uint8Array): Uint8Array;
  /**
   * Undoes it.
   *
   * @param rawBytes of the block before any step: what comes out has at most `mostBytes` of them
   * @throws FRAME_MALFORMED
   */
  back(coded: Uint8Array, rawBytes: number): Uint8Array;
}

/** The most that steps may make of a block: a bitmap in front of words that are all there. */
export function mostBytes(rawBytes: number): number {
  return rawBytes + Math.ceil(rawBytes / 32) + 4;
}

/** The whole words of 32 bits at the beginning; a copy where the bytes begin between two words. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const whole = bytes.byteLength >>> 2;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, whole);
}

/** The up to three bytes behind them. */
export function tailOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.byteLength & ~3);
}

export function malformed(why: string): CodedError {
  return new CodedError(
    "FRAME_MALFORMED",
    `a coded tensor cannot be decoded: ${why}; do both sides have the same version of partita?`,
  );
}
