/**
 * How a picture becomes the input of a model: a small YAML file beside the model.
 *
 * ```yaml
 * format: partita.preprocessing/1
 * size: [224, 224]          # rows, columns; null keeps the picture's own
 * fit: stretch              # stretch | cover (crop what is over) | contain (pad with `padding`)
 * padding: 0                # 0 to 255
 * channels: RGB             # RGB | BGR | grey
 * scale: 0.00392156862745   # value = (byte · scale − mean) ÷ std
 * mean: [0.485, 0.456, 0.406]
 * std: [0.229, 0.224, 0.225]
 * layout: NCHW              # NCHW | NHWC
 * dataType: float32         # float32 | uint8 (then scale, mean and std are left out)
 * ```
 *
 * @module
 */
import { z } from "zod";
import { parseDocument } from "../../cost/document.ts";

export interface Preprocessing {
  /** Rows and columns; `null`: as in the picture. */
  readonly size: readonly [number, number] | null;
  readonly fit: "stretch" | "cover" | "contain";
  readonly padding: number;
  readonly channels: "RGB" | "BGR" | "grey";
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: "NCHW" | "NHWC";
  readonly dataType: "float32" | "uint8";
}

const schema = z.strictObject({
  format: z.literal("partita.preprocessing/1"),
  size: z.tuple([z.int().positive(), z.int().positive()]).nullable().default(null),
  fit: z.enum(["stretch", "cover", "contain"]).default("stretch"),
  padding: z.int().min(0).max(255).default(0),
  channels: z.enum(["RGB", "BGR", "grey"]).default("RGB"),
  scale: z
    .number()
    .positive()
    .default(1 / 255),
  mean: z.array(z.number()).default([0]),
  std: z.array(z.number().positive()).default([1]),
  layout: z.enum(["NCHW", "NHWC"]).default("NCHW"),
  dataType: z.enum(["float32", "uint8"]).default("float32"),
});

/** As written, with its defaults; its JSON Schema is published. */
export const preprocessingSchema: z.ZodType = schema;

/**
 * @param file its name, for messages
 * @throws USAGE_INVALID naming file, line and what was expected
 */
export function readPreprocessing(text: string, file: string): Preprocessing {
  return parseDocument(text, schema, file, "USAGE_INVALID");
}

/** Without a file: stretched to the input's size, RGB, from 0 to 1. */
export const defaultPreprocessing: Preprocessing = {
  size: null,
  fit: "stretch",
  padding: 0,
  channels: "RGB",
  scale: 1 / 255,
  mean: [0],
  std: [1],
  layout: "NCHW",
  dataType: "float32",
};
