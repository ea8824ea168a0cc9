import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";

/** Calls back at a time that may be moved; once for each time that it is set. */
export class Alarm {
  readonly #clock: Clock;
  readonly #onRing: () => void;
  #set: { readonly at: number; readonly off: AbortController } | null = null;

  constructor(clock: Clock, onRing: () => void) {
    this.#clock = clock;
    this.#onRing = onRing;
  }

  /** At this time, on the clock, and not when it was set to before. */
  set(at: number): void {
    if (this.#set?.at === at) return;
    this.clear();
    const off = new AbortController();
    this.#set = { at, off };
    void this.#wait(at, off);
  }

  clear(): void {
    this.#set?.off.abort();
    this.#set = null;
  }

  async #wait(at: number, off: AbortController): Promise<void> {
    try {
      await this.#clock.sleep(seconds(Math.max(0, at - this.#clock.now())), off.signal);
    } catch {
      // It was set to another time.
      return;
    }
    this.#set = null;
    this.#onRing();
  }
}
