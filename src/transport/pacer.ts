import type { Clock } from "../base/clock.ts";
import { type BitsPerSecond, type Seconds, seconds } from "../base/units.ts";

/** One capacity that frames take one after the other: a directed link, or a medium of several. */
export interface Pacer {
  /**
   * Resolves when `bytes` have gone through, behind everyone who asked before.
   *
   * @param bandwidthBitsPerSecond of this frame's link, if it is not the pacer's own
   * @returns the moment at which the last bit was through, from which a latency counts
   */
  take(
    bytes: number,
    bandwidthBitsPerSecond?: BitsPerSecond,
    signal?: AbortSignal,
  ): Promise<Seconds>;
}

export interface PacerOptions {
  readonly clock: Clock;
  /** Unlimited if left out. */
  readonly bandwidthBitsPerSecond?: BitsPerSecond;
}

/** Timers that are late by more than this were held up by something else than their coarseness. */
const latenessLimitSeconds = 0.005;

/** A timer may wake this much too early: Node cuts its delays to whole milliseconds. */
const earlinessSeconds = 0.0005;

/**
 * Emulates a link by waiting, 8 · bytes ÷ bandwidth for each frame. Single waits are as coarse as
 * the clock's timers, yet errors do not add up: a frame starts where the one before *should* have
 * ended, and a sender that was woken late is taken to have asked earlier by as much.
 */
export function createPacer({ clock, bandwidthBitsPerSecond: own }: PacerOptions): Pacer {
  const turns = new Turns();
  let freeAt = Number.NEGATIVE_INFINITY;
  let late = 0;
  return {
    take: async (bytes, bandwidth = own, signal) => {
      const asked = clock.now() - late;
      await turns.wait(signal);
      try {
        const duration = bandwidth === undefined ? 0 : (8 * bytes) / bandwidth;
        const end = Math.max(asked, freeAt) + duration;
        // Nothing else looks before this turn is over; a wait that is given up frees the link then.
        await waitUntil(clock, seconds(end), signal);
        freeAt = end;
        late = Math.min(Math.max(0, clock.now() - end), latenessLimitSeconds);
        return seconds(end);
      } catch (error) {
        freeAt = clock.now();
        throw error;
      } finally {
        turns.pass();
      }
    },
  };
}

/** Resolves at `time`, or less than the coarseness of a timer before it. */
export async function waitUntil(clock: Clock, time: Seconds, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  let left = time - clock.now();
  while (left > 0) {
    await clock.sleep(seconds(left), signal);
    left = time - clock.now() - earlinessSeconds;
  }
}

/** First come, first served. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  async wait(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onTurn = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(onTurn), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(onTurn);
    });
  }

  pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}
