/**
 * Messages to frames and back. Everything that arrives is checked here, and only here.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, type ErrorCode, errorTraits, isCoded, messageOf } from "../base/errors.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import type { Channel, Frame } from "../transport/transport.ts";
import type { Message, TensorMessage, WireError } from "./message.ts";

const name = z.string().min(1).max(1024);
const count = z.int().nonnegative();
const seconds = z.number().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const errorCodes = Object.keys(errorTraits) as [ErrorCode, ...ErrorCode[]];
const error = z.strictObject({
  code: z.enum(errorCodes),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
const blob = { sha256, bytes: count };
const part = z.strictObject({
  stage: name,
  skeleton: z.strictObject(blob),
  weights: z.array(z.strictObject({ name, ...blob })),
  threads: z.int().positive(),
  memoryBytes: count,
});
const deployment = z.strictObject({
  device: name,
  generation: count,
  stages: z.array(z.strictObject({ id: name, inputs: z.array(name), outputs: z.array(name) })),
  receives: z.array(
    z.strictObject({ tensor: name, from: name.nullable(), codec: name.exactOptional() }),
  ),
  forwards: z.array(
    z.strictObject({ tensor: name, to: name, bytes: seconds, codec: name.exactOptional() }),
  ),
  answers: z.array(name),
});
const emulation = z.strictObject({
  speed: z.number().positive(),
  links: z.array(
    z.strictObject({
      to: name,
      bandwidthBitsPerSecond: z.number().positive(),
      latencySeconds: seconds,
      medium: name.nullable(),
    }),
  ),
});
const signature = z.strictObject({
  name,
  dataType: z.string(),
  shape: z.array(z.union([count, z.string()])),
  isRanked: z.boolean(),
});
const stageTimings = z.array(
  z.strictObject({
    stage: name,
    device: name,
    queueSeconds: seconds,
    computeSeconds: seconds,
    busySeconds: seconds,
  }),
);
const hopTimings = z.array(
  z.strictObject({
    tensor: name,
    from: name,
    to: name,
    bytes: count,
    encodeSeconds: seconds,
    queueSeconds: seconds,
    sendSeconds: seconds,
  }),
);
const opening = { protocol: count, token: z.string() };
const numbered = { generation: count, request: count };

const messageSchema: z.ZodType<Message> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("answer"),
    request: count,
    timings: z.strictObject({
      waitSeconds: seconds,
      totalSeconds: seconds,
      stages: stageTimings,
      hops: hopTimings,
    }),
  }),
  z.strictObject({ type: z.literal("ask"), request: count, deadlineSeconds: seconds.nullable() }),
  z.strictObject({ type: z.literal("attach"), ...opening, generation: count, device: name }),
  z.strictObject({ type: z.literal("attached") }),
  z.strictObject({ type: z.literal("begin"), ...numbered }),
  z.strictObject({ type: z.literal("blob"), sha256, offset: count }),
  z.strictObject({
    type: z.literal("deploy"),
    generation: count,
    body: z.strictObject({
      deployment,
      producers: z.array(z.strictObject({ device: name, address: name })),
      emulation: emulation.nullable(),
    }),
  }),
  z.strictObject({ type: z.literal("deployed"), generation: count }),
  z.strictObject({ type: z.literal("failed"), error }),
  z.strictObject({ type: z.literal("failure"), ...numbered, error }),
  z.strictObject({ type: z.literal("forget"), ...numbered }),
  z.strictObject({ type: z.literal("heartbeat"), requests: count, peakRequests: count }),
  z.strictObject({
    type: z.literal("join"),
    ...opening,
    name,
    runtime: name,
    cores: z.int().positive(),
    memoryBytes: count.nullable(),
    address: name,
  }),
  z.strictObject({ type: z.literal("loaded"), generation: count }),
  z.strictObject({ type: z.literal("lost"), device: name, error }),
  z.strictObject({
    type: z.literal("offer"),
    generation: count,
    body: z.strictObject({ parts: z.array(part) }),
  }),
  z.strictObject({ type: z.literal("open"), ...opening }),
  z.strictObject({
    type: z.literal("opened"),
    model: z.string(),
    inputs: z.array(signature),
    outputs: z.array(signature),
    emulated: z.boolean(),
    window: z.int().positive(),
  }),
  z.strictObject({ type: z.literal("refused"), error }),
  z.strictObject({
    type: z.literal("report"),
    ...numbered,
    stages: stageTimings,
    hops: hopTimings,
  }),
  z.strictObject({ type: z.literal("shutdown"), reason: z.string() }),
  z.strictObject({
    type: z.literal("tensor"),
    ...numbered,
    tensor: name,
    dataType: name,
    shape: z.array(count).max(64),
    codec: name.exactOptional(),
  }),
  z.strictObject({
    type: z.literal("want"),
    generation: count,
    body: z.strictObject({ blobs: z.array(sha256) }),
  }),
  z.strictObject({ type: z.literal("welcome"), heartbeatSeconds: z.number().positive() }),
]);

/** A message that has arrived, with the bytes that came with it. */
export interface Received<M extends Message = Message> {
  readonly message: M;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const nothing = new Uint8Array(0);

/** Writes a message; a `body` goes into the payload, since headers have a small limit. */
export function encodeMessage(message: Message, payload: Uint8Array<ArrayBuffer> = nothing): Frame {
  if (!("body" in message)) return { header: { ...message }, payload };
  const { body, ...header } = message;
  return { header, payload: new TextEncoder().encode(JSON.stringify(body)) };
}

/** @throws FRAME_MALFORMED if a frame is no message of this protocol */
export function decodeMessage(frame: Frame): Received {
  const { header, payload } = frame;
  const hasBody = header.type === "deploy" || header.type === "offer" || header.type === "want";
  const parsed = messageSchema.safeParse(hasBody ? { ...header, body: parseBody(frame) } : header);
  if (parsed.success) return { message: parsed.data, payload: hasBody ? nothing : payload };
  throw malformed(`a frame of type '${header.type}'`, z.prettifyError(parsed.error));
}

function parseBody({ header, payload }: Frame): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw malformed(`the body of a frame of type '${header.type}'`, messageOf(cause));
  }
}

export function malformed(what: string, why: string): CodedError {
  return new CodedError(
    "FRAME_MALFORMED",
    `${what} is no message of this protocol: ${why}; do both sides have the same version of partita?`,
  );
}

/** The frame that carries a tensor; with a codec the value's bytes are coded ones. */
export function tensorFrame(
  place: Pick<TensorMessage, "generation" | "request" | "tensor" | "codec">,
  { dataType, shape, data }: TensorValue,
): Frame {
  return encodeMessage({ type: "tensor", ...place, dataType, shape }, data);
}

/**
 * The value that a tensor's frame carries, as it is.
 *
 * @throws FRAME_MALFORMED if its bytes are coded or do not fill its shape
 */
export function tensorOf({ message, payload }: Received<TensorMessage>): TensorValue {
  const { tensor, dataType, shape, codec } = message;
  if (codec !== undefined) {
    throw malformed(`tensor '${tensor}'`, `its codec is ${codec}, expected none`);
  }
  const width = bytesPerElement(dataType);
  if (width !== null && width * elementCount(shape) !== payload.byteLength) {
    throw malformed(
      `tensor '${tensor}'`,
      `${dataType} [${shape.join(", ")}] needs ${width * elementCount(shape)} bytes, ${payload.byteLength} came`,
    );
  }
  return { dataType, shape, data: payload };
}

/** Receives one message; `null`: the channel has ended. @throws FRAME_MALFORMED, CHANNEL_CLOSED */
export async function receive(channel: Channel): Promise<Received | null> {
  const next = await channel[Symbol.asyncIterator]().next();
  return next.done === true ? null : decodeMessage(next.value);
}

/** What a caught value looks like on the wire; what has no code was a bug and says so. */
export function toWire(error: unknown): WireError {
  if (isCoded(error)) return { code: error.code, message: error.message, details: error.details };
  return { code: "RUNTIME_FAILED", message: `unexpected: ${messageOf(error)}`, details: {} };
}

export function fromWire({ code, message, details }: WireError): CodedError {
  return new CodedError(code, message, details);
}
