import type { Clock } from "../../base/clock.ts";
import { type Seconds, seconds } from "../../base/units.ts";

/** What a host's clock does while the host is paused: a stopped process's runs on, a stopped machine's does not. */
export type PausedClock = "runs" | "stands";

/** Somebody whose time came while the host was paused. */
type Held = () => void;

/**
 * A host's view of the clock that all hosts share. While the host is paused nobody wakes on it;
 * whose time has come by then wakes afterwards, in order. When the host is dead nobody wakes ever.
 */
export class HostClock implements Clock {
  readonly #shared: Clock;
  #held: Held[] | null = null;
  #pausedAt = 0;
  #pausedClock: PausedClock = "runs";
  /** Seconds of pauses in which the clock stood. */
  #behind = 0;
  #sleepers = 0;

  constructor(shared: Clock) {
    this.#shared = shared;
  }

  /** How many sleep, which is how much the host's programs still have to do. */
  get sleepers(): number {
    return this.#sleepers;
  }

  now(): Seconds {
    const stands = this.#held !== null && this.#pausedClock === "stands";
    return seconds((stands ? this.#pausedAt : this.#shared.now()) - this.#behind);
  }

  async sleep(duration: Seconds, signal?: AbortSignal): Promise<void> {
    this.#sleepers++;
    try {
      const due = this.now() + Math.max(0, duration);
      let behind = this.#behind;
      await this.#shared.sleep(duration, signal);
      if (this.#held !== null) await this.#hold(signal);
      // Pauses in which the clock stood have put off when it is due.
      while (behind < this.#behind) {
        behind = this.#behind;
        await this.#shared.sleep(seconds(due + behind - this.#shared.now()), signal);
        if (this.#held !== null) await this.#hold(signal);
      }
    } finally {
      this.#sleepers--;
    }
  }

  pause(clock: PausedClock): void {
    if (this.#held !== null) return;
    this.#pausedAt = this.#shared.now();
    this.#pausedClock = clock;
    this.#held = [];
  }

  /** Resolves when everyone whose time came during the pause has been woken, one after the other. */
  async resume(): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    if (this.#pausedClock === "stands") this.#behind += this.#shared.now() - this.#pausedAt;
    this.#held = null;
    for (const wake of held) {
      wake();
      await this.#shared.sleep(seconds(0));
    }
  }

  #hold(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#held?.push(wake);
    });
  }
}
