import { CodedError, messageOf } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** Decoded picture: interleaved bytes. */
interface Pixels {
  readonly data: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
}

/** A bomb of a few kilobytes must not take gigabytes: 16 384 rows and columns are enough. */
const mostPixels = 16_384 ** 2;

/**
 * Decodes a picture (png, jpeg, webp, …) into a tensor of batch 1.
 *
 * @param file its name, for messages
 * @throws IMAGE_INVALID
 */
export async function readImage(
  bytes: Uint8Array,
  how: Preprocessing,
  file: string,
): Promise<TensorValue> {
  const pixels = await decode(bytes, how, file);
  const { rows, columns, channels } = pixels;
  const shape = how.layout === "NCHW" ? [1, channels, rows, columns] : [1, rows, columns, channels];
  const order = how.channels === "BGR" ? [2, 1, 0] : [0, 1, 2];
  const values =
    how.dataType === "uint8"
      ? new Uint8Array(pixels.data.length)
      : new Float32Array(pixels.data.length);
  for (let channel = 0; channel < channels; channel++) {
    const mean = how.mean[channel] ?? how.mean[0] ?? 0;
    const std = how.std[channel] ?? how.std[0] ?? 1;
    const from = channels === 1 ? 0 : (order[channel] as number);
    for (let pixel = 0; pixel < rows * columns; pixel++) {
      const byte = pixels.data[pixel * channels + from] as number;
      const to =
        how.layout === "NCHW" ? channel * rows * columns + pixel : pixel * channels + channel;
      values[to] = how.dataType === "uint8" ? byte : (byte * how.scale - mean) / std;
    }
  }
  return { dataType: how.dataType, shape, data: new Uint8Array(values.buffer) };
}

async function decode(bytes: Uint8Array, how: Preprocessing, file: string): Promise<Pixels> {
  const fits = { stretch: "fill", cover: "cover", contain: "contain" } as const;
  const { padding } = how;
  const { default: sharp } = await import("sharp");
  try {
    // By the orientation that the camera noted, and over the padding where it is transparent.
    let picture = sharp(bytes, { limitInputPixels: mostPixels })
      .rotate()
      .flatten({ background: { r: padding, g: padding, b: padding } });
    if (how.size !== null) {
      const [height, width] = how.size;
      const background = { r: padding, g: padding, b: padding };
      picture = picture.resize({ width, height, fit: fits[how.fit], background });
    }
    const decoded = how.channels === "grey" ? picture.greyscale() : picture.toColourspace("srgb");
    const { data, info } = await decoded.raw().toBuffer({ resolveWithObject: true });
    return { data, rows: info.height, columns: info.width, channels: info.channels };
  } catch (error) {
    const message = `${file} cannot be decoded as a picture: ${messageOf(error)}`;
    throw new CodedError("IMAGE_INVALID", message, { file }, error);
  }
}
