/**
 * Schemas of what agents and coordinator say to each other.
 *
 * @module
 */
import { z } from "zod";
import type {
  ControlMessage,
  Emulation,
  GatewayDeployment,
  OfferedPart,
  Peer,
} from "./control-message.ts";
import { channelKind, opened } from "./data-schema.ts";
import type { DeviceDeployment } from "./deployment.ts";
import {
  addresses,
  amount,
  count,
  error,
  greeting,
  list,
  mostEntries,
  name,
  positive,
  type Schemas,
  sha256,
  text,
} from "./schema-terms.ts";

/** Of a process, of a runtime: short enough for a first message. */
const mostGenerations = 1024;
const mostProbeBytes = 2 ** 28;
const blob = { sha256, bytes: count };

const part: z.ZodType<OfferedPart> = z.strictObject({
  stage: name,
  skeleton: z.strictObject(blob),
  weights: list(z.strictObject({ name, ...blob })),
  threads: z.int().positive(),
  memoryBytes: count,
  thrifty: z.boolean().exactOptional(),
});

const deviceDeployment: z.ZodType<DeviceDeployment> = z.strictObject({
  device: name,
  generation: count,
  stages: list(z.strictObject({ id: name, inputs: list(name), outputs: list(name) })),
  receives: list(
    z.strictObject({ tensor: name, from: name.nullable(), codec: name.exactOptional() }),
  ),
  forwards: list(
    z.strictObject({
      tensor: name,
      to: name,
      bytes: amount,
      weightPerByte: amount.exactOptional(),
      codec: name.exactOptional(),
      via: name.exactOptional(),
    }),
  ),
  answers: list(name),
  tiling: z
    .strictObject({
      extents: z.record(name, z.array(count).max(2)),
      compositions: list(z.strictObject({ name, from: list(name) })),
    })
    .exactOptional(),
});

const gateway: z.ZodType<GatewayDeployment> = z.strictObject({
  deployment: z.strictObject({
    generation: count,
    source: name,
    entering: list(name),
    outputs: list(name),
    devices: list(deviceDeployment),
  }),
  opened,
  joining: z
    .strictObject({
      most: z.int().positive(),
      waitSeconds: amount,
      passes: z.int().positive(),
      rows: z.int().positive(),
    })
    .exactOptional(),
});

const leg = z.strictObject({
  bandwidthBitsPerSecond: positive,
  latencySeconds: amount,
  medium: name.nullable(),
});

const emulation: z.ZodType<Emulation> = z.strictObject({
  speed: positive,
  links: list(leg.extend({ to: name, beyond: leg.nullable() })),
});

const peer: z.ZodType<Peer> = z.strictObject({ device: name, addresses });

const measured = z.strictObject({
  generation: count,
  seconds: amount,
  answered: count,
  failed: count,
  replayed: count,
  inFlight: count,
  waiting: count,
  latencySeconds: amount.nullable(),
  requestsPerPass: amount.nullable(),
  stages: list(
    z.strictObject({
      stage: name,
      device: name,
      rows: count,
      count,
      computeSeconds: amount,
      busySeconds: amount,
      queueSeconds: amount,
    }),
  ),
  hops: list(
    z.strictObject({
      from: name,
      to: name,
      count,
      bytes: amount,
      goodputBitsPerSecond: amount.nullable(),
    }),
  ),
});

export const controlSchemas: Schemas<ControlMessage> = {
  blob: z.strictObject({ type: z.literal("blob"), sha256, offset: count }),
  deploy: z.strictObject({
    type: z.literal("deploy"),
    generation: count,
    fences: z.boolean(),
    standby: z.boolean(),
    body: z.strictObject({
      deployment: deviceDeployment,
      peers: list(peer),
      source: name,
      emulation: emulation.nullable(),
      gateway: gateway.nullable(),
    }),
  }),
  deployed: z.strictObject({ type: z.literal("deployed"), generation: count }),
  dialBack: z.strictObject({
    type: z.literal("dialBack"),
    kind: channelKind,
    peer,
    tunnel: z.boolean(),
  }),
  drained: z.strictObject({ type: z.literal("drained"), generation: count }),
  emulate: z.strictObject({ type: z.literal("emulate"), emulation }),
  failed: z.strictObject({ type: z.literal("failed"), generation: count.nullable(), error }),
  fence: z.strictObject({ type: z.literal("fence"), below: count }),
  fetched: z.strictObject({ type: z.literal("fetched"), generation: count }),
  heartbeat: z.strictObject({
    type: z.literal("heartbeat"),
    requests: count,
    peakRequests: count,
    heldBytes: count,
    pending: list(
      z.strictObject({ device: name, bytes: count, passedSeconds: amount, seconds: amount }),
    ),
    arriving: list(z.strictObject({ device: name, bytes: count, seconds: amount })),
  }),
  join: z.strictObject({
    type: z.literal("join"),
    ...greeting,
    name,
    incarnation: name,
    runtime: name,
    cores: positive,
    memoryBytes: count.nullable(),
    benchmarkSeconds: amount.nullable(),
    addresses,
    generations: z.array(count).max(mostGenerations),
    serving: count.nullable(),
    fencedBelow: count,
    certificateRequest: text.nullable(),
  }),
  loaded: z.strictObject({ type: z.literal("loaded"), generation: count }),
  lost: z.strictObject({ type: z.literal("lost"), device: name, error }),
  measured: z.strictObject({ type: z.literal("measured"), body: measured }),
  offer: z.strictObject({
    type: z.literal("offer"),
    generation: count,
    purpose: z.enum(["load", "prefetch"]),
    body: z.strictObject({ parts: list(part) }),
  }),
  probe: z.strictObject({ type: z.literal("probe"), peer, bytes: count.max(mostProbeBytes) }),
  probed: z.strictObject({
    type: z.literal("probed"),
    device: name,
    bytes: count,
    link: z
      .strictObject({
        roundTripSeconds: amount,
        goodputBitsPerSecond: amount.nullable(),
        address: name,
        tunnelled: z.boolean(),
      })
      .nullable(),
    error: error.nullable(),
  }),
  reached: z.strictObject({ type: z.literal("reached"), device: name }),
  retire: z.strictObject({ type: z.literal("retire"), generation: count }),
  serve: z.strictObject({ type: z.literal("serve"), generation: count, replay: z.boolean() }),
  serving: z.strictObject({ type: z.literal("serving"), generation: count }),
  shutdown: z.strictObject({ type: z.literal("shutdown"), reason: text }),
  suspend: z.strictObject({ type: z.literal("suspend"), error }),
  want: z.strictObject({
    type: z.literal("want"),
    generation: count,
    body: z.strictObject({
      blobs: z.array(z.strictObject({ sha256, offset: count })).max(mostEntries),
    }),
  }),
  welcome: z.strictObject({
    type: z.literal("welcome"),
    heartbeatSeconds: positive,
    missedHeartbeats: z.int().positive(),
    certificate: text.nullable(),
  }),
};
