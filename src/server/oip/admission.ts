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
import { type Guest, type House, Stay } from "./guest.ts";
import type { Pace } from "./limits.ts";

export interface AdmissionOptions {
  /** More than that only by what is alone, or has come in larger than what was set aside for it. */
  readonly heldBytes: number;
  /** At which a request has to come in, and an answer to go out. */
  readonly pace: Pace;
  readonly clock: Clock;
}

/** At which they have to while others need their room. */
const hurried: Pace = { transferSeconds: 5, leastBytesPerSecond: 8 * 2 ** 20 };
/** How often whoever takes too long is looked for, and whether answers are through. */
const roundSeconds = 1;
const glanceSeconds: Seconds = seconds(0.02);

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

export class Admission {
  readonly #limit: number;
  readonly #pace: Pace;
  readonly #clock: Clock;
  readonly #house: House;
  readonly #waiting = new Set<Waiting>();
  /** Those that depend on their clients, the longest first. */
  readonly #moving = new Set<Stay>();
  #held = 0;
  #isWatching = false;

  constructor({ heldBytes, pace, clock }: AdmissionOptions) {
    this.#limit = heldBytes;
    this.#pace = pace;
    this.#clock = clock;
    this.#house = {
      now: () => clock.now(),
      makeRoom: (more, own) => {
        if (!this.#makeRoom(more, own)) throw this.#busy();
      },
      hold: (more) => {
        this.#held += more;
        this.#admit();
      },
      move: (stay) => this.#move(stay),
      rest: (stay) => void this.#moving.delete(stay),
    };
  }

  /** Bytes that are held or set aside. */
  get held(): number {
    return this.#held;
  }

  /** Somebody of whom nothing has come in yet. */
  open(): Guest {
    return new Stay(this.#house, 0);
  }

  /**
   * Waits for room, behind those who came earlier.
   *
   * @param bytes to set aside; 0: the message may take as long as it likes to come
   * @throws the signal's reason
   */
  async enter(bytes: number, signal: AbortSignal): Promise<Guest> {
    signal.throwIfAborted();
    const isFirst = this.#waiting.size === 0;
    if (isFirst && this.#makeRoom(bytes, 0)) return new Stay(this.#house, bytes);
    return await new Promise<Guest>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(waiting);
        this.#admit();
        reject(signal.reason);
      };
      const admit = () => {
        signal.removeEventListener("abort", giveUp);
        resolve(new Stay(this.#house, bytes));
      };
      const waiting = { bytes, admit };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** Resolves when no answer waits for its client any more, or after so long. */
  async sent(limit: Seconds): Promise<void> {
    const end = this.#clock.now() + limit;
    const isSending = () => [...this.#moving].some(({ isAnswer }) => isAnswer);
    while (isSending() && this.#clock.now() < end) await this.#clock.sleep(glanceSeconds);
  }

  #move(stay: Stay): void {
    this.#moving.delete(stay);
    this.#moving.add(stay);
    void this.#watch();
  }

  /** @param own of what is held already, of whoever wants more */
  #fits(more: number, own: number): boolean {
    return this.#held + more <= this.#limit || this.#held === own;
  }

  /** Has those who are too slow give way, as far as it is needed. @returns whether it has become enough */
  #makeRoom(more: number, own: number): boolean {
    for (const stay of this.#moving) {
      if (this.#fits(more, own)) break;
      stay.check(hurried, true);
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
    const round = seconds(Math.min(roundSeconds, this.#pace.transferSeconds / 4));
    while (this.#moving.size > 0) {
      await this.#clock.sleep(round);
      for (const stay of this.#moving) {
        const isNeeded = this.#waiting.size > 0;
        stay.check(isNeeded ? hurried : this.#pace, isNeeded);
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
