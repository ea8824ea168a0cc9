import type { Consumer, JsMsg } from "@nats-io/jetstream";
import { type CodedError, errorTraits, isCoded } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Client } from "../cluster/client.ts";
import { coded } from "../cluster/protocol.ts";
import type { Engine } from "./engine.ts";
import { engineError } from "./engine-error.ts";
import { isAnswered, keepAnswer } from "./kept-answers.ts";
import { dropBody, wholeOf } from "./kept-bodies.ts";
import { openQueue, workingMilliseconds } from "./kept-requests.ts";
import { announceModel } from "./models.ts";
import { answerKey } from "./names.ts";
import { decodeRequest, type KeptAnswer } from "./request-bytes.ts";

/** Who answers: a client of the cluster, or a model that is served. */
export type Answering = Pick<Client, "infer" | "inputs" | "outputs" | "emulated" | "window">;

export interface BridgeOptions {
  readonly engine: Engine;
  /** The name under which it is asked. */
  readonly model: string;
  readonly asked: Answering;
  /** Ends it: what was not answered by then, another one answers. */
  readonly signal: AbortSignal;
  /** Called, again and again, with why requests wait: they are tried again. */
  readonly onTrouble?: (why: CodedError) => void;
}

/** For requests that come while there is nothing to take, in milliseconds; the least that NATS takes. */
const expiresMilliseconds = 1000;
/** Before NATS, or the cluster, is tried again. */
const pauseSeconds = seconds(0.25);
const pauseMilliseconds = 250;

/**
 * Answers the requests that are kept for a model, until the signal aborts. A request leaves the queue
 * when its answer is kept; whoever is killed before leaves it to the next one, who asks under the same
 * id, and so gets the same answer. What the cluster cannot answer at the moment stays in the queue.
 */
export async function runBridge(options: BridgeOptions): Promise<void> {
  await new Bridge(options).run();
}

interface Running {
  /** Its latest delivery. */
  message: JsMsg;
  readonly giveUp: AbortController;
}

class Bridge {
  readonly #options: BridgeOptions;
  /** By place in the stream: those that are being answered. */
  readonly #running = new Map<number, Running>();
  #onRoom: () => void = () => undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { engine, signal } = this.#options;
    void this.#sayWorking();
    signal.addEventListener("abort", () => this.#onRoom(), { once: true });
    let queue: Consumer | null = null;
    while (!signal.aborted) {
      try {
        queue ??= await this.#open();
        await this.#room();
        if (!signal.aborted) await this.#take(queue);
      } catch (error) {
        this.#complain(engineError("requests cannot be taken", error));
        // Perhaps the queue itself has gone, with its server.
        queue = null;
        await engine.clock.sleep(pauseSeconds, signal).catch(() => undefined);
      }
    }
    for (const { message, giveUp } of this.#running.values()) {
      giveUp.abort(signal.reason);
      message.nak();
    }
  }

  async #open(): Promise<Consumer> {
    const { engine, model, asked } = this.#options;
    const queue = await openQueue(engine, model);
    const { inputs, outputs, emulated, window } = asked;
    await announceModel(engine, { model, inputs, outputs, emulated, window });
    return queue;
  }

  /** Resolves when more may be taken. */
  async #room(): Promise<void> {
    const { asked, signal } = this.#options;
    while (this.#running.size >= asked.window && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }

  /** Takes as many as there is room for, for as long as NATS waits for them. */
  async #take(queue: Consumer): Promise<void> {
    const { asked, signal } = this.#options;
    const messages = await queue.fetch({
      max_messages: asked.window - this.#running.size,
      expires: expiresMilliseconds,
    });
    const stop = (): void => messages.stop();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const message of messages) this.#begin(message);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #begin(message: JsMsg): void {
    const known = this.#running.get(message.seq);
    if (known === undefined) void this.#answer({ message, giveUp: new AbortController() });
    // Delivered again because this process was held up: it is being answered.
    else known.message = message;
  }

  async #answer(running: Running): Promise<void> {
    const { seq } = running.message;
    this.#running.set(seq, running);
    const end = await this.#settle(running).catch((error: unknown) => {
      this.#complain(error);
      return "again" as const;
    });
    this.#running.delete(seq);
    this.#onRoom();
    if (this.#options.signal.aborted && end === "again") return;
    if (end === "done") running.message.ack();
    else running.message.nak(pauseMilliseconds);
  }

  #complain(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.onTrouble?.(coded(error));
  }

  /** @returns whether nobody needs to answer it any more @throws ENGINE_FULL, ENGINE_UNAVAILABLE */
  async #settle({ message, giveUp }: Running): Promise<"done" | "again"> {
    const { engine, model } = this.#options;
    const { data, info, seq: place } = message;
    const request = await this.#read(data);
    if (request === null) return "done";
    const { id, inputsSha256 } = request;
    const key = answerKey(model, id);
    if (info.deliveryCount === 1 || !(await isAnswered(engine, key))) {
      const outcome = await this.#ask(request, giveUp.signal);
      if (outcome === "again") return "again";
      if (outcome !== "over") await keepAnswer(engine, key, { place, inputsSha256, outcome });
    }
    await dropBody(engine, data);
    return "done";
  }

  /** `null`: nobody can be told, for it names no id; or nobody waits for it any more. */
  async #read(data: Uint8Array) {
    const { engine } = this.#options;
    try {
      const whole = await wholeOf(engine, data);
      return whole === null ? null : decodeRequest(whole);
    } catch (error) {
      if (isCoded(error) && error.code === "FRAME_MALFORMED") return null;
      throw error;
    }
  }

  /** @returns `again`: not at the moment; `over`: nobody waits any more */
  async #ask(
    { inputs, id, deadlineSeconds }: ReturnType<typeof decodeRequest>,
    signal: AbortSignal,
  ): Promise<KeptAnswer["outcome"] | "again" | "over"> {
    const { asked } = this.#options;
    try {
      return await asked.infer(inputs, { id, deadlineSeconds, signal });
    } catch (error) {
      if (signal.aborted) return "again";
      const failure: CodedError = coded(error);
      // Whoever asked has counted it, too; whoever asks under the id later has another one.
      if (failure.code === "REQUEST_DEADLINE_EXCEEDED") return "over";
      return errorTraits[failure.code].retryable ? "again" : failure;
    }
  }

  /** As long as this process lives, nobody else is to take what it works on. */
  async #sayWorking(): Promise<void> {
    const { engine, signal } = this.#options;
    while (!signal.aborted) {
      for (const { message } of this.#running.values()) message.working();
      await engine.clock.sleep(seconds(workingMilliseconds / 1000), signal).catch(() => undefined);
    }
  }
}
