/**
 * Schemas of what is said to whoever looks on.
 *
 * @module
 */
import { z } from "zod";
import type { WatchMessage } from "./message.ts";
import {
  addresses,
  amount,
  count,
  error,
  greeting,
  list,
  mostModels,
  name,
  positive,
  type Schemas,
  text,
} from "./schema-terms.ts";
import type { ClusterEvent, ClusterStatus } from "./status.ts";

const device = z.strictObject({
  device: name,
  state: z.enum(["away", "idle", "preparing", "running"]),
  role: z.enum(["source", "sink", "source and sink", "relay"]).nullable(),
  why: text.nullable(),
  addresses,
  runtime: name.nullable(),
  cores: amount.nullable(),
  memoryBytes: count.nullable(),
  benchmarkSeconds: amount.nullable(),
  statedSpeed: amount,
  measuredSpeed: amount.nullable(),
  silentSeconds: amount.nullable(),
  requests: count,
  peakRequests: count,
  heldBytes: count,
});

const link = z.strictObject({
  from: name,
  to: name,
  state: z.enum(["up", "down"]),
  tunnelled: z.boolean(),
  statedLatencySeconds: amount,
  statedBitsPerSecond: amount,
  measuredBitsPerSecond: amount.nullable(),
});

const generation = z.strictObject({
  generation: count,
  planner: text,
  state: z.enum(["preparing", "deploying", "serving", "draining", "standby"]),
  cause: text,
  predictedLatencySeconds: amount,
  predictedPeriodSeconds: amount,
  objective: text,
  batch: z.strictObject({ most: count, waitSeconds: amount }).nullable(),
  stages: list(
    z.strictObject({
      stage: name,
      device: name,
      nodes: count,
      predictedSeconds: amount,
      measuredSeconds: amount.nullable(),
    }),
  ),
  hops: list(
    z.strictObject({
      from: name,
      to: name,
      tensors: count,
      bytes: count,
      predictedSeconds: amount,
    }),
  ),
});

const requests = z.strictObject({
  answered: count,
  failed: count,
  replayed: count,
  inFlight: count,
  waiting: count,
  latencySeconds: amount.nullable(),
  perSecond: amount.nullable(),
  requestsPerPass: amount.nullable(),
});

/** What `partita status --json` prints and `GET /v1/status` answers. */
export const statusSchema: z.ZodType<ClusterStatus> = z.strictObject({
  format: z.literal("partita.status/1"),
  model: text,
  phase: z.enum(["waiting", "serving", "suspended", "ended"]),
  why: text.nullable(),
  upSeconds: amount,
  calendarSeconds: amount.nullable(),
  emulated: z.boolean(),
  heartbeatSeconds: amount,
  missedHeartbeats: count,
  serving: count.nullable(),
  generations: list(generation),
  devices: list(device),
  links: list(link),
  requests,
  faults: count,
  failovers: count,
  switches: count,
  fallbacks: list(text),
});

const atSeconds = amount;
const betweenDevices = { atSeconds, from: name, to: name };
const ofGeneration = { atSeconds, generation: count, cause: text };

export const eventSchema: z.ZodType<ClusterEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("joined"), atSeconds, device: name, address: name }),
  z.strictObject({ type: z.literal("left"), atSeconds, device: name, why: text }),
  z.strictObject({ type: z.enum(["linkDown", "linkUp"]), ...betweenDevices }),
  z.strictObject({ type: z.literal("sending"), atSeconds, device: name, bytes: count }),
  z.strictObject({
    type: z.enum(["preparing", "serving", "drained", "retired"]),
    ...ofGeneration,
  }),
  z.strictObject({ type: z.literal("suspended"), atSeconds, error }),
  z.strictObject({ type: z.literal("noPlan"), atSeconds, why: text }),
  z.strictObject({ type: z.literal("unsaved"), atSeconds, error }),
  z.strictObject({
    type: z.literal("drift"),
    atSeconds,
    what: text,
    gain: z.number(),
    taken: z.boolean(),
  }),
  z.strictObject({ type: z.literal("ended"), atSeconds, error: error.nullable() }),
]);

export const watchSchemas: Schemas<WatchMessage> = {
  follow: z.strictObject({ type: z.literal("follow"), ...greeting }),
  models: z.strictObject({
    type: z.literal("models"),
    models: z.array(name.nullable()).max(mostModels),
    heartbeatSeconds: positive,
    missedHeartbeats: z.int().positive(),
  }),
  watch: z.strictObject({ type: z.literal("watch"), ...greeting }),
  status: z.strictObject({
    type: z.literal("status"),
    body: z.strictObject({ status: statusSchema }),
  }),
  event: z.strictObject({ type: z.literal("event"), body: z.strictObject({ event: eventSchema }) }),
};
