/**
 * Requests and answers as bytes that are kept: the very frames by which clients and gateways speak,
 * one behind the other.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../base/errors.ts";
import { type Inference, longestId, type Question } from "../cluster/inference.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  malformed,
  tensorFrame,
  tensorOf,
  toWire,
} from "../cluster/protocol.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { encodeHeader, FrameDecoder } from "../transport/frame.ts";
import type { Frame } from "../transport/transport.ts";

export interface KeptRequest extends Question {
  readonly id: string;
  /** Of the inputs, where whoever asks under the same id again is to be told of others; else `null`. */
  readonly inputsSha256: string | null;
}

/** How a request ended, until whoever asked it takes that. */
export interface KeptAnswer {
  /** Of its request, in the queue. */
  readonly place: number;
  readonly inputsSha256: string | null;
  readonly outcome: Inference | CodedError;
}

interface Cover {
  /** Of the request that is answered; `null`: this is none, or no answer. */
  readonly place: number | null;
  readonly inputsSha256: string | null;
  /** The object that holds what follows; `null`: it follows here. */
  readonly body: string | null;
}

const coverSchema: z.ZodType<Cover> = z.object({
  type: z.literal("kept"),
  place: z.int().positive().nullable(),
  inputsSha256: z.string().nullable(),
  body: z.string().nullable(),
});

/** The only request in its bytes. */
const only = { generation: 0, request: 1 } as const;

/** Tensors in the order of their names, so that equal inputs give equal bytes. */
export function tensorBytes(
  tensors: Readonly<Record<string, TensorValue>>,
): Uint8Array<ArrayBuffer> {
  return joinFrames(tensorFrames(tensors));
}

export function encodeRequest({
  inputs,
  id,
  deadlineSeconds,
  inputsSha256,
}: KeptRequest): Uint8Array<ArrayBuffer> {
  const ask = encodeMessage({ type: "ask", request: only.request, id, deadlineSeconds });
  return joinFrames([
    coverOf({ place: null, inputsSha256, body: null }),
    ...tensorFrames(inputs),
    ask,
  ]);
}

/** @throws FRAME_MALFORMED */
export function decodeRequest(bytes: Uint8Array): KeptRequest {
  const { cover, tensors, last } = split(bytes);
  const { message } = decodeMessage(last);
  if (message.type !== "ask" || message.id === null || message.id.length > longestId) {
    throw malformed(`a message '${message.type}'`, "a request with an id was expected");
  }
  const { id, deadlineSeconds } = message;
  return { inputs: tensors, id, deadlineSeconds, inputsSha256: cover.inputsSha256 };
}

export function encodeAnswer({
  place,
  inputsSha256,
  outcome,
}: KeptAnswer): Uint8Array<ArrayBuffer> {
  const cover = coverOf({ place, inputsSha256, body: null });
  if (outcome instanceof CodedError) {
    return joinFrames([cover, encodeMessage({ type: "failure", ...only, error: toWire(outcome) })]);
  }
  const { request: number, outputs, timings } = outcome;
  const last = encodeMessage({ type: "answer", request: only.request, number, timings });
  return joinFrames([cover, ...tensorFrames(outputs), last]);
}

/** @throws FRAME_MALFORMED */
export function decodeAnswer(bytes: Uint8Array): KeptAnswer {
  const { cover, tensors, last } = split(bytes);
  const { message } = decodeMessage(last);
  const { place, inputsSha256 } = cover;
  if (place === null) throw malformed("what is kept", "an answer says which request it is to");
  if (message.type === "failure") return { place, inputsSha256, outcome: fromWire(message.error) };
  if (message.type !== "answer") {
    throw malformed(`a message '${message.type}'`, "an answer was expected");
  }
  const { number: request, timings } = message;
  return { place, inputsSha256, outcome: { request, outputs: tensors, timings } };
}

/** Stands where bytes would, which are too many for one message, and says which object has them. */
export function encodeReference(body: string): Uint8Array<ArrayBuffer> {
  return joinFrames([coverOf({ place: null, inputsSha256: null, body })]);
}

/** The object that bytes refer to; `null`: they are complete. @throws FRAME_MALFORMED */
export function referenceIn(bytes: Uint8Array): string | null {
  const [first] = splitFrames(bytes);
  return first === undefined ? null : readCover(first).body;
}

function coverOf(cover: Cover): Frame {
  return { header: { type: "kept", ...cover }, payload: new Uint8Array() };
}

function readCover({ header }: Frame): Cover {
  const { success, data } = coverSchema.safeParse(header);
  if (!success) throw malformed("what is kept", "it does not begin as a request or an answer");
  return data;
}

function tensorFrames(tensors: Readonly<Record<string, TensorValue>>): Frame[] {
  return Object.entries(tensors)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([tensor, value]) => tensorFrame({ ...only, tensor }, value));
}

function split(bytes: Uint8Array) {
  const [first, ...others] = splitFrames(bytes);
  const last = others.pop();
  if (first === undefined || last === undefined) throw malformed("what is kept", "it is too short");
  const tensors = new Map<string, TensorValue>();
  for (const frame of others) {
    const { message, payload } = decodeMessage(frame);
    if (message.type !== "tensor" || tensors.has(message.tensor)) {
      throw malformed(`a message '${message.type}'`, "one tensor of each name was expected");
    }
    tensors.set(message.tensor, tensorOf({ message, payload }));
  }
  return { cover: readCover(first), tensors: Object.fromEntries(tensors), last };
}

function joinFrames(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const pieces = frames.flatMap((frame) => [encodeHeader(frame), frame.payload]);
  const joined = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.byteLength;
  }
  return joined;
}

/** @throws FRAME_MALFORMED */
function splitFrames(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder({
    // No frame is longer than what holds it.
    limits: { headerBytes: 1 << 20, payloadBytes: bytes.byteLength },
    onFrame: (frame) => frames.push(frame),
    onGoodbye: () => undefined,
  });
  decoder.push(bytes);
  return frames;
}
