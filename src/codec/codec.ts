/**
 * Lossless codecs for tensors on links. Any data type and any number of bytes: they look at words of
 * 32 bits, and at the bytes that are left over as they are.
 *
 * @module
 */
import { init } from "@bokuweb/zstd-wasm";
import { bitmap } from "./bitmap.ts";
import { decodeBlocks, encodeBlocks } from "./blocks.ts";
import { shuffle } from "./shuffle.ts";
import type { Step } from "./step.ts";
import { zstd } from "./zstd.ts";

export interface Codec {
  readonly name: string;
  /** The bytes are left as they are. O(bytes) time; holds a copy. */
  encode(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * What `encode` was given. Its size is checked before memory is taken for it.
   *
   * @param bytes how many there must be
   * @throws FRAME_MALFORMED
   */
  decode(coded: Uint8Array, bytes: number): Uint8Array<ArrayBuffer>;
}

export type Codecs = ReadonlyMap<string, Codec>;

/**
 * What each codec does, in this order; its position is its number on the wire. `bitmap` drops zeros
 * and is fastest, `zstd` suits bytes, `shuffle-zstd` dense floats, and the last floats after ReLU.
 */
const steps: Readonly<Record<string, readonly Step[]>> = {
  bitmap: [bitmap],
  zstd: [zstd],
  "shuffle-zstd": [shuffle, zstd],
  "bitmap-shuffle-zstd": [bitmap, shuffle, zstd],
};

export const codecNames: readonly string[] = Object.keys(steps);

let opened: Promise<Codecs> | null = null;

/** Makes the codecs ready; the first call compiles WebAssembly, some 10 ms. */
export function openCodecs(): Promise<Codecs> {
  opened ??= init().then(() => new Map(codecNames.map((name) => [name, createCodec(name)])));
  return opened;
}

function createCodec(name: string): Codec {
  const own = steps[name] as readonly Step[];
  const format = { name, number: codecNames.indexOf(name) };
  return {
    name,
    encode: (bytes) => encodeBlocks(format, bytes, own),
    decode: (coded, bytes) => decodeBlocks(format, coded, bytes, own),
  };
}
