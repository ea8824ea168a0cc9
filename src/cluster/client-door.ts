import type { Clock } from "../base/clock.ts";
import type { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Channel, Frame } from "../transport/transport.ts";
import { beatClient } from "./client-beat.ts";
import type { Ask, Opened, TensorMessage } from "./data-message.ts";
import { FrameQueue } from "./frame-queue.ts";
import { bytesOf } from "./gateway/kept-answers.ts";
import type { Asked, Question } from "./inference.ts";
import {
  decodeMessage,
  encodeMessage,
  malformed,
  type Received,
  tensorFrame,
  tensorOf,
  toWire,
} from "./protocol.ts";

export interface ClientDoorOptions {
  readonly clock: Clock;
  readonly opened: Opened;
  /** What it throws is the request's failure. */
  readonly ask: (question: Question) => Asked;
  /** Takes over a request that the client may come back for, of so many bytes. */
  readonly linger: (asked: Asked, bytes: number) => void;
}

/** How long a client that reads nothing is waited for when the gateway ends. */
const patienceSeconds = seconds(1);

/** One client, from its arrival to its end. */
export class ClientDoor {
  readonly #channel: Channel;
  readonly #options: ClientDoorOptions;
  readonly #queue: FrameQueue;

  constructor(channel: Channel, options: ClientDoorOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#queue = new FrameQueue(channel);
  }

  /**
   * Serves until the channel ends: takes requests, and answers each when it is ready, not necessarily
   * in order. No more is read while more than `window` of this client's requests are unanswered. A
   * malformed message ends this channel and nothing else. When the channel ends, so do its requests,
   * but for those with an id.
   */
  async serve(): Promise<void> {
    const visit = new Visit(this.#queue, this.#options);
    const over = new AbortController();
    let frames = 0;
    const onSilent = (): void => {
      visit.end();
      void this.#channel.close();
    };
    // A visit that waits for room does not see the channel's end.
    void this.#channel.ended.then(() => visit.end());
    try {
      await this.#channel.send(encodeMessage(this.#options.opened));
      const { clock } = this.#options;
      const beat = { clock, channel: this.#channel, queue: this.#queue, onSilent };
      void beatClient({ ...beat, heard: () => frames }, over.signal);
      for await (const frame of this.#channel) {
        frames++;
        await visit.take(decodeMessage(frame));
      }
    } catch (error) {
      await this.#channel.send(reasonToEnd(error)).catch(() => undefined);
    } finally {
      over.abort();
      visit.end();
      await this.#channel.close();
    }
  }

  /** Tells the client why no more is answered, behind all that it is still to be told, and closes. */
  async dismiss(why: CodedError): Promise<void> {
    const told = new AbortController();
    const saying = this.#queue.send(reasonToEnd(why)).finally(() => told.abort());
    const waiting = this.#options.clock.sleep(patienceSeconds, told.signal);
    await Promise.allSettled([Promise.race([saying, waiting])]);
    await this.#channel.close();
  }
}

/** The reason is told in the failure of a request that no client has sent. */
function reasonToEnd(error: unknown): Frame {
  return encodeMessage({ type: "failure", generation: 0, request: 0, error: toWire(error) });
}

interface Running {
  readonly question: Question;
  readonly asked: Asked;
}

class Visit {
  readonly #options: ClientDoorOptions;
  readonly #queue: FrameQueue;
  /** Tensors of requests that are not complete. */
  readonly #inputs = new Map<number, Map<string, TensorValue>>();
  readonly #running = new Map<number, Running>();
  /** Those whose answers are still being sent count as well. */
  readonly #unanswered = new Set<number>();
  #onRoom: () => void = () => undefined;
  #hasEnded = false;

  constructor(queue: FrameQueue, options: ClientDoorOptions) {
    this.#options = options;
    this.#queue = queue;
  }

  /** @throws FRAME_MALFORMED */
  async take({ message, payload }: Received): Promise<void> {
    if (message.type === "ping") return;
    if (message.type === "tensor") this.#collect({ message, payload });
    else if (message.type === "ask") this.#begin(message);
    else if (message.type === "cancel") this.#cancel(message.request);
    else throw malformed(`a message '${message.type}'`, "a client does not send it");
    while (this.#unanswered.size > this.#options.opened.window && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }

  /** Nobody waits here any more; who asked under an id may come back for the answer. Idempotent. */
  end(): void {
    this.#hasEnded = true;
    for (const [request, { question, asked }] of this.#running) {
      this.#running.delete(request);
      if (question.id === null) asked.withdraw();
      else this.#options.linger(asked, bytesOf(question.inputs));
    }
    this.#onRoom();
  }

  #collect(received: Received<TensorMessage>): void {
    const { request, tensor } = received.message;
    const inputs = this.#inputs.get(request) ?? new Map<string, TensorValue>();
    const { window, inputs: expected } = this.#options.opened;
    const isTooMany = inputs.size > expected.length || this.#inputs.size > window;
    if (isTooMany || inputs.has(tensor) || this.#unanswered.has(request)) {
      throw malformed(`tensor '${tensor}' of request ${request}`, "there was one, or too many");
    }
    inputs.set(tensor, tensorOf(received));
    this.#inputs.set(request, inputs);
  }

  #begin({ request, id, deadlineSeconds }: Ask): void {
    if (this.#unanswered.has(request)) {
      throw malformed(`request ${request}`, "it is being answered already");
    }
    const inputs = Object.fromEntries(this.#inputs.get(request) ?? []);
    this.#inputs.delete(request);
    this.#unanswered.add(request);
    void this.#answer(request, { inputs, id, deadlineSeconds });
  }

  /** Too late for one whose answer is being sent: it has its place until that has gone. */
  #cancel(request: number): void {
    this.#inputs.delete(request);
    const running = this.#running.get(request);
    if (running === undefined) return;
    this.#running.delete(request);
    running.asked.withdraw();
    this.#leave(request);
  }

  async #answer(request: number, question: Question): Promise<void> {
    try {
      const asked = this.#options.ask(question);
      this.#running.set(request, { question, asked });
      const inference = await asked.answered.finally(() => this.#running.delete(request));
      const { request: number, outputs, timings } = inference;
      for (const [tensor, value] of Object.entries(outputs)) {
        await this.#queue.send(tensorFrame({ generation: 0, request, tensor }, value));
      }
      await this.#queue.send(encodeMessage({ type: "answer", request, number, timings }));
    } catch (error) {
      const failure = { type: "failure", generation: 0, request, error: toWire(error) } as const;
      // A client that has gone needs no answer.
      await this.#queue.send(encodeMessage(failure)).catch(() => undefined);
    } finally {
      this.#leave(request);
    }
  }

  #leave(request: number): void {
    this.#unanswered.delete(request);
    this.#onRoom();
  }
}
