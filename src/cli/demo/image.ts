import sharp from "sharp";
import { CodedError, messageOf } from "../../base/errors.ts";
import { bytes, formatQuantity } from "../../base/units.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";

/** An axis-parallel rectangle in pixels; right and bottom are exclusive. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Red, green, blue, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** How pixel values become numbers: (value ÷ 255 − mean) ÷ deviation, per channel as stored. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** Pictures above this many pixels would take the demo's minute by themselves. */
const pixelLimit = 100_000_000;

/**
 * Decodes a picture, its transparency on white.
 *
 * @throws FILE_NOT_FOUND, IMAGE_INVALID
 */
export async function readPicture(path: string): Promise<Picture> {
  try {
    const { data, info } = await sharp(path, { limitInputPixels: pixelLimit })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: data };
  } catch (error) {
    const missing = messageOf(error).includes("Input file is missing");
    throw new CodedError(
      missing ? "FILE_NOT_FOUND" : "IMAGE_INVALID",
      missing
        ? `there is no image '${path}'`
        : `'${path}' is not an image that can be decoded (png, jpg, webp, gif, tiff, svg): ${messageOf(error)}`,
      { path },
      error,
    );
  }
}

/** Cuts a box out, stretches it to a size, and returns red, green, blue, row by row. */
export async function cutOut(
  { width, height, pixels }: Picture,
  box: Box,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .extract({
      left: box.left,
      top: box.top,
      width: box.right - box.left,
      height: box.bottom - box.top,
    })
    .resize(size.width, size.height, { fit: "fill" })
    .raw()
    .toBuffer();
}

/**
 * Pixels as a float32 tensor of shape [1, 3, height, width], channels blue, green, red, at the left
 * of a canvas that may be wider; the rest of the canvas is 0.
 */
export function toTensor(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number },
  canvasWidth: number,
  { mean, deviation }: Normalisation,
): TensorValue {
  const plane = canvasWidth * size.height;
  const values = new Float32Array(3 * plane);
  for (let row = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++) {
      const pixel = 3 * (row * size.width + column);
      for (let channel = 0; channel < 3; channel++) {
        const value = (pixels[pixel + 2 - channel] as number) / 255;
        values[channel * plane + row * canvasWidth + column] =
          (value - (mean[channel] as number)) / (deviation[channel] as number);
      }
    }
  }
  return {
    dataType: "float32",
    shape: [1, 3, size.height, canvasWidth],
    data: new Uint8Array(values.buffer),
  };
}

/** For messages: `960 × 600, 1.73 MB as pixels`. */
export function describePicture({ width, height, pixels }: Picture): string {
  return `${width} × ${height}, ${formatQuantity(bytes(pixels.length), "B")} as pixels`;
}
