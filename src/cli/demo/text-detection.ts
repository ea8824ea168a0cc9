/**
 * Where text stands in a picture, by PaddleOCR's differentiable-binarisation detector.
 *
 * @module
 * @see Liao, Wan, Yao, Chen, Bai, "Real-time scene text detection with differentiable binarization",
 * AAAI 2020
 */
import type { Session } from "../../runtime/runtime.ts";
import { type Box, cutOut, type Normalisation, type Picture, toTensor } from "./image.ts";

const normalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};
/** The detector halves its input five times. */
const multiple = 32;
const longestSide = 960;
const textProbability = 0.3;
const meanProbability = 0.6;
const fewestPixels = 30;
/** The detector is trained on shrunken boxes: area · this ÷ perimeter is added on each side. */
const growth = 1.5;

/** The lines of text in a picture, from top to bottom, in pixels of the picture. */
export async function findTextLines(picture: Picture, detector: Session): Promise<Box[]> {
  const factor = Math.min(1, longestSide / Math.max(picture.width, picture.height));
  const width = toMultiple(picture.width * factor);
  const height = toMultiple(picture.height * factor);
  const whole = { left: 0, top: 0, right: picture.width, bottom: picture.height };
  const pixels = await cutOut(picture, whole, { width, height });
  const [input] = detector.inputs;
  const { outputs } = await detector.run({
    [input?.name ?? ""]: toTensor(pixels, { width, height }, width, normalisation),
  });
  const [map] = Object.values(outputs);
  if (map === undefined) return [];
  const { buffer, byteOffset } = map.data;
  const probabilities = new Float32Array(buffer, byteOffset, width * height);
  return findRegions(probabilities, width)
    .map((region) => grow(region, width, height))
    .map((box) => rescale(box, picture.width / width, picture.height / height))
    .sort((a, b) => a.top - b.top || a.left - b.left);
}

function toMultiple(length: number): number {
  return Math.max(multiple, Math.round(length / multiple) * multiple);
}

/** Boxes around the connected regions of a probability map that are text. O(pixels). */
export function findRegions(probabilities: Float32Array, width: number): Box[] {
  const seen = new Uint8Array(probabilities.length);
  const boxes: Box[] = [];
  for (let start = 0; start < probabilities.length; start++) {
    if (seen[start] === 1 || !((probabilities[start] as number) > textProbability)) continue;
    const region = fill(probabilities, width, start, seen);
    const sum = region.reduce((total, pixel) => total + (probabilities[pixel] as number), 0);
    if (region.length >= fewestPixels && sum / region.length >= meanProbability) {
      boxes.push(around(region, width));
    }
  }
  return boxes;
}

/** The pixels of the region around `start`, which are marked as seen. */
function fill(
  probabilities: Float32Array,
  width: number,
  start: number,
  seen: Uint8Array,
): number[] {
  const region = [start];
  seen[start] = 1;
  for (let position = 0; position < region.length; position++) {
    const pixel = region[position] as number;
    const column = pixel % width;
    const neighbours = [pixel - width, pixel + width];
    if (column > 0) neighbours.push(pixel - 1);
    if (column < width - 1) neighbours.push(pixel + 1);
    for (const next of neighbours) {
      if (seen[next] !== 0 || !((probabilities[next] as number) > textProbability)) continue;
      seen[next] = 1;
      region.push(next);
    }
  }
  return region;
}

function around(region: readonly number[], width: number): Box {
  const box = { left: width, top: Number.POSITIVE_INFINITY, right: 0, bottom: 0 };
  for (const pixel of region) {
    const column = pixel % width;
    const row = (pixel - column) / width;
    box.left = Math.min(box.left, column);
    box.right = Math.max(box.right, column + 1);
    box.top = Math.min(box.top, row);
    box.bottom = Math.max(box.bottom, row + 1);
  }
  return box;
}

function grow({ left, top, right, bottom }: Box, width: number, height: number): Box {
  const margin = ((right - left) * (bottom - top) * growth) / (2 * (right - left + bottom - top));
  return {
    left: Math.max(0, left - margin),
    top: Math.max(0, top - margin),
    right: Math.min(width, right + margin),
    bottom: Math.min(height, bottom + margin),
  };
}

function rescale({ left, top, right, bottom }: Box, x: number, y: number): Box {
  return {
    left: Math.floor(left * x),
    top: Math.floor(top * y),
    right: Math.max(Math.floor(left * x) + 1, Math.floor(right * x)),
    bottom: Math.max(Math.floor(top * y) + 1, Math.floor(bottom * y)),
  };
}
