import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Client, InferOptions } from "../cluster/client.ts";
import { type Inference, longestId } from "../cluster/inference.ts";
import { sha256Hex } from "../cluster/secret.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { checkInputs, type DeclaredTensor } from "../runtime/signature.ts";
import type { Engine } from "./engine.ts";
import { awaitAnswer, forgetAnswer, submit, wholeOf, withdraw } from "./kept-requests.ts";
import { type AnnouncedModel, findModel } from "./models.ts";
import { answerKey } from "./names.ts";
import { decodeAnswer, encodeRequest, tensorBytes } from "./request-bytes.ts";

export interface DurableClientOptions {
  readonly engine: Engine;
  /** Left out: the only one that there is. */
  readonly model?: string | undefined;
  /** Makes an id that nobody else has, at most 128 characters. */
  readonly newId: () => string;
}

/** Before NATS is tried again. */
const pauseSeconds = seconds(0.25);

/**
 * A client whose requests outlive it, and every coordinator: a request that was accepted stays until
 * it is answered, and its answer until it is taken. Who asks under an id, ends, and asks again under
 * it, gets that answer. A request that is given up is taken back, if nobody has begun with it.
 *
 * @throws MODEL_UNKNOWN, MODEL_NOT_READY; ENGINE_UNAVAILABLE
 */
export async function connectDurably(options: DurableClientOptions): Promise<Client> {
  return new DurableClient(options, await findModel(options.engine, options.model));
}

class DurableClient implements Client {
  readonly model: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly emulated: boolean;
  readonly window: number;
  readonly ended: Promise<CodedError>;
  readonly #options: DurableClientOptions;
  /** One for each request that is unanswered. */
  readonly #asking = new Set<AbortController>();
  #closed: CodedError | null = null;
  #resolveEnded: (why: CodedError) => void = () => undefined;

  constructor(options: DurableClientOptions, announced: AnnouncedModel) {
    const { model, inputs, outputs, emulated, window } = announced;
    this.model = model;
    this.inputs = inputs;
    this.outputs = outputs;
    this.emulated = emulated;
    this.window = window;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  async infer(inputs: TensorValues, options: InferOptions = {}): Promise<Inference> {
    const { deadlineSeconds = null, id, signal } = options;
    if (this.#closed !== null) throw this.#closed;
    signal?.throwIfAborted();
    if (id !== undefined) checkId(id);
    checkInputs(this.inputs, inputs);
    const given = new AbortController();
    this.#asking.add(given);
    const giveUp = (): void => given.abort(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    if (deadlineSeconds !== null) void this.#expire(deadlineSeconds, given);
    try {
      const inputsSha256 = id === undefined ? null : sha256Hex(tensorBytes(inputs));
      const own = id ?? this.#options.newId();
      const request = { inputs, id: own, deadlineSeconds, inputsSha256 };
      return await this.#ask(request, given.signal);
    } finally {
      this.#asking.delete(given);
      signal?.removeEventListener("abort", giveUp);
      given.abort();
    }
  }

  async close(): Promise<void> {
    const why = new CodedError("CHANNEL_CLOSED", "the client was closed");
    this.#closed ??= why;
    for (const given of this.#asking) given.abort(why);
    this.#resolveEnded(why);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(
    request: Parameters<typeof encodeRequest>[0],
    signal: AbortSignal,
  ): Promise<Inference> {
    const { engine } = this.#options;
    const { id, inputsSha256 } = request;
    const key = answerKey(this.model, id);
    const place = { accepted: null as number | null };
    const over = new AbortController();
    void this.#submit(id, encodeRequest(request), place, signal, over.signal);
    try {
      const bytes = await this.#answer(key, signal);
      const answer = decodeAnswer(await wholeOf(engine, bytes));
      const isOwn = inputsSha256 === null || answer.inputsSha256 === inputsSha256;
      if (!isOwn) throw taken(id);
      await forgetAnswer(engine, key, bytes);
      if (answer.outcome instanceof CodedError) throw answer.outcome;
      return answer.outcome;
    } finally {
      over.abort();
      if (signal.aborted && place.accepted !== null) await withdraw(engine, place.accepted);
    }
  }

  /** Until it is accepted; the same again is the same request. */
  async #submit(
    id: string,
    bytes: Uint8Array,
    place: { accepted: number | null },
    givenUp: AbortSignal,
    over: AbortSignal,
  ): Promise<void> {
    const { engine } = this.#options;
    while (!over.aborted && place.accepted === null) {
      try {
        place.accepted = await submit(engine, this.model, id, bytes, over);
        // It was given up while it was on its way.
        if (givenUp.aborted) await withdraw(engine, place.accepted);
      } catch {
        await engine.clock.sleep(pauseSeconds, over).catch(() => undefined);
      }
    }
  }

  async #answer(key: string, signal: AbortSignal): Promise<Uint8Array> {
    const { engine } = this.#options;
    for (;;) {
      try {
        return await awaitAnswer(engine, key, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof CodedError) || error.code !== "ENGINE_UNAVAILABLE") throw error;
      }
      await engine.clock.sleep(pauseSeconds, signal).catch(() => undefined);
    }
  }

  async #expire(deadlineSeconds: number, given: AbortController): Promise<void> {
    const { clock } = this.#options.engine;
    await clock.sleep(seconds(deadlineSeconds), given.signal).catch(() => undefined);
    if (given.signal.aborted) return;
    const message = `no answer came within ${deadlineSeconds} s: nobody answers requests for '${this.model}' at the moment, or there are too many`;
    given.abort(new CodedError("REQUEST_DEADLINE_EXCEEDED", message, { deadlineSeconds }));
  }
}

/** @throws USAGE_INVALID */
function checkId(id: string): void {
  if (id.length > 0 && id.length <= longestId) return;
  const message = `the id of a request has ${id.length} characters; give it 1 to ${longestId}`;
  throw new CodedError("USAGE_INVALID", message, { characters: id.length });
}

function taken(id: string): CodedError {
  return new CodedError(
    "REQUEST_ID_TAKEN",
    `request '${id}' was asked before, with other inputs; give each request an id of its own`,
    { id },
  );
}
