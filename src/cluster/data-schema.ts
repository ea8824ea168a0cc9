/**
 * Schemas of what is said on hop, gateway, tunnel and client channels.
 *
 * @module
 */
import { z } from "zod";
import type {
  DataChannelKind,
  DataMessage,
  HopTiming,
  Opened,
  Receipt,
  StageTiming,
} from "./data-message.ts";
import { longestId } from "./inference.ts";
import {
  addresses,
  amount,
  count,
  error,
  greeting,
  list,
  name,
  type Schemas,
  text,
} from "./schema-terms.ts";

const highestRank = 64;

const numbered = { generation: count, request: count };

export const channelKind: z.ZodType<DataChannelKind> = z.enum(["hop", "gateway"]);

const declaredTensor = z.strictObject({
  name,
  dataType: z.string(),
  shape: z.array(z.union([count, z.string()])).max(highestRank),
  isRanked: z.boolean(),
});

export const opened: z.ZodType<Opened> = z.strictObject({
  type: z.literal("opened"),
  model: text,
  inputs: list(declaredTensor),
  outputs: list(declaredTensor),
  emulated: z.boolean(),
  window: z.int().positive(),
});

const stages: z.ZodType<StageTiming[]> = list(
  z.strictObject({
    stage: name,
    device: name,
    startSeconds: amount,
    queueSeconds: amount,
    computeSeconds: amount,
    busySeconds: amount,
  }),
);
const hops: z.ZodType<HopTiming[]> = list(
  z.strictObject({
    tensor: name,
    from: name,
    to: name,
    bytes: count,
    startSeconds: amount,
    encodeSeconds: amount,
    queueSeconds: amount,
    sendSeconds: amount,
  }),
);
const receipts: z.ZodType<Receipt[]> = list(
  z.strictObject({ tensor: name, from: name, to: name, bytes: count, seconds: amount }),
);

const resume = z.strictObject({
  stages: list(name),
  forwards: list(z.strictObject({ tensor: name, to: name })),
  answers: list(name),
});

const standing = z.strictObject({
  life: name,
  heardOf: name.nullable(),
  heard: count,
  turn: count,
});

export const dataSchemas: Schemas<DataMessage> = {
  answer: z.strictObject({
    type: z.literal("answer"),
    request: count,
    number: count,
    timings: z.strictObject({
      source: name,
      waitSeconds: amount,
      totalSeconds: amount,
      stages,
      hops,
      joined: z.strictObject({ request: count, requests: count, rows: count }).exactOptional(),
    }),
  }),
  ask: z.strictObject({
    type: z.literal("ask"),
    request: count,
    id: z.string().min(1).max(longestId).nullable(),
    deadlineSeconds: amount.nullable(),
  }),
  attach: z.strictObject({
    type: z.literal("attach"),
    ...greeting,
    kind: channelKind,
    device: name,
    to: name,
    standing,
  }),
  attached: z.strictObject({ type: z.literal("attached"), standing }),
  begin: z.strictObject({ type: z.literal("begin"), ...numbered, resume: resume.nullable() }),
  cancel: z.strictObject({ type: z.literal("cancel"), request: count }),
  elsewhere: z.strictObject({ type: z.literal("elsewhere"), addresses }),
  failure: z.strictObject({ type: z.literal("failure"), ...numbered, error }),
  heard: z.strictObject({
    type: z.literal("heard"),
    frames: count,
    bitsPerSecond: z.number().positive().exactOptional(),
  }),
  kept: z.strictObject({
    type: z.literal("kept"),
    generation: count,
    body: z.strictObject({
      requests: list(z.strictObject({ request: count, tensors: list(name) })),
    }),
  }),
  open: z.strictObject({ type: z.literal("open"), ...greeting }),
  opened,
  ping: z.strictObject({ type: z.literal("ping"), probe: count.exactOptional() }),
  pong: z.strictObject({
    type: z.literal("pong"),
    probe: count.exactOptional(),
    seconds: amount.exactOptional(),
  }),
  recall: z.strictObject({ type: z.literal("recall"), generation: count, requests: list(count) }),
  refused: z.strictObject({ type: z.literal("refused"), error }),
  report: z.strictObject({ type: z.literal("report"), ...numbered, stages, hops, receipts }),
  settled: z.strictObject({ type: z.literal("settled"), below: count, open: list(count) }),
  tensor: z.strictObject({
    type: z.literal("tensor"),
    ...numbered,
    tensor: name,
    dataType: name,
    shape: z.array(count).max(highestRank),
    codec: name.exactOptional(),
    piece: z.strictObject({ offset: count, bytes: count }).exactOptional(),
  }),
  tunnel: z.strictObject({
    type: z.literal("tunnel"),
    ...greeting,
    kind: channelKind,
    device: name,
    to: name,
  }),
  tunnelled: z.strictObject({ type: z.literal("tunnelled") }),
};
