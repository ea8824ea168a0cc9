/**
 * The bytes of a coded tensor: a head of 12 bytes, then blocks, each of 1 MiB of the tensor but the last.
 *
 * | offset | bytes | what |
 * |---|---|---|
 * | 0 | 3 | `PTC` |
 * | 3 | 1 | number of the codec |
 * | 4 | 8 | bytes of the tensor, little-endian |
 * | 12 | 4 | bytes of the first block, little-endian; its highest bit: the block is not coded |
 * | 16 | … | the block |
 *
 * Blocks keep the memory of the coder small, whatever the tensor's size.
 *
 * @module
 */
import { malformed, type Step } from "./step.ts";

/** How a codec is known on the wire, and to people. */
export interface Format {
  readonly name: string;
  readonly number: number;
}

const magic = [0x50, 0x54, 0x43];
const headBytes = 12;
const blockBytes = 1 << 20;
const plainFlag = 0x80000000;

/** The most that a tensor may have: as much as a frame can carry without a codec. */
const largestBytes = 2 ** 31 - 1;

export function encodeBlocks(
  { number }: Format,
  bytes: Uint8Array,
  steps: readonly Step[],
): Uint8Array<ArrayBuffer> {
  const blocks: { readonly bytes: Uint8Array; readonly flag: number }[] = [];
  for (let start = 0; start < bytes.byteLength; start += blockBytes) {
    const block = bytes.subarray(start, start + blockBytes);
    const coded = steps.reduce((before, step) => step.forward(before), block);
    const isSmaller = coded.byteLength < block.byteLength;
    blocks.push(isSmaller ? { bytes: coded, flag: 0 } : { bytes: block, flag: plainFlag });
  }
  const total = blocks.reduce((sum, block) => sum + 4 + block.bytes.byteLength, headBytes);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  out.set([...magic, number]);
  view.setBigUint64(4, BigInt(bytes.byteLength), true);
  let at = headBytes;
  for (const { bytes: block, flag } of blocks) {
    view.setUint32(at, block.byteLength + flag, true);
    out.set(block, at + 4);
    at += 4 + block.byteLength;
  }
  return out;
}

/** @throws FRAME_MALFORMED */
export function decodeBlocks(
  format: Format,
  coded: Uint8Array,
  bytes: number,
  steps: readonly Step[],
): Uint8Array<ArrayBuffer> {
  checkHead(format, coded, bytes);
  const blocks = findBlocks(coded, bytes);
  const backwards = steps.toReversed();
  const out = new Uint8Array(bytes);
  blocks.forEach(({ content, isPlain }, position) => {
    const start = position * blockBytes;
    const expected = Math.min(blockBytes, bytes - start);
    const block = isPlain
      ? content
      : backwards.reduce((before, step) => step.back(before, expected), content);
    if (block.byteLength !== expected) {
      throw malformed(`block ${position} holds ${block.byteLength} bytes, expected ${expected}`);
    }
    out.set(block, start);
  });
  return out;
}

function checkHead({ name, number }: Format, coded: Uint8Array, bytes: number): void {
  if (coded.byteLength < headBytes || magic.some((byte, at) => coded[at] !== byte)) {
    throw malformed("these are not its first bytes");
  }
  if (coded[3] !== number) throw malformed(`it is not of codec '${name}'`);
  const view = new DataView(coded.buffer, coded.byteOffset, coded.byteLength);
  const stated = Number(view.getBigUint64(4, true));
  if (stated !== bytes) throw malformed(`it holds ${stated} bytes, expected ${bytes}`);
  if (bytes > largestBytes) {
    throw malformed(`it holds ${bytes} bytes, at most ${largestBytes} are allowed`);
  }
}

/** Finds all blocks before memory is taken for what they hold. */
function findBlocks(
  coded: Uint8Array,
  bytes: number,
): { readonly content: Uint8Array; readonly isPlain: boolean }[] {
  const view = new DataView(coded.buffer, coded.byteOffset, coded.byteLength);
  const blocks: { content: Uint8Array; isPlain: boolean }[] = [];
  let at = headBytes;
  for (let left = bytes; left > 0; left -= blockBytes) {
    if (at + 4 > coded.byteLength) throw malformed(`block ${blocks.length} is missing`);
    const word = view.getUint32(at, true);
    const length = word & ~plainFlag;
    at += 4;
    // Else a coder would be given memory for what no encoder writes.
    if (length > Math.min(blockBytes, left)) {
      throw malformed(`block ${blocks.length} is longer than what it holds`);
    }
    if (at + length > coded.byteLength) throw malformed(`block ${blocks.length} is cut off`);
    blocks.push({ content: coded.subarray(at, at + length), isPlain: word >= plainFlag });
    at += length;
  }
  if (at !== coded.byteLength) throw malformed(`${coded.byteLength - at} bytes follow its end`);
  return blocks;
}
