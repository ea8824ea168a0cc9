import type { Clock } from "../base/clock.ts";
import { CodedError, isCoded } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Frame } from "../transport/transport.ts";
import type { TensorMessage } from "./data-message.ts";
import { tensorFrame } from "./protocol.ts";

/** What became of a message or a tensor on its way out. */
export interface Sent {
  /** Behind and between others for the same device. */
  readonly queueSeconds: Seconds;
  /** In which the channel was taking it. */
  readonly sendSeconds: Seconds;
}

/** A large tensor that is on its way: the other side has not said that all of it is there. */
export interface Pending {
  /** Of all of it. */
  readonly bytes: number;
  /** Since its first piece was handed to the channel, or all of the tensor before it was there. */
  readonly passedSeconds: number;
  /** Of these, if the channel has taken all of it, without what the other side may need to say so. */
  readonly seconds: number;
}

/** Which tensor a value is. */
export type TensorPlace = Pick<TensorMessage, "generation" | "request" | "tensor" | "codec">;

/** What takes frames, one after the other. */
export interface Carrier {
  /** @throws CHANNEL_CLOSED; FRAME_MALFORMED if the frame exceeds its limits, and was not sent */
  send(frame: Frame): Promise<void>;
}

/** A large tensor goes in pieces of so many bytes until it is known how fast they come in. */
export const pieceBytes: number = 1 << 18;
/** From then on a piece takes the link so long, within these limits. */
const pieceSeconds = 0.02;
const [leastPieceBytes, mostPieceBytes] = [1 << 16, 1 << 20];
/** Tensors up to here go as messages do: before the next piece of a large one. */
export const smallBytes: number = 1 << 16;
/** A device that is short of processor time does not look at once at what has come. */
const replySeconds = 0.25;
/** After so many small ones in a row a piece of a large one goes. */
const smallRun = 8;

/** Something to be sent, in one frame or several. */
interface Item {
  readonly place: TensorPlace | null;
  readonly bytes: number;
  /** The frame behind `sent` bytes. */
  readonly frameAt: (sent: number) => Frame;
  readonly askedSeconds: number;
  sentBytes: number;
  /** When its first frame was handed to the channel; later if it had to wait there for others. */
  startSeconds: number;
  sendSeconds: number;
  readonly resolve: (sent: Sent) => void;
  readonly reject: (error: unknown) => void;
}

/** A frame that the other side has not acknowledged. */
interface Logged {
  readonly frame: Frame;
  readonly bytes: number;
  /** The large tensor that it is of; `null`: it is of none. */
  readonly tensor: Item | null;
  /** Whose frame it is, until a channel has taken it; its last one if `isLast`. */
  item: Item | null;
  readonly isLast: boolean;
  /** Channels that are taking it. */
  hands: number;
}

/**
 * What goes to one device: messages and small tensors first, large tensors in pieces behind them,
 * those of the oldest request first, and one piece after eight small ones at the latest.
 *
 * It outlives its channels. Frames are counted from 1 and kept (as views, never copies) until the
 * other side says that it has heard them; `open` goes on behind what it has heard. It has no limit of
 * its own: how many tensors can wait here follows from the number of requests in flight. A smaller
 * limit at each hop could lock up a circle of devices that all wait for room.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #small: Item[] = [];
  /** In order of request; those of one request in the order in which they came. */
  readonly #large: Item[] = [];
  #smallInARow = 0;
  #log: Logged[] = [];
  /** Frames that were acknowledged, and have left the log. */
  #acknowledged = 0;
  /** Frames of the log that this channel has taken. */
  #taken = 0;
  #carrier: Carrier | null = null;
  /** What the frames go to at the moment; it idles while this is `null`. */
  #pumping: Carrier | null = null;
  #queuedBytes = 0;
  /** So fast the other side sees tensors come in; `null`: it has not said so. */
  #arriving: number | null = null;
  /** So fast the channel took the last large tensor, where a slower one is imitated. */
  #leaving = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of what waits, and of what was sent and not acknowledged. */
  get bytes(): number {
    return this.#queuedBytes + this.#log.reduce((total, { bytes }) => total + bytes, 0);
  }

  /**
   * The tensor that has been on its way for the longest; `null`: none is, or nobody can tell.
   *
   * @param isHeard whether the other side's word that a tensor is there comes at once
   */
  pending(isHeard = true): Pending | null {
    const begun = this.#large.filter(({ sentBytes }) => sentBytes > 0);
    const items = [...this.#log.flatMap(({ tensor }) => tensor ?? []), ...begun];
    const [first] = items.toSorted((one, other) => one.startSeconds - other.startSeconds);
    if (first === undefined) return null;
    const isTaken = !begun.includes(first) && !this.#log.some(({ item }) => item === first);
    if (isTaken && !isHeard) return null;
    const passedSeconds = this.#clock.now() - first.startSeconds;
    const seconds = Math.max(0, passedSeconds - (isTaken ? replySeconds : 0));
    return { bytes: first.bytes, passedSeconds, seconds };
  }

  /** Whether anything waits or is not acknowledged. */
  get isEmpty(): boolean {
    return this.#small.length + this.#large.length + this.#log.length === 0;
  }

  /**
   * Resolves when a channel has taken the frame; its payload must stay untouched for ever.
   *
   * @throws CHANNEL_CLOSED if it was given up; FRAME_MALFORMED if it exceeds the limits for frames
   */
  send(frame: Frame): Promise<Sent> {
    const bytes = frame.payload.byteLength;
    return this.#enqueue(this.#small, null, bytes, () => frame);
  }

  /** As `send`; a value of more than a piece's bytes goes in pieces. */
  sendTensor(place: TensorPlace, value: TensorValue): Promise<Sent> {
    const bytes = value.data.byteLength;
    if (bytes <= this.#pieceBytes) {
      const list = bytes <= smallBytes ? this.#small : this.#large;
      return this.#enqueue(list, place, bytes, () => tensorFrame(place, value));
    }
    return this.#enqueue(this.#large, place, bytes, (offset) =>
      pieceOf(place, value, offset, this.#pieceBytes),
    );
  }

  /** So fast the other side sees tensors come in. */
  pace(bitsPerSecond: number): void {
    this.#arriving = bitsPerSecond / 8;
  }

  /** Each piece keeps others waiting, and costs the other side a copy. */
  get #pieceBytes(): number {
    if (this.#arriving === null) return pieceBytes;
    const bytes = Math.round(pieceSeconds * Math.min(this.#arriving, this.#leaving));
    return Math.min(mostPieceBytes, Math.max(leastPieceBytes, bytes));
  }

  /**
   * From now on over this channel.
   *
   * @param heard how many frames the other side has heard; `null`: it knows nothing of this outbox,
   * and what was not acknowledged is the beginning for it
   * @throws FRAME_MALFORMED if it cannot have heard so many, or so few
   */
  open(carrier: Carrier, heard: number | null): void {
    if (heard === null) this.#acknowledged = 0;
    else this.#resume(heard);
    this.#taken = 0;
    this.#carrier = carrier;
    this.#restart();
    void this.#pump();
  }

  /** @throws FRAME_MALFORMED if the other side has acknowledged what it has not heard */
  #resume(heard: number): void {
    if (heard < this.#acknowledged) {
      throw new CodedError(
        "FRAME_MALFORMED",
        `the other side says it has heard ${heard} frames, and has acknowledged ${this.#acknowledged}`,
        { heard, acknowledged: this.#acknowledged },
      );
    }
    this.acknowledge(heard);
  }

  /** The channel has ended: what comes waits for the next. */
  pause(): void {
    this.#carrier = null;
  }

  /**
   * The other side has heard so many frames.
   *
   * @throws FRAME_MALFORMED if it cannot have
   */
  acknowledge(heard: number): void {
    const fresh = heard - this.#acknowledged;
    if (fresh > this.#log.length) {
      const sent = this.#acknowledged + this.#log.length;
      throw new CodedError(
        "FRAME_MALFORMED",
        `the other side says it has heard ${heard} frames, only ${sent} were sent`,
        { heard, sent },
      );
    }
    if (fresh <= 0) return;
    const there = this.#log.splice(0, fresh);
    for (const logged of there) if (logged.hands === 0) this.#settle(logged, 0);
    this.#acknowledged = heard;
    this.#taken = Math.max(0, this.#taken - fresh);
    if (there.some(({ tensor, isLast }) => tensor !== null && isLast)) this.#restart();
  }

  /** Until now tensors had to wait for what the channel brought before them: that says nothing of it. */
  #restart(): void {
    const now = this.#clock.now();
    for (const { tensor } of this.#log) if (tensor !== null) tensor.startSeconds = now;
    for (const item of this.#large) item.startSeconds = now;
  }

  /** Gives up waiting tensors; the pieces of them that have gone are nobody's any more. */
  forget(isStale: (place: TensorPlace) => boolean): void {
    for (const list of [this.#small, this.#large]) {
      const stale = list.filter(({ place }) => place !== null && isStale(place));
      for (const item of stale) {
        list.splice(list.indexOf(item), 1);
        this.#giveUp(item, new CodedError("CHANNEL_CLOSED", "nobody needs this tensor any more"));
      }
    }
  }

  /** Gives up everything. */
  close(error: CodedError): void {
    this.#carrier = null;
    const waiting = [...this.#small.splice(0), ...this.#large.splice(0)];
    const logged = this.#log.flatMap(({ item }) => (item === null ? [] : [item]));
    this.#log = [];
    for (const item of new Set([...logged, ...waiting])) this.#giveUp(item, error);
  }

  #giveUp(item: Item, error: CodedError): void {
    this.#queuedBytes -= item.bytes - item.sentBytes;
    item.reject(error);
  }

  #enqueue(
    list: Item[],
    place: TensorPlace | null,
    bytes: number,
    frameAt: Item["frameAt"],
  ): Promise<Sent> {
    return new Promise((resolve, reject) => {
      const askedSeconds = this.#clock.now();
      const item = { place, bytes, frameAt, askedSeconds, resolve, reject };
      const waiting = { ...item, sentBytes: 0, sendSeconds: 0, startSeconds: 0 };
      this.#queuedBytes += bytes;
      list.splice(list === this.#large ? this.#position(place) : list.length, 0, waiting);
      void this.#pump();
    });
  }

  /** Behind the large tensors of the same request and of older ones. */
  #position(place: TensorPlace | null): number {
    const request = place?.request ?? 0;
    const later = this.#large.findIndex((other) => (other.place?.request ?? 0) > request);
    return later < 0 ? this.#large.length : later;
  }

  /** A channel that hangs does not keep the next one waiting: each has its own loop. */
  async #pump(): Promise<void> {
    const carrier = this.#carrier;
    if (carrier === null || this.#pumping === carrier) return;
    this.#pumping = carrier;
    while (this.#carrier === carrier) {
      const logged = this.#log[this.#taken] ?? this.#take();
      if (logged === null) break;
      this.#taken++;
      await this.#hand(carrier, logged);
    }
    if (this.#pumping === carrier) this.#pumping = null;
  }

  async #hand(carrier: Carrier, logged: Logged): Promise<void> {
    const start = this.#clock.now();
    logged.hands++;
    try {
      await carrier.send(logged.frame);
      this.#settle(logged, this.#clock.now() - start);
    } catch (error) {
      if (isRefusal(error)) this.#refuse(logged, error);
      else if (!this.#log.includes(logged)) this.#settle(logged, this.#clock.now() - start);
      if (this.#carrier === carrier && !isRefusal(error)) this.#carrier = null;
    } finally {
      logged.hands--;
    }
  }

  /** A channel has taken the frame. */
  #settle(logged: Logged, sendSeconds: number): void {
    const { item } = logged;
    if (item === null) return;
    logged.item = null;
    item.sendSeconds += sendSeconds;
    if (!logged.isLast) return;
    if (item.bytes > smallBytes) this.#leaving = item.bytes / item.sendSeconds;
    const total = this.#clock.now() - item.askedSeconds;
    item.resolve({
      queueSeconds: seconds(Math.max(0, total - item.sendSeconds)),
      sendSeconds: seconds(item.sendSeconds),
    });
  }

  /** The frame was never sent: it is not counted. */
  #refuse(logged: Logged, error: CodedError): void {
    const at = this.#log.indexOf(logged);
    if (at >= 0) {
      this.#log.splice(at, 1);
      this.#taken--;
    }
    const { item } = logged;
    if (item === null) return;
    for (const list of [this.#small, this.#large]) {
      if (list.includes(item)) list.splice(list.indexOf(item), 1);
    }
    this.#giveUp(item, error);
  }

  /** Takes the next frame of what waits. */
  #take(): Logged | null {
    const isLargeDue = this.#small.length === 0 || this.#smallInARow >= smallRun;
    const list = isLargeDue && this.#large.length > 0 ? this.#large : this.#small;
    const [item] = list;
    if (item === undefined) return null;
    this.#smallInARow = list === this.#small ? this.#smallInARow + 1 : 0;
    if (item.sentBytes === 0) item.startSeconds = this.#clock.now();
    const frame = item.frameAt(item.sentBytes);
    const bytes = frame.payload.byteLength;
    item.sentBytes += bytes;
    this.#queuedBytes -= bytes;
    const isLast = item.sentBytes >= item.bytes;
    if (isLast) list.shift();
    const tensor = item.place !== null && item.bytes > smallBytes ? item : null;
    const logged = { frame, bytes, tensor, item, isLast, hands: 0 };
    this.#log.push(logged);
    return logged;
  }
}

function isRefusal(error: unknown): error is CodedError {
  return isCoded(error) && error.code === "FRAME_MALFORMED";
}

function pieceOf(
  place: TensorPlace,
  { dataType, shape, data }: TensorValue,
  offset: number,
  most: number,
): Frame {
  const piece = { offset, bytes: data.byteLength };
  const payload = data.subarray(offset, offset + most);
  return { header: { type: "tensor", ...place, dataType, shape, piece }, payload };
}
