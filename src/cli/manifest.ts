/**
 * The manifest of a cut model: what any ONNX runtime needs in order to run the parts.
 *
 * @module
 */
import { z } from "zod";
import { parseDocument } from "../cost/document.ts";
import { type OptimisationLevel, optimisationLevels } from "../cost/profile.ts";

/** A tensor that enters or leaves a part. */
interface Port {
  readonly name: string;
  readonly dataType: string;
  readonly shape: readonly (number | string)[];
  /** Which rows and columns of it, first and behind the last; left out: it is whole. */
  readonly region?: PortRegion;
}

export type PortRegion = readonly (readonly [number, number])[];

export interface ManifestFile {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface ManifestStage {
  readonly id: string;
  readonly device: string;
  readonly nodeCount: number;
  /** The model first; external data, if any, behind it. */
  readonly files: readonly ManifestFile[];
  /** `from`: the stage that makes it, or those that make regions of it; `input` for one of the whole model. */
  readonly inputs: readonly (Port & { readonly from: string | readonly string[] })[];
  /** `to`: the stages that read it, and `output` if the whole model returns it. */
  readonly outputs: readonly (Port & { readonly to: readonly string[] })[];
}

export interface Manifest {
  readonly format: "partita.parts/1";
  readonly model: string;
  readonly modelSha256: string;
  readonly graphSha256: string;
  readonly level: OptimisationLevel;
  /** Versions by operator domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly runtime: string;
  readonly howToRun: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly stages: readonly ManifestStage[];
  /** A part without inputs that makes the outputs which are the same for every request. */
  readonly constantOutputs?: readonly ManifestFile[];
}

const fileSchema = z.strictObject({
  file: z.string(),
  sha256: z.string(),
  bytes: z.int().nonnegative(),
});
const port = {
  name: z.string(),
  dataType: z.string(),
  shape: z.array(z.union([z.int().nonnegative(), z.string()])),
  region: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])).exactOptional(),
};

export const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  format: z.literal("partita.parts/1"),
  model: z.string(),
  modelSha256: z.string(),
  graphSha256: z.string(),
  level: z.enum(optimisationLevels),
  opsets: z.record(z.string(), z.int()),
  runtime: z.string(),
  howToRun: z.string(),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  stages: z.array(
    z.strictObject({
      id: z.string(),
      device: z.string(),
      nodeCount: z.int().positive(),
      files: z.array(fileSchema).min(1),
      inputs: z.array(
        z.strictObject({ ...port, from: z.union([z.string(), z.array(z.string())]) }),
      ),
      outputs: z.array(z.strictObject({ ...port, to: z.array(z.string()) })),
    }),
  ),
  constantOutputs: z.array(fileSchema).exactOptional(),
});

/** @throws PLAN_INVALID */
export function readManifest(text: string, file: string): Manifest {
  return parseDocument(text, manifestSchema, file, "PLAN_INVALID");
}

/** What the parts are for, by the level that they were cut at. */
export function runtimeOf(level: OptimisationLevel): string {
  switch (level) {
    case "basic":
      return "any runtime that supports these opsets: standard operators only";
    case "extended":
      return "ONNX Runtime only: fused operators of com.microsoft";
    case "all":
      return "ONNX Runtime only, on processors like the one that cut it: fused operators and memory layouts";
    default:
      return level satisfies never;
  }
}

export const howToRun: string =
  "Run the stages in the order listed. Give each its inputs by name: from the request (from: input) or from the stage named. A port with a region is only these rows and columns of a tensor [batch, channels, height, width]: cut it out of the tensor, or put it there. Outputs keep the names of the whole model's tensors; those with to: output are the answer. For answers that are equal bit for bit to the whole graph at this level, switch graph optimisation off (ONNX Runtime: graph_optimization_level = ORT_DISABLE_ALL) and use as many intra-op threads as for the whole.";
