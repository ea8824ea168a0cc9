import { CodedError, isCoded, messageOf } from "../base/errors.ts";
import { encodeHeader, FrameDecoder } from "./frame.ts";
import { Inbox, type InboxLimits } from "./inbox.ts";
import type { Frame, FrameLimits } from "./transport.ts";

export interface FrameIntakeOptions {
  readonly peer: string;
  readonly limits: FrameLimits;
  readonly queue: InboxLimits;
  /** Told when there is room again for what the other side sends. */
  readonly onRoom: () => void;
}

/**
 * What each side of a channel within one process has: it decodes the bytes that come, keeps the
 * frames for their consumer, and ends once.
 */
export class FrameIntake implements AsyncIterable<Frame> {
  readonly peer: string;
  /** As a channel's: `null` after an end in order, else why. */
  readonly ended: Promise<CodedError | null>;
  #limits: FrameLimits;
  readonly #inbox: Inbox<Frame>;
  readonly #decoder: FrameDecoder;
  #settle: (why: CodedError | null) => void = () => undefined;
  #closed: CodedError | null = null;

  constructor({ peer, limits, queue, onRoom }: FrameIntakeOptions) {
    this.peer = peer;
    this.#limits = limits;
    this.#inbox = new Inbox(queue, onRoom);
    this.#decoder = new FrameDecoder({
      limits,
      onFrame: (frame) => this.#inbox.push(frame, frame.payload.byteLength),
      onGoodbye: () => undefined,
    });
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** What whoever sends after the end is told; `null` before. */
  get closed(): CodedError | null {
    return this.#closed;
  }

  /** Whether a sender has to wait until the consumer has read. */
  get full(): boolean {
    return this.#inbox.full;
  }

  get limits(): FrameLimits {
    return this.#limits;
  }

  set limits(limits: FrameLimits) {
    this.#limits = limits;
    this.#decoder.limits = limits;
  }

  /** The header of a frame that is sent from this side. @throws as `encodeHeader` */
  header(frame: Frame): Uint8Array {
    return encodeHeader(frame, this.#limits);
  }

  /** Takes a frame's bytes. @returns why they are none; `null`: they were taken */
  take(header: Uint8Array, payload: Uint8Array): CodedError | null {
    try {
      this.#decoder.push(header);
      this.#decoder.push(payload);
      return null;
    } catch (error) {
      return isCoded(error) ? error : new CodedError("CHANNEL_CLOSED", messageOf(error), {}, error);
    }
  }

  /**
   * Ends it behind the frames that have come; what is said of a second end is not heard.
   *
   * @param error `null`: in order
   * @returns whether it stood until then
   */
  end(error: CodedError | null, why: string): boolean {
    if (this.#closed !== null) return false;
    this.#closed = new CodedError(
      "CHANNEL_CLOSED",
      `the channel to ${this.peer} has ended: ${why}`,
      { peer: this.peer },
      error ?? undefined,
    );
    this.#inbox.end(error);
    this.#settle(error);
    return true;
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame> {
    return this.#inbox[Symbol.asyncIterator]();
  }
}
