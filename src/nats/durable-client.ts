import { CodedError, errorTraits, isCoded } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { Client, InferOptions } from "../cluster/client.ts";
import { checkId, closedError, type Inference } from "../cluster/inference.ts";
import { sha256Hex } from "../cluster/secret.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { checkInputs } from "../runtime/signature.ts";
import type { Engine } from "./engine.ts";
import { awaitAnswer, removeAnswer, type Standing } from "./kept-answers.ts";
import { wholeOf } from "./kept-bodies.ts";
import { removeRequest } from "./kept-requests.ts";
import { type AnnouncedModel, findModel } from "./models.ts";
import { answerKey } from "./names.ts";
import {
  decodeAnswer,
  encodeRequest,
  type KeptAnswer,
  type KeptRequest,
  tensorBytes,
} from "./request-bytes.ts";
import { Submission } from "./submission.ts";

export interface DurableClientOptions {
  readonly engine: Engine;
  /** Left out: the only one that there is. */
  readonly model?: string | undefined;
  /** Makes an id that nobody else has, at most 128 characters. */
  readonly newId: () => string;
}

/** Before NATS is tried again; where it does not do what it is told twice as long each time, up to the longest. */
const pauseSeconds = seconds(0.25);
const longestPauseSeconds = seconds(8);
/** So long whoever asked waits until what is done with is removed; then it is done behind its back. */
const tidySeconds = seconds(2);

/**
 * A client whose requests outlive every coordinator: a request that was accepted stays until it is
 * answered, and its answer until it is taken. A request with an id outlives this client, too: who asks
 * under the id again gets its answer. One that is given up, or that nobody else can ask for when the
 * client is closed, is taken back.
 *
 * `infer` throws ENGINE_FULL, too: there is no room for the request.
 *
 * @throws MODEL_UNKNOWN, MODEL_NOT_READY; ENGINE_UNAVAILABLE
 */
export async function connectDurably(options: DurableClientOptions): Promise<Client> {
  const announced = await findModel(options.engine, options.model);
  const asking = new Asking(options, announced);
  const close = (): Promise<void> => asking.close();
  return {
    ...announced,
    ended: asking.ended,
    infer: (inputs, given) => asking.infer(inputs, given),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Asking {
  readonly ended: Promise<CodedError>;
  readonly #options: DurableClientOptions;
  readonly #announced: AnnouncedModel;
  /** One for each request that is unanswered. */
  readonly #unanswered = new Set<AbortController>();
  #closed: CodedError | null = null;
  #resolveEnded: (why: CodedError) => void = () => undefined;

  constructor(options: DurableClientOptions, announced: AnnouncedModel) {
    this.#options = options;
    this.#announced = announced;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  async infer(inputs: TensorValues, options: InferOptions = {}): Promise<Inference> {
    const { deadlineSeconds = null, id, signal } = options;
    if (this.#closed !== null) throw this.#closed;
    signal?.throwIfAborted();
    checkId(id);
    checkInputs(this.#announced.inputs, inputs);
    const given = new AbortController();
    this.#unanswered.add(given);
    const giveUp = (): void => given.abort(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      const inputsSha256 = id === undefined ? null : sha256Hex(tensorBytes(inputs));
      const own = id ?? this.#options.newId();
      return await this.#ask({ inputs, id: own, deadlineSeconds, inputsSha256 }, given);
    } finally {
      this.#unanswered.delete(given);
      signal?.removeEventListener("abort", giveUp);
      given.abort();
    }
  }

  async close(): Promise<void> {
    const why = closedError();
    this.#closed ??= why;
    for (const given of this.#unanswered) given.abort(this.#closed);
    this.#resolveEnded(why);
  }

  async #ask(request: KeptRequest, given: AbortController): Promise<Inference> {
    const { engine } = this.#options;
    const { model } = this.#announced;
    const { id, inputsSha256, deadlineSeconds } = request;
    // Whoever gives an id may ask under it again.
    const isKnown = inputsSha256 !== null;
    const bytes = encodeRequest(request);
    const onRefused = (why: CodedError): void => given.abort(why);
    const submission = new Submission({ engine, model, id, isKnown, bytes, onRefused });
    if (deadlineSeconds !== null) void this.#expire(deadlineSeconds, given, submission);
    const key = answerKey(model, id);
    let answered: number | null = null;
    try {
      const { standing, answer } = await this.#answer(key, submission, given.signal);
      answered = answer.place;
      if (isKnown && answer.inputsSha256 !== inputsSha256) throw taken(id);
      await this.#inTime(this.#forget(standing, answer));
      if (answer.outcome instanceof CodedError) throw answer.outcome;
      return answer.outcome;
    } finally {
      const isLeft = isKnown && answered === null && given.signal.reason === this.#closed;
      if (isLeft) submission.stop();
      else await this.#inTime(submission.withdraw(answered));
    }
  }

  /** Where NATS is away, nobody is to be told later for it. */
  async #inTime(removing: Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = this.#options.engine.clock.sleep(tidySeconds, done.signal).catch(() => undefined);
    await Promise.race([removing, late]).finally(() => done.abort());
  }

  async #answer(
    key: string,
    submission: Submission,
    signal: AbortSignal,
  ): Promise<{ readonly standing: Standing; readonly answer: KeptAnswer }> {
    const { engine } = this.#options;
    for (let pause = pauseSeconds; ; ) {
      try {
        const standing = await awaitAnswer(engine, key, signal);
        const whole = await wholeOf(engine, standing.message);
        if (whole !== null) {
          submission.stop();
          return { standing, answer: decodeAnswer(whole) };
        }
        // Somebody else under the same id has it.
        await removeAnswer(engine, standing);
        submission.renew();
        // It may stand there still.
        await engine.clock.sleep(pause, signal);
        pause = seconds(Math.min(2 * pause, longestPauseSeconds));
      } catch (error) {
        signal.throwIfAborted();
        if (!isCoded(error) || !errorTraits[error.code].retryable) throw error;
        await engine.clock.sleep(pauseSeconds, signal).catch(() => undefined);
      }
    }
  }

  /** Nothing is kept of what was taken. */
  async #forget(standing: Standing, { place }: KeptAnswer): Promise<void> {
    const { engine } = this.#options;
    // First the request, in case that whoever answered it has not done so yet: it is not answered again.
    await removeRequest(engine, place).catch(() => undefined);
    await removeAnswer(engine, standing);
  }

  async #expire(
    deadlineSeconds: number,
    given: AbortController,
    submission: Submission,
  ): Promise<void> {
    const { clock } = this.#options.engine;
    await clock.sleep(seconds(deadlineSeconds), given.signal).catch(() => undefined);
    if (given.signal.aborted) return;
    const { failure } = submission;
    const why =
      failure?.message ??
      `nobody answers requests for '${this.#announced.model}' at the moment, or there are too many`;
    const message = `no answer came within ${deadlineSeconds} s: ${why}`;
    given.abort(
      new CodedError(
        "REQUEST_DEADLINE_EXCEEDED",
        message,
        { deadlineSeconds },
        failure ?? undefined,
      ),
    );
  }
}

function taken(id: string): CodedError {
  return new CodedError(
    "REQUEST_ID_TAKEN",
    `request '${id}' was asked before, with other inputs; give each request an id of its own`,
    { id },
  );
}
