import type { CodedError } from "../base/errors.ts";
import { anonymous, type Channel, type Frame, type FrameLimits } from "./transport.ts";

/**
 * A channel of somebody who must not be heard: reading it fails with the reason, sending works, so
 * that whoever accepts it can say why before it closes it.
 */
export class RefusedChannel implements Channel {
  readonly identity: string = anonymous;
  readonly #inner: Channel;
  readonly #why: CodedError;

  constructor(inner: Channel, why: CodedError) {
    this.#inner = inner;
    this.#why = why;
  }

  get peer(): string {
    return this.#inner.peer;
  }

  get ended(): Promise<CodedError | null> {
    return this.#inner.ended.then(() => this.#why);
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
    return { next: () => Promise.reject(this.#why) };
  }
}
