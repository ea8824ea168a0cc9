import { CodedError } from "../../base/errors.ts";
import { type Pace, transferSecondsOf } from "./limits.ts";

/** A request from its first byte to the last one of its answer. */
export interface Guest {
  /** Aborted with REQUEST_DEADLINE_EXCEEDED if it gave way. */
  readonly displaced: AbortSignal;
  /** So many bytes more have come in. @throws DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if it gave way */
  take(bytes: number): void;
  /** Of the room that was set aside it needs no more than that. */
  needs(bytes: number): void;
  /** So many bytes more of what room was set aside for have come in. */
  came(bytes: number): void;
  /** So many bytes are here, and for the time being it depends on the client no more. */
  arrived(bytes: number): void;
  /** From now on more of what is here in part is waited for. */
  awaited(): void;
  /**
   * Its answer has so many bytes, in place of the request's, and is to be sent.
   *
   * @throws DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if it gave way
   */
  answered(bytes: number): void;
  /** No other answer is before it any more: what is sent now waits for the client. */
  sending(): void;
  /** Its answer is through, or nobody wants it. Nothing that comes later counts. */
  leave(): void;
}

/** Where guests are. */
export interface House {
  now(): number;
  /** Makes room for so many bytes more of somebody who holds `own`. @throws DEVICE_BUSY */
  makeRoom(more: number, own: number): void;
  /** So many bytes more are held. */
  hold(more: number): void;
  /** It depends on its client from now on. */
  move(stay: Stay): void;
  /** It does no more. */
  rest(stay: Stay): void;
}

/** What a house knows of a guest. */
export class Stay implements Guest {
  readonly #house: House;
  readonly #displaced = new AbortController();
  #what: "answer" | "request" = "request";
  /** When it began to depend on its client; `Infinity`: others of its connection are before it. */
  #since = Number.POSITIVE_INFINITY;
  /** Held for it, or set aside. */
  #bytes = 0;
  /** Of what is here, or of the answer. */
  #size = 0;
  #isOver = false;

  /** @param setAside bytes */
  constructor(house: House, setAside: number) {
    this.#house = house;
    if (setAside > 0) this.#move("request", house.now());
    this.#hold(setAside);
  }

  get displaced(): AbortSignal {
    return this.#displaced.signal;
  }

  get isAnswer(): boolean {
    return this.#what === "answer";
  }

  /** Ends it if its client was slower than that. @param others whether they need its room */
  check(pace: Pace, others: boolean): void {
    const limitSeconds = transferSecondsOf(this.#size, pace);
    if (this.#since + limitSeconds > this.#house.now()) return;
    const reason = this.#tooSlow(Math.round(limitSeconds), others);
    this.leave();
    this.#displaced.abort(reason);
  }

  take(more: number): void {
    this.#grow(more);
    if (this.#isOver) return;
    if (this.#bytes === 0) this.#move("request", this.#house.now());
    this.#hold(this.#bytes + more);
    this.#size = this.#bytes;
  }

  needs(bytes: number): void {
    if (!this.#isOver) this.#hold(Math.min(this.#bytes, bytes));
  }

  came(more: number): void {
    this.#size += more;
  }

  arrived(now: number): void {
    if (this.#isOver) return;
    this.#house.rest(this);
    this.#hold(now);
    this.#size = now;
  }

  awaited(): void {
    if (!this.#isOver) this.#move("request", this.#house.now());
  }

  answered(now: number): void {
    this.#grow(now - this.#bytes);
    if (this.#isOver) return;
    this.#move("answer", Number.POSITIVE_INFINITY);
    this.#hold(now);
    this.#size = now;
  }

  sending(): void {
    if (!this.#isOver) this.#move("answer", this.#house.now());
  }

  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#house.rest(this);
    this.#hold(0);
  }

  /** @throws DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if it gave way, be it to itself */
  #grow(more: number): void {
    try {
      if (!this.#isOver) this.#house.makeRoom(more, this.#bytes);
    } finally {
      this.#displaced.signal.throwIfAborted();
    }
  }

  #hold(now: number): void {
    const more = now - this.#bytes;
    this.#bytes = now;
    this.#house.hold(more);
  }

  #move(what: "answer" | "request", since: number): void {
    this.#what = what;
    this.#since = since;
    this.#house.move(this);
  }

  #tooSlow(limitSeconds: number, others: boolean): CodedError {
    const late = this.isAnswer ? "the answer was not taken" : "the request was not here";
    const needed = others ? ", and others needed its room" : "";
    return new CodedError(
      "REQUEST_DEADLINE_EXCEEDED",
      `${late} after ${limitSeconds} s${needed}; ask again over a faster connection, or later`,
      { limitSeconds, bytes: this.#size },
    );
  }
}
