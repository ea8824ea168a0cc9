/**
 * Transport: how frames get from one process to another. Implementations: memory, TCP, TLS.
 *
 * @module
 */
import type { CodedError } from "../base/errors.ts";
import type { Seconds } from "../base/units.ts";

/** A message: a small JSON header that says what it is, and bytes that travel as they are. */
export interface Frame {
  readonly header: Readonly<Record<string, unknown>> & { readonly type: string };
  /** Empty where a message needs none. Owned by the receiver, in its own buffer. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /**
   * When the first and the last byte of the payload came in, on a channel that sees them come; bytes
   * that were seen in one go count as if they had come at the pace of the others. Left out for small
   * payloads, which come at once.
   */
  readonly arrival?: { readonly beganSeconds: Seconds; readonly endedSeconds: Seconds };
}

/** Part of a payload. */
export interface Arriving {
  /** Without those that were there when it was first seen. */
  readonly bytes: number;
  /** Since it was first seen. */
  readonly seconds: Seconds;
}

/** Hard limits, checked before anything is allocated. */
export interface FrameLimits {
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

export const defaultLimits: FrameLimits = { headerBytes: 1 << 20, payloadBytes: 2 ** 31 - 1 };

/** For whoever has not yet said who it is: its pings may have a payload, its first message has none. */
export const openingLimits: FrameLimits = { headerBytes: 1 << 16, payloadBytes: 1 << 14 };

/**
 * The identity of an other side that is no device: whoever dialled showed no certificate, whoever
 * was dialled is the coordinator.
 */
export const anonymous = "";

/** An ordered, reliable, two-way stream of frames. Iterating it receives; one iterator at a time. */
export interface Channel extends AsyncIterable<Frame>, AsyncDisposable {
  /** Where the other side is, for messages to people. */
  readonly peer: string;
  /**
   * Which device the other side is, by its certificate: its name, or `anonymous`. `null` if this
   * transport proves nothing.
   */
  readonly identity: string | null;
  /**
   * Resolves when there is room for the next frame; the payload must stay untouched until then.
   *
   * @throws CHANNEL_CLOSED
   */
  send(frame: Frame): Promise<void>;
  /** Limits for the frames to come, both ways. */
  setLimits(limits: FrameLimits): void;
  /** Sends what is queued, then ends. Idempotent. */
  close(): Promise<void>;
  /** Bytes that have come in so far, those of an unfinished frame included, where they are counted. */
  readonly heardBytes?: number | undefined;
  /** What has come of a large frame that is not all here, on a channel that sees bytes come. */
  readonly arriving?: Arriving | null | undefined;
  /** Resolves when the channel has ended: `null` after `close` on either side, else why. */
  readonly ended: Promise<CodedError | null>;
}

/** Iterating it accepts channels. */
export interface Listener extends AsyncIterable<Channel>, AsyncDisposable {
  /** As `connect` takes it, with the port that was really taken. */
  readonly address: string;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  readonly limits?: FrameLimits;
}

export interface Transport {
  readonly name: string;
  /** @throws CHANNEL_CLOSED if nobody answers at `address` */
  connect(address: string, options?: ConnectOptions): Promise<Channel>;
  /** @throws PORT_IN_USE */
  listen(address: string, limits?: FrameLimits): Promise<Listener>;
}
