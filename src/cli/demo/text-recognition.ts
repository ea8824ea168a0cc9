/**
 * What a line of text says, by PaddleOCR's recogniser and connectionist temporal classification.
 *
 * @module
 */
import type { TensorValue } from "../../graph/tensor-value.ts";
import { type Box, cutOut, type Picture } from "./image.ts";

export const lineHeight = 48;
/** Every line is padded, or squeezed, to this width, so that one plan holds for all of them. */
export const lineWidth = 640;
/** The middle between black and white, with which lines are padded. */
const grey = 128;

/** A line of text as pixels: blue, green, red planes, shape [1, 3, lineHeight, lineWidth]. */
export async function toLineTensor(picture: Picture, box: Box): Promise<TensorValue> {
  const natural = Math.round(((box.right - box.left) * lineHeight) / (box.bottom - box.top));
  const width = Math.min(lineWidth, Math.max(1, natural));
  const pixels = await cutOut(picture, box, { width, height: lineHeight });
  const plane = lineWidth * lineHeight;
  const data = new Uint8Array(3 * plane).fill(grey);
  for (let row = 0; row < lineHeight; row++) {
    for (let column = 0; column < width; column++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = pixels[3 * (row * width + column) + 2 - channel] as number;
        data[channel * plane + row * lineWidth + column] = value;
      }
    }
  }
  return { dataType: "uint8", shape: [1, 3, lineHeight, lineWidth], data };
}

/** The characters by index: the blank, the dictionary, and a space. */
export function readDictionary(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "];
}

/** Reads an answer: repeated indices are one character, index 0 separates. */
export function decodeText(answer: TensorValue, dictionary: readonly string[]): string {
  const { buffer, byteOffset, byteLength } = answer.data;
  const steps = new BigInt64Array(buffer, byteOffset, byteLength / 8);
  return [...steps]
    .map((step, position) => (step === steps[position - 1] ? "" : (dictionary[Number(step)] ?? "")))
    .join("");
}
