/**
 * An envelope as it is kept: who decides from it needs neither the graph nor the profile.
 *
 * @module
 */
import { z } from "zod";
import { parseDocument } from "../../cost/document.ts";

/** What changes, by name. */
export type EnvelopeParameter =
  | {
      readonly type: "bandwidth";
      /** From and to of each link; all change by one factor. */
      readonly links: readonly (readonly [string, string])[];
      /** Of the first link, as the topology states it. */
      readonly nominalBitsPerSecond: number;
      readonly leastBitsPerSecond: number;
      readonly mostBitsPerSecond: number;
    }
  | {
      readonly type: "slow-down";
      readonly device: string;
      readonly least: number;
      readonly most: number;
    };

/** A codec that a tensor has on a link. */
export interface EnvelopeCodec {
  readonly tensor: string;
  readonly from: string;
  readonly to: string;
  readonly codec: string;
}

/**
 * A placement and its cost: constant + Σ over parameters slope · coordinate. The coordinate of a
 * bandwidth is nominal ÷ current, that of a slow-down the slow-down itself.
 */
export interface EnvelopePlacement {
  /** Position in the envelope's devices, for each node in graph order. */
  readonly devices: readonly number[];
  readonly codecs: readonly EnvelopeCodec[];
  /** Seconds or joules, as the objective. */
  readonly constant: number;
  readonly slopes: readonly number[];
}

/** The placements of which one is the best in every state of a box. */
export interface Envelope {
  readonly format: "partita.envelope/1";
  /** As `parseObjective` reads it. */
  readonly objective: string;
  readonly graphSha256: string;
  readonly devices: readonly string[];
  readonly parameters: readonly EnvelopeParameter[];
  readonly placements: readonly EnvelopePlacement[];
  /**
   * Proven: in no state of the box does the best of the placements cost more than 1 + this times
   * what the best of all placements costs; 0: no more than rounding, 1e-9.
   */
  readonly excess: number;
  /** Minimum cuts that were solved. */
  readonly solves: number;
}

const name = z.string().min(1);
const factor = z.number().positive();

const parameterSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("bandwidth"),
    links: z.array(z.tuple([name, name])).min(1),
    nominalBitsPerSecond: factor,
    leastBitsPerSecond: factor,
    mostBitsPerSecond: factor,
  }),
  z.strictObject({ type: z.literal("slow-down"), device: name, least: factor, most: factor }),
]);

export const envelopeSchema: z.ZodType<Envelope> = z.strictObject({
  format: z.literal("partita.envelope/1"),
  objective: z.string(),
  graphSha256: z.string(),
  devices: z.array(name).min(1),
  parameters: z.array(parameterSchema).min(1),
  placements: z
    .array(
      z.strictObject({
        devices: z.array(z.number().int().nonnegative()),
        codecs: z.array(z.strictObject({ tensor: name, from: name, to: name, codec: name })),
        constant: z.number(),
        slopes: z.array(z.number()),
      }),
    )
    .min(1),
  excess: z.number().nonnegative(),
  solves: z.number().int().nonnegative(),
});

/**
 * Reads an envelope file.
 *
 * @throws ENVELOPE_INVALID
 */
export function readEnvelope(text: string, file: string): Envelope {
  return parseDocument(text, envelopeSchema, file, "ENVELOPE_INVALID");
}
