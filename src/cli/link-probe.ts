/**
 * Measuring a link between two processes: its round trip and how many bits pass in each direction.
 *
 * @module
 */
import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { CodedError, errorTraits } from "../base/errors.ts";
import { isSameSecret } from "../cluster/secret.ts";
import type { Channel, Frame, FrameLimits, Listener, Transport } from "../transport/transport.ts";

/** What was measured from one side to the other. */
export interface MeasuredLink {
  /** Median of small messages there and back. */
  readonly roundTripSeconds: number;
  /** Payload that passed, per second. */
  readonly bitsPerSecond: number;
}

export interface ProbeSetting {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly token: string;
  /** How long bytes are sent. */
  readonly seconds: number;
}

/** An agent measures no longer than this, whoever asks. */
export const mostSeconds = 60;
const pings = 31;
const chunk: Uint8Array<ArrayBuffer> = new Uint8Array(256 * 1024);
const nothing: Uint8Array<ArrayBuffer> = new Uint8Array(0);
/** Nobody may send more at once than this. */
export const probeLimits: FrameLimits = { headerBytes: 4096, payloadBytes: chunk.length };

const messageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("open"), token: z.string() }),
  z.object({ type: z.literal("opened") }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
  z.object({ type: z.literal("load"), isLast: z.boolean() }),
  z.object({ type: z.literal("loaded") }),
  z.object({
    type: z.literal("measure"),
    address: z.string(),
    seconds: z.number().positive().max(mostSeconds),
  }),
  z.object({
    type: z.literal("measured"),
    roundTripSeconds: z.number(),
    bitsPerSecond: z.number(),
  }),
  z.object({
    type: z.literal("failed"),
    code: z.enum(Object.keys(errorTraits) as [keyof typeof errorTraits]),
    message: z.string(),
  }),
]);

type ProbeMessage = z.infer<typeof messageSchema>;

/**
 * Measuring goes without TLS, so that its token can be read by whoever is on the way.
 *
 * @throws USAGE_INVALID for the token of a cluster that has TLS
 */
export function refuseClusterToken(token: string): void {
  if (!/\.[\w-]{43}$/.test(token)) return;
  throw new CodedError(
    "USAGE_INVALID",
    "this is the token of a cluster with TLS, and here it would travel without; make up one for measuring, or have the coordinator measure the links: partita coordinator MODEL --devices a,b,c",
  );
}

/**
 * Answers probes until the listener is closed, and measures links from here when it is asked to.
 *
 * @param setting its `seconds` are not used: whoever asks says how long
 */
export async function answerProbes(listener: Listener, setting: ProbeSetting): Promise<void> {
  for await (const channel of listener) {
    // One peer that misbehaves ends its own channel and nothing else.
    void answer(channel, setting)
      .catch((error) => send(channel, failed(error)))
      .catch(() => undefined)
      .finally(() => channel.close());
  }
}

async function answer(channel: Channel, setting: ProbeSetting): Promise<void> {
  let isOpen = false;
  for await (const frame of channel) {
    const message = parse(frame);
    if (message.type === "open" && isSameSecret(message.token, setting.token)) {
      isOpen = true;
      await send(channel, { type: "opened" });
    } else if (!isOpen) {
      throw new CodedError("TOKEN_REFUSED", "the token is not the one of this agent");
    } else if (message.type === "ping") {
      await send(channel, { type: "pong" });
    } else if (message.type === "load") {
      if (message.isLast) await send(channel, { type: "loaded" });
    } else if (message.type === "measure") {
      const { address, seconds } = message;
      const found = await probe(address, { ...setting, seconds });
      await send(channel, { type: "measured", ...found });
    } else {
      throw new CodedError("FRAME_MALFORMED", `a message '${message.type}' is not expected here`);
    }
  }
}

/** Measures the link from this process to an agent. @throws CHANNEL_CLOSED, TOKEN_REFUSED */
export async function probe(address: string, setting: ProbeSetting): Promise<MeasuredLink> {
  const { clock, seconds } = setting;
  await using channel = await open(address, setting);
  const trips: number[] = [];
  for (let count = 0; count < pings; count++) {
    const started = clock.now();
    await ask(channel, { type: "ping" }, "pong");
    trips.push(clock.now() - started);
  }
  const roundTripSeconds = trips.sort((a, b) => a - b)[Math.floor(pings / 2)] as number;
  const started = clock.now();
  let bytes = chunk.length;
  for (; clock.now() - started < seconds; bytes += chunk.length) {
    await send(channel, { type: "load", isLast: false }, chunk);
  }
  // The last piece is acknowledged: by then everything before it has arrived.
  await ask(channel, { type: "load", isLast: true }, "loaded", chunk);
  const elapsed = clock.now() - started - roundTripSeconds / 2;
  return { roundTripSeconds, bitsPerSecond: (8 * bytes) / elapsed };
}

/** Asks the agent at one address to measure the link to another. */
export async function probeBetween(
  from: string,
  to: string,
  setting: ProbeSetting,
): Promise<MeasuredLink> {
  await using channel = await open(from, setting);
  const question = { type: "measure", address: to, seconds: setting.seconds } as const;
  const found = await ask(channel, question, "measured");
  return { roundTripSeconds: found.roundTripSeconds, bitsPerSecond: found.bitsPerSecond };
}

async function open(address: string, { transport, token }: ProbeSetting): Promise<Channel> {
  const channel = await transport.connect(address, { limits: probeLimits });
  await ask(channel, { type: "open", token }, "opened");
  return channel;
}

async function ask<T extends ProbeMessage["type"]>(
  channel: Channel,
  message: ProbeMessage,
  expected: T,
  payload: Uint8Array<ArrayBuffer> = nothing,
): Promise<Extract<ProbeMessage, { type: T }>> {
  await send(channel, message, payload);
  const next = await channel[Symbol.asyncIterator]().next();
  if (next.done === true) {
    throw new CodedError("CHANNEL_CLOSED", `${channel.peer} closed the channel`);
  }
  const reply = parse(next.value);
  if (reply.type === "failed") throw new CodedError(reply.code, reply.message);
  if (reply.type === expected) return reply as Extract<ProbeMessage, { type: T }>;
  throw new CodedError("FRAME_MALFORMED", `${channel.peer} answered '${reply.type}'`);
}

function send(
  channel: Channel,
  message: ProbeMessage,
  payload: Uint8Array<ArrayBuffer> = nothing,
): Promise<void> {
  return channel.send({ header: message, payload });
}

function failed(error: unknown): ProbeMessage {
  const coded = error instanceof CodedError ? error : null;
  return {
    type: "failed",
    code: coded?.code ?? "CHANNEL_CLOSED",
    message: coded?.message ?? String(error),
  };
}

function parse({ header }: Frame): ProbeMessage {
  const parsed = messageSchema.safeParse(header);
  if (parsed.success) return parsed.data;
  throw new CodedError(
    "FRAME_MALFORMED",
    `a frame of type '${header.type}' is no message of a link's measurement; is an agent waiting there with --listen?`,
  );
}
