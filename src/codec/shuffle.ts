import { type Step, tailOf, wordsOf } from "./step.ts";

/**
 * Puts the first bytes of all words together, then the second ones, and so on: exponents of floats
 * resemble each other, their fractions do not.
 */
export const shuffle: Step = { forward, back };

function forward(block: Uint8Array): Uint8Array {
  const words = wordsOf(block);
  const count = words.length;
  const out = new Uint8Array(block.byteLength);
  const [second, third, fourth] = [count, 2 * count, 3 * count];
  for (let at = 0; at < count; at++) {
    const word = words[at] as number;
    out[at] = word;
    out[second + at] = word >>> 8;
    out[third + at] = word >>> 16;
    out[fourth + at] = word >>> 24;
  }
  out.set(tailOf(block), 4 * count);
  return out;
}

function back(coded: Uint8Array): Uint8Array {
  const count = coded.byteLength >>> 2;
  const out = new Uint32Array(count + 1);
  const [second, third, fourth] = [count, 2 * count, 3 * count];
  for (let at = 0; at < count; at++) {
    out[at] =
      (coded[at] as number) |
      ((coded[second + at] as number) << 8) |
      ((coded[third + at] as number) << 16) |
      ((coded[fourth + at] as number) << 24);
  }
  const bytes = new Uint8Array(out.buffer, 0, coded.byteLength);
  bytes.set(tailOf(coded), 4 * count);
  return bytes;
}
