import { z } from "zod";
import { parseDocument } from "../../cost/document.ts";

/** Mean seconds of the bottleneck over 50 topologies. */
export interface PublishedMeans {
  readonly devices: number;
  readonly kpath20: number;
  readonly greedy: number;
  readonly random: number;
}

export interface PublishedRow {
  readonly model: string;
  readonly capMebibytes: number;
  readonly seconds: readonly PublishedMeans[];
}

/** The result tables of the ITNAC 2022 experiments. */
export interface PublishedResults {
  readonly rows: readonly PublishedRow[];
  /** Networks that fit one part: 0 seconds in the published means of k-path. */
  readonly onePart: readonly { readonly model: string; readonly capMebibytes: number }[];
  /** k-path ÷ the bound, below 64 MiB on 50 devices. */
  readonly toBound: readonly { readonly model: string; readonly ratio: number }[];
}

const means = z.object({
  devices: z.number(),
  kpath20: z.number(),
  greedy: z.number(),
  random: z.number(),
});
const schema = z.object({
  rows: z.array(z.object({ model: z.string(), capMebibytes: z.number(), seconds: z.array(means) })),
  onePart: z.array(z.object({ model: z.string(), capMebibytes: z.number() })),
  toBound: z.array(z.object({ model: z.string(), ratio: z.number() })),
});

/** Below `bench/data`. */
export const publishedFile = "kpath/published.json";

/** @throws PROFILE_INVALID */
export function readPublished(text: string): PublishedResults {
  return parseDocument(text, schema, publishedFile, "PROFILE_INVALID");
}
