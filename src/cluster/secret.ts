/**
 * Secrets and content hashes.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Lower-case hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/**
 * Whether two secrets are equal, in a time that says nothing about where they differ: their hashes
 * are compared, all of them, whatever their lengths.
 */
export function isSameSecret(one: string, other: string): boolean {
  const encoder = new TextEncoder();
  const left = sha256(encoder.encode(one));
  const right = sha256(encoder.encode(other));
  return (
    left.reduce((difference, byte, at) => difference | (byte ^ (right[at] as number)), 0) === 0
  );
}
