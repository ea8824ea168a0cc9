import { CodedError } from "../../base/errors.ts";
import type { Guest } from "../oip/guest.ts";
import { MessageHead } from "./message-head.ts";

export interface MessageTerms {
  /** Else there is one, which depends on its client until it is handed on. */
  readonly isStream: boolean;
  /** Of what a message can be when it is no longer compressed. */
  readonly messageBytes: number;
  /** More than that the library makes of none. */
  readonly unpackedBytes: number;
}

/** What a message takes besides its own bytes until it is handed on. */
const keptBytes = 1024;

/** Messages of one call that are not handed on yet: their bytes count as they come. */
export class ComingMessages {
  readonly #guest: Guest;
  readonly #terms: MessageTerms;
  /** Of the last one. */
  readonly #head = new MessageHead();
  #left = 0;
  /** What the last one counts for. */
  #counted = 0;
  /** What those count for that are whole, the oldest first. */
  readonly #whole: number[] = [];
  /** What all count for. */
  #total = 0;

  /** @param guest holds them */
  constructor(guest: Guest, terms: MessageTerms) {
    this.#guest = guest;
    this.#terms = terms;
  }

  /**
   * More of the call has come, as gRPC frames messages.
   *
   * @throws REQUEST_TOO_LARGE; DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if its guest gave way
   */
  came(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.byteLength) {
      if (!this.#head.isWhole) {
        at += this.#head.take(bytes, at);
        if (!this.#head.isWhole) return;
        this.#begin();
      }
      const more = Math.min(this.#left, bytes.byteLength - at);
      at += more;
      this.#left -= more;
      this.#take(more);
      if (this.#left === 0) this.#end();
    }
    // Nothing is read before these are handed on.
    if (this.#terms.isStream && this.#whole.length > 0) this.#guest.arrived(this.#total);
  }

  /** The oldest one counts elsewhere from now on. */
  handedOn(): void {
    this.#total -= this.#whole.shift() ?? 0;
    this.#guest.arrived(this.#total);
  }

  /** More is read from now on. */
  awaited(): void {
    if (this.#whole.length === 0 && this.#total > 0) this.#guest.awaited();
  }

  leave(): void {
    this.#guest.leave();
  }

  #begin(): void {
    const { announced, isCompressed } = this.#head;
    const { messageBytes } = this.#terms;
    if (this.#unpackedBytes > messageBytes) {
      const form = isCompressed ? " in compressed form" : "";
      throw new CodedError(
        "REQUEST_TOO_LARGE",
        `the message has ${announced} bytes${form}; this method takes at most ${messageBytes}, counted as it is when it is not compressed`,
        { bytes: announced, limit: messageBytes },
      );
    }
    this.#left = announced;
    this.#take(keptBytes);
  }

  #end(): void {
    if (this.#head.isCompressed) this.#take(this.#unpackedBytes);
    this.#whole.push(this.#counted);
    this.#counted = 0;
    this.#head.clear();
  }

  /** What the last message can become. */
  get #unpackedBytes(): number {
    return this.#head.unpackedBytes(this.#terms.unpackedBytes);
  }

  #take(bytes: number): void {
    this.#guest.take(bytes);
    this.#counted += bytes;
    this.#total += bytes;
  }
}
