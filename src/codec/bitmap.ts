import { malformed, type Step, tailOf, wordsOf } from "./step.ts";

/**
 * Drops words that are zero: a bit for each word, then the words that are not. What is tested is the
 * pattern, not the number, so that −0 survives.
 */
export const bitmap: Step = { forward, back };

function forward(block: Uint8Array): Uint8Array {
  const words = wordsOf(block);
  const tail = tailOf(block);
  const masks = Math.ceil(words.length / 32);
  const out = new Uint32Array(masks + words.length + 1);
  let at = masks;
  for (let position = 0; position < masks; position++) {
    const start = position * 32;
    const count = Math.min(32, words.length - start);
    let mask = 0;
    for (let bit = 0; bit < count; bit++) {
      const word = words[start + bit] as number;
      // Written always and kept if it is not zero: without a branch, which would be guessed wrong.
      out[at] = word;
      const kept = word === 0 ? 0 : 1;
      mask |= kept << bit;
      at += kept;
    }
    out[position] = mask;
  }
  const bytes = new Uint8Array(out.buffer);
  bytes.set(tail, at * 4);
  return bytes.subarray(0, at * 4 + tail.byteLength);
}

function back(coded: Uint8Array, rawBytes: number): Uint8Array {
  const count = rawBytes >>> 2;
  const masks = Math.ceil(count / 32);
  const given = wordsOf(coded);
  const tail = tailOf(coded);
  if (given.length < masks) throw malformed("its bitmap is cut off");
  let kept = 0;
  for (let position = 0; position < masks; position++) kept += bitsIn(given[position] as number);
  const last = count % 32 === 0 ? 0 : (given[masks - 1] as number) >>> (count % 32);
  const isWhole = given.length === masks + kept && tail.byteLength === (rawBytes & 3);
  if (!isWhole || last !== 0) throw malformed("its bitmap does not count its words");
  const out = new Uint32Array(count + 1);
  let at = masks;
  for (let position = 0; position < count; position++) {
    const bit = ((given[position >>> 5] as number) >>> (position & 31)) & 1;
    out[position] = (given[at] as number) & -bit;
    at += bit;
  }
  const bytes = new Uint8Array(out.buffer);
  bytes.set(tail, count * 4);
  return bytes.subarray(0, rawBytes);
}

/** @see Warren, "Hacker's Delight", 2nd edition, figure 5-2 */
function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
