import type { Clock } from "../base/clock.ts";
import { seconds } from "../base/units.ts";
import { waitUntil } from "../transport/pacer.ts";

/**
 * The processor of a device as slow as it is to be: what took some seconds here takes 1 ÷ speed as
 * long there, one thing after the other. At speed 1 and above everything takes what it takes.
 */
export class Processor {
  readonly #clock: Clock;
  readonly #speed: number;
  #freeAtSeconds = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
  }

  /**
   * Waits until the slower device would have done what this one has done.
   *
   * @param sinceSeconds when it could have begun
   * @param tookSeconds on this machine
   */
  async occupy(sinceSeconds: number, tookSeconds: number): Promise<void> {
    if (this.#speed >= 1) return;
    const duration = tookSeconds / this.#speed;
    const end = Math.max(sinceSeconds, this.#freeAtSeconds) + duration;
    this.#freeAtSeconds = end;
    await waitUntil(this.#clock, seconds(end));
    // Late by coarse timers and a busy machine, which what comes next makes up for; by more than its
    // own time it is late for another reason.
    this.#freeAtSeconds = Math.max(this.#freeAtSeconds, this.#clock.now() - duration);
  }
}
