/**
 * Schemas of what programs ask of single devices.
 *
 * @module
 */
import { z } from "zod";
import type { ProgramMessage } from "./program-message.ts";
import { amount, count, greeting, name, positive, type Schemas, sha256 } from "./schema-terms.ts";

/** Whoever waits for longer has lost interest. */
const longestSeconds = 86_400;
/** A link's measurement is no load test. */
const mostProbeBytes = 2 ** 28;
const mostThreads = 1024;

const blob = z.strictObject({ sha256, bytes: count });

export const programSchemas: Schemas<ProgramMessage> = {
  survey: z.strictObject({
    type: z.literal("survey"),
    ...greeting,
    from: name,
    to: name,
    bytes: z.int().nonnegative().max(mostProbeBytes),
  }),
  task: z.strictObject({ type: z.literal("task"), ...greeting, device: name }),
  summon: z.strictObject({ type: z.literal("summon"), task: count }),
  take: z.strictObject({ type: z.literal("take"), ...greeting, device: name, task: count }),
  taken: z.strictObject({ type: z.literal("taken") }),
  profile: z.strictObject({
    type: z.literal("profile"),
    model: blob,
    memoryBytes: amount,
    kind: name,
    level: z.enum(["basic", "extended", "all"]),
    threads: z.int().positive().max(mostThreads),
    shapes: z.record(name, z.array(count)),
    codecs: z.boolean(),
    limitSeconds: positive.max(longestSeconds),
    force: z.boolean(),
  }),
  working: z.strictObject({ type: z.literal("working"), seconds: amount }),
  profiled: z.strictObject({ type: z.literal("profiled"), profile: blob }),
};
