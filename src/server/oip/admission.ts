/**
 * How much of clients' requests, and of the answers to them, a server holds at once. How long a request
 * comes in and an answer goes out depends on the client: whoever takes too long for it gives way to
 * those who need the room, and in the end in any case.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";

/** A request from its first byte to the last one of its answer. */
export interface Guest {
  /** Aborted with REQUEST_DEADLINE_EXCEEDED if it gave way. */
  readonly displaced: AbortSignal;
  /** So many bytes more have come in. @throws DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if it gave way */
  take(bytes: number): void;
  /** The request is here, whole, and has so many bytes: it depends on the client no more. */
  arrived(bytes: number): void;
  /**
   * Its answer has so many bytes, in place of the request's, and waits for the client.
   *
   * @throws DEVICE_BUSY; REQUEST_DEADLINE_EXCEEDED if it gave way
   */
  answered(bytes: number): void;
  /** Whatever is sent to the client now waits for it. */
  sending(): void;
  /** Its answer is through, or nobody wants it. Nothing that comes later counts. */
  leave(): void;
}

export interface AdmissionOptions {
  /** More than that only by what is alone, or has come in larger than what was set aside for it. */
  readonly heldBytes: number;
  /** How long a request may come in, and as long an answer go out. */
  readonly transferSeconds: number;
  readonly clock: Clock;
}

/** How long it may while others need its room. */
const patience: Seconds = seconds(5);
/** How often whoever takes too long is looked for, and whether answers are through. */
const roundSeconds = 1;
const glanceSeconds: Seconds = seconds(0.02);

/** A request or an answer that depends on its client. */
interface Moving {
  what: "answer" | "request";
  since: number;
  displace(limitSeconds: number): void;
}

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

export class Admission {
  readonly #limit: number;
  readonly #transferSeconds: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  /** Who has been moving for longest is the first. */
  readonly #moving = new Set<Moving>();
  #held = 0;
  #isWatching = false;

  constructor({ heldBytes, transferSeconds, clock }: AdmissionOptions) {
    this.#limit = heldBytes;
    this.#transferSeconds = transferSeconds;
    this.#clock = clock;
  }

  /** Bytes that are held or set aside. */
  get held(): number {
    return this.#held;
  }

  /** Somebody of whom nothing has come in yet. */
  open(): Guest {
    return this.#receive(0);
  }

  /**
   * Waits for room, behind those who came earlier.
   *
   * @param bytes to set aside; 0: the message may take as long as it likes to come
   * @throws the signal's reason
   */
  async enter(bytes: number, signal: AbortSignal): Promise<Guest> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#makeRoom(bytes, 0)) return this.#receive(bytes);
    return await new Promise<Guest>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(waiting);
        this.#admit();
        reject(signal.reason);
      };
      const admit = () => {
        signal.removeEventListener("abort", giveUp);
        resolve(this.#receive(bytes));
      };
      const waiting = { bytes, admit };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Resolves when no answer waits for its client any more, or after so long. */
  async sent(limit: Seconds): Promise<void> {
    const end = this.#clock.now() + limit;
    const isSending = () => [...this.#moving].some(({ what }) => what === "answer");
    while (isSending() && this.#clock.now() < end) await this.#clock.sleep(glanceSeconds);
  }

  #receive(bytes: number): Guest {
    const displaced = new AbortController();
    let mine = 0;
    let isOver = false;
    const hold = (now: number) => {
      this.#held += now - mine;
      mine = now;
      this.#admit();
    };
    const leave = () => {
      if (isOver) return;
      isOver = true;
      this.#moving.delete(moving);
      hold(0);
    };
    const displace = (limitSeconds: number) => {
      leave();
      displaced.abort(tooSlow(moving.what, limitSeconds));
    };
    const moving: Moving = { what: "request", since: this.#clock.now(), displace };
    const grow = (more: number) => {
      const hasRoom = isOver || this.#makeRoom(more, mine);
      displaced.signal.throwIfAborted();
      if (!hasRoom) throw this.#busy();
    };
    const move = (what: Moving["what"]) => {
      if (!isOver) this.#move(moving, what);
    };
    if (bytes > 0) move("request");
    hold(bytes);
    return {
      displaced: displaced.signal,
      take: (more) => {
        grow(more);
        if (isOver) return;
        if (mine === 0) move("request");
        hold(mine + more);
      },
      arrived: (now) => {
        if (isOver) return;
        this.#moving.delete(moving);
        hold(now);
      },
      answered: (now) => {
        grow(now - mine);
        if (isOver) return;
        move("answer");
        hold(now);
      },
      sending: () => {
        if (moving.what !== "answer") move("answer");
      },
      leave,
    };
  }

  #move(moving: Moving, what: Moving["what"]): void {
    moving.what = what;
    moving.since = this.#clock.now();
    this.#moving.delete(moving);
    this.#moving.add(moving);
    void this.#watch();
  }

  /** @param own of what is held already, of whoever wants more */
  #fits(more: number, own: number): boolean {
    return this.#held + more <= this.#limit || this.#held === own;
  }

  /** Has those who are too slow give way, as far as it is needed. @returns whether it has become enough */
  #makeRoom(more: number, own: number): boolean {
    for (const moving of this.#moving) {
      const isPatient = moving.since + patience > this.#clock.now();
      if (this.#fits(more, own) || isPatient) break;
      moving.displace(patience);
    }
    return this.#fits(more, own);
  }

  /** Lets in whoever waits, as far as there is room. */
  #admit(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes, 0)) break;
      this.#waiting.delete(waiting);
      waiting.admit();
    }
  }

  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const round = seconds(Math.min(roundSeconds, this.#transferSeconds / 4));
    while (this.#moving.size > 0) {
      await this.#clock.sleep(round);
      for (const moving of this.#moving) {
        const limit = this.#waiting.size > 0 ? patience : this.#transferSeconds;
        if (moving.since + limit > this.#clock.now()) break;
        moving.displace(limit);
      }
    }
    this.#isWatching = false;
  }

  #busy(): CodedError {
    return new CodedError(
      "DEVICE_BUSY",
      `the requests and answers that this server holds have ${this.#held} bytes, and at most ${this.#limit} are held; try again later, or ask for fewer answers at once`,
      { heldBytes: this.#held, limit: this.#limit },
    );
  }
}

function tooSlow(what: Moving["what"], limitSeconds: number): CodedError {
  const late = what === "request" ? "the request was not here" : "the answer was not taken";
  const others = limitSeconds === patience ? ", and others needed its room" : "";
  return new CodedError(
    "REQUEST_DEADLINE_EXCEEDED",
    `${late} after ${limitSeconds} s${others}; ask again over a faster connection, or later`,
    { limitSeconds },
  );
}
