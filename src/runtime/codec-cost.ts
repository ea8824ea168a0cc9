/**
 * What is worth knowing of codecs that were measured: pure arithmetic.
 *
 * @module
 */
import type { CodecCost } from "../graph/graph.ts";

/** Codecs by name. */
export type CodecCosts = Readonly<Record<string, CodecCost>>;

/** Below this a codec saves less than a link's figures are known to. */
export const leastRatio = 1.05;

/**
 * Codecs that pay on some link: none is kept that makes a tensor hardly smaller, or that another one
 * beats in ratio, encoding and decoding. Figures are rounded to what the measurement is worth, to the
 * worse side. O(codecs²).
 */
export function keepUseful(costs: CodecCosts): CodecCosts {
  const small = Object.entries(costs)
    .filter(([, { ratio }]) => ratio >= leastRatio)
    .map(([name, cost]) => [name, rounded(cost)] as const);
  const useful = small.filter(([name, cost], position) =>
    small.every(
      ([other, rival], place) =>
        other === name || !isBeaten(cost, rival) || (isBeaten(rival, cost) && position < place),
    ),
  );
  return Object.fromEntries(useful);
}

function isBeaten(cost: CodecCost, rival: CodecCost): boolean {
  return (
    rival.ratio >= cost.ratio &&
    rival.encodeSecondsPerByte <= cost.encodeSecondsPerByte &&
    rival.decodeSecondsPerByte <= cost.decodeSecondsPerByte
  );
}

function rounded({ ratio, encodeSecondsPerByte, decodeSecondsPerByte }: CodecCost): CodecCost {
  return {
    ratio: Math.floor(ratio * 100) / 100,
    encodeSecondsPerByte: Number(encodeSecondsPerByte.toPrecision(2)),
    decodeSecondsPerByte: Number(decodeSecondsPerByte.toPrecision(2)),
  };
}

/**
 * Up to `most` bytes of a tensor: all, or a few pieces spread over it, as channels differ in zeros.
 *
 * @param most a multiple of 16
 */
export function sampleOf(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.byteLength <= most) return bytes;
  const pieces = 4;
  const length = most / pieces;
  const sample = new Uint8Array(most);
  for (let piece = 0; piece < pieces; piece++) {
    const even = ((bytes.byteLength - length) * piece) / (pieces - 1);
    const start = Math.floor(even / 4) * 4;
    sample.set(bytes.subarray(start, start + length), piece * length);
  }
  return sample;
}
