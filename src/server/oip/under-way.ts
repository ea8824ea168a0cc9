import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import type { Seconds } from "../../base/units.ts";

/** Requests that are being answered. */
export class UnderWay {
  readonly #most: number;
  readonly #open = new Set<AbortController>();
  readonly #onIdle = new Set<() => void>();

  /** @param most at a time */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * @param answer its signal is aborted with the one that is given, and by `end`
   * @throws DEVICE_BUSY; what `answer` throws
   */
  async run<T>(signal: AbortSignal, answer: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#open.size >= this.#most) {
      throw new CodedError(
        "DEVICE_BUSY",
        `${this.#most} requests are being answered, and no more are taken; try again later, or ask for fewer answers at once`,
        { limit: this.#most },
      );
    }
    const given = new AbortController();
    const follow = () => given.abort(signal.reason);
    if (signal.aborted) follow();
    signal.addEventListener("abort", follow, { once: true });
    this.#open.add(given);
    try {
      return await answer(given.signal);
    } finally {
      signal.removeEventListener("abort", follow);
      this.#open.delete(given);
      if (this.#open.size === 0) for (const tell of this.#onIdle) tell();
    }
  }

  /** Resolves when none is open; after `limit`, those that are have been given up for a reason. */
  async end(limit: Seconds, clock: Clock, reason: () => CodedError): Promise<void> {
    if (this.#open.size === 0) return;
    const idle = new AbortController();
    const tell = () => idle.abort();
    this.#onIdle.add(tell);
    try {
      await clock.sleep(limit, idle.signal);
    } catch {
      // All are answered.
    }
    this.#onIdle.delete(tell);
    for (const request of this.#open) request.abort(reason());
  }
}
