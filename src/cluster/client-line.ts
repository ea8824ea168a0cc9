import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { beatClient } from "./client-beat.ts";
import type { Opened } from "./data-message.ts";
import { FrameQueue } from "./frame-queue.ts";
import { greet } from "./greeting.ts";
import { introduce } from "./handshake.ts";
import type { Asked, Inference, Question } from "./inference.ts";
import { limitTime } from "./neighbours/patience.ts";
import {
  decodeMessage,
  encodeMessage,
  fromWire,
  malformed,
  type Received,
  tensorFrame,
  tensorOf,
} from "./protocol.ts";
import { unknownModel } from "./unknown-model.ts";

export interface Dialling {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly token: string;
  /** Of several at one address. Default: the first. */
  readonly model?: string;
}

const dialSeconds = 5;
/** Redirections in a row: a coordinator knows where the source is, and nobody else redirects. */
const mostRedirections = 2;

/**
 * Dials whoever takes requests: all addresses at once, and where one says that it is elsewhere, there.
 *
 * @param onElsewhere told where
 * @throws CHANNEL_CLOSED if nobody answers; DEVICE_LOST if the source has not joined; TOKEN_REFUSED;
 * MODEL_UNKNOWN if another one runs there; MODEL_NOT_READY
 */
export async function dialClient(
  dialling: Dialling,
  addresses: readonly string[],
  onElsewhere: (addresses: readonly string[]) => void,
  redirections = 0,
): Promise<ClientLine> {
  const attempts = addresses.map(async (address) => {
    const reply = await open(dialling, address);
    if (reply instanceof ClientLine) return reply;
    if (reply.length === 0 || redirections === mostRedirections) throw notThere(address);
    onElsewhere(reply);
    try {
      return await dialClient(dialling, reply, onElsewhere, redirections + 1);
    } catch (error) {
      throw isCoded(error) && error.code === "CHANNEL_CLOSED" ? gone(address, reply, error) : error;
    }
  });
  const first = await Promise.any(attempts).catch((error: AggregateError) => {
    throw error.errors[0] ?? new CodedError("CHANNEL_CLOSED", "there is no address to dial");
  });
  for (const attempt of attempts) {
    // One is enough.
    void attempt.then((line) => (line === first ? undefined : line.close())).catch(() => undefined);
  }
  return first;
}

/** @returns the line, or where else requests are taken */
async function open(dialling: Dialling, address: string): Promise<ClientLine | readonly string[]> {
  const { transport, clock, model } = dialling;
  // Where nobody even refuses, others may answer, or the same address later.
  const limit = limitTime(clock, dialSeconds);
  const { signal } = limit.controller;
  const channel = await transport.connect(address, { signal }).finally(() => limit.end());
  const first = { type: "open", ...greet(dialling) } as const;
  const reply = await introduce(channel, clock, first, "opened", "elsewhere");
  if (reply.type === "opened" && (model === undefined || model === reply.model)) {
    return new ClientLine(channel, reply, clock);
  }
  await channel.close();
  if (reply.type === "opened") throw unknownModel(model, [reply.model], address);
  return reply.addresses;
}

function notThere(address: string): CodedError {
  return new CodedError(
    "DEVICE_LOST",
    `${address} cannot say where requests are taken: the source device has not joined, or has gone; ask again when its agent runs`,
    { address },
  );
}

function gone(address: string, addresses: readonly string[], cause: CodedError): CodedError {
  return new CodedError(
    "DEVICE_LOST",
    `${address} says that requests are taken at ${addresses.join(", ")}, where nobody answers: the source device has gone, or cannot be reached from here; ask again when its agent runs (${cause.message})`,
    { address, addresses },
    cause,
  );
}

interface Waiting {
  readonly outputs: Map<string, TensorValue>;
  readonly resolve: (inference: Inference) => void;
  readonly reject: (error: unknown) => void;
}

/** One channel to whoever takes requests, until it ends. */
export class ClientLine {
  readonly opened: Opened;
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<CodedError>;
  readonly #channel: Channel;
  readonly #queue: FrameQueue;
  readonly #waiting = new Map<number, Waiting>();
  readonly #over = new AbortController();
  #last = 0;
  #frames = 0;
  #failure: CodedError | null = null;
  #resolveEnded: (why: CodedError) => void = () => undefined;

  constructor(channel: Channel, opened: Opened, clock: Clock) {
    this.opened = opened;
    this.#channel = channel;
    this.#queue = new FrameQueue(channel);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    void this.#listen();
    const beat = {
      clock,
      channel,
      queue: this.#queue,
      heard: () => this.#frames,
      onSilent: (error: CodedError) => this.#giveUp(error),
    };
    void beatClient(beat, this.#over.signal);
  }

  /** Why it has ended; `null`: it stands. */
  get failure(): CodedError | null {
    return this.#failure;
  }

  /** Sends a request. What is unanswered when the line ends rejects with the reason. */
  ask({ inputs, id, deadlineSeconds }: Question): Asked {
    this.#last++;
    const request = this.#last;
    const answered = new Promise<Inference>((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure);
      else this.#waiting.set(request, { outputs: new Map(), resolve, reject });
    });
    const frames = [
      ...Object.entries(inputs).map(([tensor, value]) =>
        tensorFrame({ generation: 0, request, tensor }, value),
      ),
      encodeMessage({ type: "ask", request, id, deadlineSeconds }),
    ];
    // Queued together, so that tensors of two requests do not alternate.
    for (const frame of frames) {
      void this.#queue.send(frame).catch((error) => {
        // Whoever reads the channel says why it has ended.
        if (!isCoded(error) || error.code !== "CHANNEL_CLOSED") this.#reject(request, error);
      });
    }
    return { answered, withdraw: () => this.#withdraw(request) };
  }

  async close(): Promise<void> {
    this.#end(new CodedError("CHANNEL_CLOSED", "the client was closed"));
    await this.#channel.close();
  }

  #withdraw(request: number): void {
    if (!this.#waiting.delete(request)) return;
    // If the channel has ended, so has the request.
    void this.#queue.send(encodeMessage({ type: "cancel", request })).catch(() => undefined);
  }

  #reject(request: number, error: unknown): void {
    this.#waiting.get(request)?.reject(error);
    this.#waiting.delete(request);
  }

  async #listen(): Promise<void> {
    try {
      for await (const frame of this.#channel) {
        this.#frames++;
        this.#take(decodeMessage(frame));
      }
      this.#end(new CodedError("CHANNEL_CLOSED", `${this.#channel.peer} closed the channel`));
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#end(isCoded(error) && error.code !== "CHANNEL_CLOSED" ? error : this.#lost(error));
    void this.#channel.close();
  }

  #take({ message, payload }: Received): void {
    if (message.type === "ping") return;
    if (message.type !== "tensor" && message.type !== "answer" && message.type !== "failure") {
      throw malformed(`a message '${message.type}'`, "it is not sent to clients");
    }
    const waiting = this.#waiting.get(message.request);
    if (message.type === "tensor") {
      waiting?.outputs.set(message.tensor, tensorOf({ message, payload }));
    } else if (message.type === "answer") {
      this.#waiting.delete(message.request);
      const { number, timings } = message;
      waiting?.resolve({ request: number, outputs: Object.fromEntries(waiting.outputs), timings });
    } else if (message.request === 0) {
      // No request has this number: it is the end of the channel.
      this.#end(fromWire(message.error));
    } else this.#reject(message.request, fromWire(message.error));
  }

  #lost(cause: unknown): CodedError {
    const { peer } = this.#channel;
    return new CodedError(
      "DEVICE_LOST",
      `the channel to ${peer}, where requests are taken, broke: the source device is lost, or the network to it; ask again`,
      { peer },
      cause,
    );
  }

  #end(why: CodedError): void {
    this.#failure ??= why;
    this.#over.abort();
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
    this.#resolveEnded(this.#failure);
  }
}
