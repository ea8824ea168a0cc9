/**
 * Messages to frames and back. Everything that arrives is checked here, and only here.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { bytesPerElement, elementCount, type TensorValue } from "../graph/tensor-value.ts";
import type { Channel, Frame } from "../transport/transport.ts";
import { controlSchemas } from "./control-schema.ts";
import type { TensorMessage } from "./data-message.ts";
import { dataSchemas } from "./data-schema.ts";
import { protocolVersion } from "./greeting.ts";
import type { Message } from "./message.ts";
import { programSchemas } from "./program-schema.ts";
import { longestText, type Schemas } from "./schema-terms.ts";
import { watchSchemas } from "./watch-schema.ts";
import type { WireError } from "./wire-error.ts";

const schemas: Schemas<Message> = {
  ...controlSchemas,
  ...dataSchemas,
  ...programSchemas,
  ...watchSchemas,
};

/** Those whose `body` travels in the payload, since headers have a small limit. */
const withBody: ReadonlySet<string> = new Set<Extract<Message, { readonly body: unknown }>["type"]>(
  ["deploy", "event", "kept", "measured", "offer", "status", "want"],
);

/** Those whose lists grow with the plan or the window: long ones travel in the payload, too. */
const withLists: ReadonlySet<string> = new Set<Message["type"]>([
  "answer",
  "begin",
  "recall",
  "report",
  "settled",
]);

/** So many entries fit into any header. */
const headerEntries = 32;

/** A message that has arrived, with the bytes that came with it. */
export interface Received<M extends Message = Message> {
  readonly message: M;
  readonly payload: Uint8Array<ArrayBuffer>;
}

const nothing = new Uint8Array(0);

/** Writes a message; a `body` and long lists go into the payload. */
export function encodeMessage(message: Message, payload: Uint8Array<ArrayBuffer> = nothing): Frame {
  if ("body" in message) {
    const { body, ...header } = message;
    return { header, payload: toJson(body) };
  }
  if (entriesOf(message) <= headerEntries) return { header: { ...message }, payload };
  const { type, ...fields } = message;
  // Whoever looks on is to see what a frame is about.
  const header = "request" in fields ? { type, request: fields.request } : { type };
  return { header, payload: toJson(fields) };
}

function toJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Of lists in messages that have no payload of their own. */
function entriesOf(message: Message): number {
  switch (message.type) {
    case "answer":
      return message.timings.stages.length + message.timings.hops.length;
    case "begin": {
      const { stages = [], forwards = [], answers = [] } = message.resume ?? {};
      return stages.length + forwards.length + answers.length;
    }
    case "recall":
      return message.requests.length;
    case "report":
      return message.stages.length + message.hops.length + message.receipts.length;
    case "settled":
      return message.open.length;
    default:
      return 0;
  }
}

/** @throws FRAME_MALFORMED if a frame is no message of this protocol */
export function decodeMessage(frame: Frame): Received {
  const { header, payload } = frame;
  const { type } = header;
  checkVersion(header["protocol"]);
  if (!isKnown(type)) throw malformed(`a frame of type '${quoted(type)}'`, "there is no such type");
  const isTaken = withBody.has(type) || (withLists.has(type) && payload.byteLength > 0);
  const parsed = schemas[type].safeParse(isTaken ? joined(frame) : header);
  if (parsed.success) return { message: parsed.data, payload: isTaken ? nothing : payload };
  throw malformed(`a frame of type '${type}'`, z.prettifyError(parsed.error));
}

/**
 * First of all: a first message of another version may look different.
 *
 * @param said `undefined`: it is no first message
 */
function checkVersion(said: unknown): void {
  if (typeof said !== "number" || said === protocolVersion) return;
  throw new CodedError(
    "FRAME_MALFORMED",
    `the two sides have different versions of partita: one speaks version ${said} of the protocol, the other ${protocolVersion}; install the same on all machines`,
    { said, protocol: protocolVersion },
  );
}

function isKnown(type: string): type is Message["type"] {
  return Object.hasOwn(schemas, type);
}

/** What a stranger sent, short enough to be shown. */
function quoted(type: string): string {
  return type.slice(0, 32);
}

/** A header with what stands in the payload. */
function joined(frame: Frame): unknown {
  const { header } = frame;
  const inner = parseBody(frame);
  if (withBody.has(header.type)) return { ...header, body: inner };
  return typeof inner === "object" ? { ...inner, ...header } : inner;
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
  const { tensor, dataType, shape, codec, piece } = message;
  if (piece !== undefined) throw malformed(`tensor '${tensor}'`, "a piece came, not all of it");
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
  const { code, message, details } = isCoded(error)
    ? error
    : new CodedError("RUNTIME_FAILED", `unexpected: ${messageOf(error)}`);
  // One that is longer would be refused as malformed, and its channel closed.
  return { code, message: message.slice(0, longestText), details };
}

export function fromWire({ code, message, details }: WireError): CodedError {
  return new CodedError(code, message, details);
}

/** An error as people are shown it, with what lies behind it. */
export function coded(cause: unknown): CodedError {
  const { code, message, details } = toWire(cause);
  return new CodedError(code, message, details, cause);
}
