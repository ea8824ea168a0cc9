import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { type BitsPerSecond, type Seconds, seconds } from "../base/units.ts";
import { createPacer, type Pacer, waitUntil } from "./pacer.ts";
import type { Channel, Frame, FrameLimits } from "./transport.ts";

export interface PaceOptions {
  readonly clock: Clock;
  /** Unlimited if left out, or that of the medium. */
  readonly bandwidthBitsPerSecond?: BitsPerSecond;
  /** 0 if left out. */
  readonly latencySeconds?: Seconds;
  /** What several channels of one link, or several links, share. Default: this channel's own. */
  readonly medium?: Pacer;
  /** What a frame weighs on the link. Default: the bytes of its payload. */
  readonly bytesOf?: (frame: Frame) => number;
}

/** How far the other side may fall behind before `send` waits for it. */
const overdueFrames = 8;
/** What may be on its way at all, where a long latency or no bandwidth sets no bound. */
const flyingLimits = { frames: 4096, bytes: 2 ** 28 };

/**
 * A channel whose sending side behaves like a link: payloads go through one after the other at the
 * link's bandwidth, then each frame arrives after the latency without holding up the next. A header
 * weighs nothing; order is kept. `send` resolves when the link has taken the frame, at the latest
 * when the receiver has caught up. Costs one copy of each payload, which outlives its `send`.
 *
 * `close` waits until what was sent has arrived; if the inner channel ends, all waits end at once.
 */
export function paceChannel(channel: Channel, options: PaceOptions): PacedChannel {
  return new PacedChannel(channel, options);
}

interface Flying {
  readonly frame: Frame;
  readonly dueSeconds: Seconds;
}

/** Use `paceChannel`. */
export class PacedChannel implements Channel {
  readonly peer: string;
  readonly identity: string | null;
  readonly ended: Promise<CodedError | null>;
  readonly #inner: Channel;
  readonly #clock: Clock;
  readonly #own: Pacer;
  #options: PaceOptions;
  readonly #gone = new AbortController();
  readonly #flying: Flying[] = [];
  #flyingBytes = 0;
  /** Settles when the last frame so far is on its way or lost; keeps the order of frames. */
  #taken: Promise<unknown> = Promise.resolve();
  /** Settles when nothing flies any more. */
  #landing: Promise<void> | null = null;
  #onLanded: (() => void)[] = [];
  #closing = false;

  constructor(inner: Channel, options: PaceOptions) {
    this.peer = inner.peer;
    this.identity = inner.identity;
    this.ended = inner.ended;
    this.#inner = inner;
    this.#clock = options.clock;
    this.#own = createPacer({ clock: options.clock });
    this.#options = options;
    void inner.ended.then((error) => this.#lose(error));
  }

  /** What is not on the link yet goes as these say; what flies lands when it was to land. */
  change(options: Omit<PaceOptions, "clock">): void {
    this.#options = { ...options, clock: this.#clock };
  }

  async send(frame: Frame): Promise<void> {
    if (this.#closing || this.#gone.signal.aborted) throw this.#refusal();
    const taken = this.#take({ header: frame.header, payload: frame.payload.slice() });
    this.#taken = taken.catch(() => undefined);
    await taken;
    while (this.#isCongested()) {
      await new Promise<void>((resolve) => this.#onLanded.push(resolve));
    }
    this.#gone.signal.throwIfAborted();
  }

  setLimits(limits: FrameLimits): void {
    this.#inner.setLimits(limits);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#taken;
    await this.#landing;
    await this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    return this.#inner[Symbol.asyncIterator]();
  }

  /** Brings a frame onto the link, behind those that were sent before. */
  async #take(frame: Frame): Promise<void> {
    const before = this.#taken;
    const { medium = this.#own, bandwidthBitsPerSecond: bandwidth, latencySeconds } = this.#options;
    const bytes = this.#options.bytesOf?.(frame) ?? frame.payload.byteLength;
    // Asked for at once, so that a shared medium serves its channels in the order of their sends.
    const through = bytes === 0 ? null : medium.take(bytes, bandwidth, this.#gone.signal);
    await Promise.allSettled([before, through]);
    const sent = through === null ? this.#clock.now() : await through;
    this.#gone.signal.throwIfAborted();
    this.#flying.push({ frame, dueSeconds: seconds(sent + (latencySeconds ?? 0)) });
    this.#flyingBytes += frame.payload.byteLength;
    this.#landing ??= this.#land();
  }

  /** Delivers what flies, in order, each at its time. */
  async #land(): Promise<void> {
    try {
      for (let head = this.#flying[0]; head !== undefined; head = this.#flying[0]) {
        await waitUntil(this.#clock, head.dueSeconds, this.#gone.signal);
        await this.#inner.send(head.frame);
        this.#flying.shift();
        this.#flyingBytes -= head.frame.payload.byteLength;
        this.#wake();
      }
    } catch (error) {
      // Its `send` has resolved long ago: whoever sends next is told.
      this.#lose(error);
    } finally {
      this.#landing = null;
    }
  }

  #isCongested(): boolean {
    const overdue = this.#flying[overdueFrames];
    if (overdue !== undefined && overdue.dueSeconds < this.#clock.now()) return true;
    return this.#flying.length > flyingLimits.frames || this.#flyingBytes > flyingLimits.bytes;
  }

  #lose(cause: unknown): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort(this.#refusal(cause));
    this.#flying.length = 0;
    this.#flyingBytes = 0;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#onLanded.splice(0)) resolve();
  }

  #refusal(cause: unknown = null): CodedError {
    return new CodedError(
      "CHANNEL_CLOSED",
      `the channel to ${this.peer} has ended${cause === null ? "" : `: ${messageOf(cause)}`}`,
      { peer: this.peer },
      cause ?? undefined,
    );
  }
}
