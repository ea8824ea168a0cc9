import type { CodedError } from "../base/errors.ts";
import type { Arriving, Channel, Frame, FrameLimits } from "../transport/transport.ts";

/** A channel whose first frame somebody has read who hands it on: it comes first once more. */
export class ForwardedChannel implements Channel {
  readonly peer: string;
  readonly identity: string | null;
  readonly ended: Promise<CodedError | null>;
  readonly #inner: Channel;
  #first: Frame | null;

  constructor(inner: Channel, first: Frame) {
    this.peer = inner.peer;
    this.identity = inner.identity;
    this.ended = inner.ended;
    this.#inner = inner;
    this.#first = first;
  }

  get heardBytes(): number | undefined {
    return this.#inner.heardBytes;
  }

  get arriving(): Arriving | null | undefined {
    return this.#inner.arriving;
  }

  send(frame: Frame): Promise<void> {
    return this.#inner.send(frame);
  }

  setLimits(limits: FrameLimits): void {
    this.#inner.setLimits(limits);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    const inner = this.#inner[Symbol.asyncIterator]();
    return {
      next: async () => {
        const value = this.#first;
        this.#first = null;
        return value === null ? await inner.next() : { done: false, value };
      },
    };
  }
}
