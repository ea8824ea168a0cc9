import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";

/** How fast a link is. */
export interface LinkSpeed {
  readonly latencySeconds: number;
  readonly bandwidthBitsPerSecond: number;
}

/**
 * One direction of a link between two hosts. Store and forward: a frame leaves when those before it
 * have left, takes its bits ÷ the bandwidth, and arrives after the latency. What is on its way while
 * the wire is down waits and arrives, in order, once it is up again: the packets were lost and the
 * sender's kernel has sent them again.
 */
export class Wire {
  speed: LinkSpeed;
  readonly #clock: Clock;
  #freeAt = 0;
  #lastArrival = 0;
  #up = true;
  #waiting: (() => void)[] = [];
  #flushing = false;

  constructor(clock: Clock, speed: LinkSpeed) {
    this.#clock = clock;
    this.speed = speed;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Calls `arrive` once so many bytes have got through, behind everything sent before. */
  carry(bytes: number, arrive: () => void): void {
    const { latencySeconds, bandwidthBitsPerSecond } = this.speed;
    const now = this.#clock.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (bytes * 8) / bandwidthBitsPerSecond;
    // A latency that has become shorter lets nothing overtake what is on its way.
    this.#lastArrival = Math.max(this.#lastArrival, this.#freeAt + latencySeconds);
    void this.#deliver(this.#lastArrival - now, arrive);
  }

  cut(): void {
    this.#up = false;
  }

  heal(): void {
    this.#up = true;
    void this.#flush();
  }

  async #deliver(duration: number, arrive: () => void): Promise<void> {
    await this.#clock.sleep(seconds(duration));
    if (this.#up && this.#waiting.length === 0) arrive();
    else this.#waiting.push(arrive);
  }

  /** What waited is sent again, and takes the latency again. */
  async #flush(): Promise<void> {
    if (this.#flushing || this.#waiting.length === 0) return;
    this.#flushing = true;
    await this.#clock.sleep(seconds(this.speed.latencySeconds));
    while (this.#up) {
      const arrive = this.#waiting.shift();
      if (arrive === undefined) break;
      arrive();
      await this.#clock.sleep(seconds(0));
    }
    this.#flushing = false;
  }
}
