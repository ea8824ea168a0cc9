import type { CodedError } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import { coded } from "../cluster/protocol.ts";
import type { Engine } from "./engine.ts";
import { isAnswered } from "./kept-answers.ts";
import { dropBody, lighten } from "./kept-bodies.ts";
import { type Accepted, queuedAt, submit, withdraw } from "./kept-requests.ts";
import { answerKey } from "./names.ts";

export interface SubmissionOptions {
  readonly engine: Engine;
  readonly model: string;
  readonly id: string;
  /** Whether it may have been asked before, and wait to be answered or to be taken. */
  readonly isKnown: boolean;
  readonly bytes: Uint8Array;
  /** Called when there is no room for it. */
  readonly onRefused: (why: CodedError) => void;
}

/** Before NATS is tried again. */
const pauseSeconds = seconds(0.25);
/** Before it is looked whether somebody still has the request: twice as long each time, up to the longest. */
const firstLookSeconds = 2;
const longestLookSeconds = 30;

/**
 * Sees to it that a request is accepted, and that it stays so until it is answered. Somebody else who
 * asks under the same id may take the answer, or give the request up: then it is asked again.
 */
export class Submission {
  readonly #options: SubmissionOptions;
  readonly #over = new AbortController();
  /** What is sent until it is accepted. */
  #draft: Uint8Array | null = null;
  /** The latest that was accepted, though it may be there no more. */
  #accepted: Accepted | null = null;
  #mayBeAnswered: boolean;
  #failure: CodedError | null = null;
  #lookSeconds = firstLookSeconds;
  /** What happens to a request that is accepted when nobody waits any more. */
  #late: ((accepted: Accepted) => Promise<void>) | null = null;
  #wake: () => void = () => undefined;

  constructor(options: SubmissionOptions) {
    this.#options = options;
    this.#mayBeAnswered = options.isKnown;
    void this.#keep();
  }

  /** Why it has not been accepted so far; `null`: it was, or nothing is known yet. */
  get failure(): CodedError | null {
    return this.#failure;
  }

  /** Its answer is not to be had: it is looked for at once, and asked again if it is not there. */
  renew(): void {
    this.#wake();
  }

  /** Nobody looks after it any more: it stays where it is. */
  stop(): void {
    this.#over.abort();
    this.#wake();
  }

  /** Takes it back, unless it is the one that was answered. @param answered its place in the queue */
  async withdraw(answered: number | null): Promise<void> {
    this.stop();
    this.#late = async (accepted) => {
      if (accepted.place !== answered) await withdraw(this.#options.engine, accepted);
    };
    if (this.#draft !== null) await dropBody(this.#options.engine, this.#draft);
    if (this.#accepted !== null) await this.#late(this.#accepted);
  }

  async #keep(): Promise<void> {
    while (!this.#over.signal.aborted) {
      let pause: Seconds = pauseSeconds;
      try {
        if (!(await this.#isStanding())) await this.#submit();
        this.#failure = null;
        pause = seconds(this.#lookSeconds);
        this.#lookSeconds = Math.min(2 * this.#lookSeconds, longestLookSeconds);
      } catch (error) {
        this.#failure = coded(error);
        if (this.#failure.code === "ENGINE_FULL") this.#options.onRefused(this.#failure);
      }
      await this.#rest(pause);
    }
  }

  async #isStanding(): Promise<boolean> {
    const { engine, model, id } = this.#options;
    // In this order: a request leaves the queue when its answer is there.
    const place = this.#accepted?.place;
    if (place !== undefined && (await queuedAt(engine, place)) !== null) return true;
    return this.#mayBeAnswered && (await isAnswered(engine, answerKey(model, id)));
  }

  async #submit(): Promise<void> {
    const { engine, model, id, bytes } = this.#options;
    if (this.#over.signal.aborted) return;
    const key = answerKey(model, id);
    if (this.#accepted !== null) await dropBody(engine, this.#accepted.message);
    this.#draft ??= await lighten(engine, `request.${key}`, bytes);
    const accepted = await submit(
      engine,
      model,
      id,
      this.#draft,
      async () => this.#over.signal.aborted || (await isAnswered(engine, key)),
    );
    this.#draft = null;
    this.#accepted = accepted;
    this.#mayBeAnswered = true;
    this.#lookSeconds = firstLookSeconds;
    await this.#late?.(accepted);
  }

  /** Until it is time, or something has changed. */
  async #rest(length: Seconds): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (this.#over.signal.aborted) return;
    await this.#options.engine.clock.sleep(length, woken.signal).catch(() => undefined);
  }
}
