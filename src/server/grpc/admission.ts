/**
 * How much of clients' messages a server holds at once. The library behind it gathers each message as it
 * comes, so that room for the largest is set aside before one is read; whoever then takes too long to send
 * it gives way to those who wait.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { type Seconds, seconds } from "../../base/units.ts";

/** A message that is on its way, or is being answered. */
export interface Guest {
  /** Aborted with REQUEST_DEADLINE_EXCEEDED if it gave way. */
  readonly displaced: AbortSignal;
  /** It is here, whole: from now on it takes no more room than it needs. */
  arrived(bytes: number): void;
  leave(): void;
}

export interface AdmissionOptions {
  /** More than that only if a message that has come in is larger than what was set aside for it. */
  readonly heldBytes: number;
  readonly clock: Clock;
}

/** How long a message may be on its way while others wait for room. */
const patience: Seconds = seconds(5);

interface Arriving {
  readonly since: number;
  /** Aborted when it has arrived, left or been displaced. */
  readonly over: AbortController;
  displace(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

export class Admission {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  /** In the order in which they were admitted. */
  readonly #arriving = new Set<Arriving>();
  #held = 0;
  #isHurrying = false;

  constructor({ heldBytes, clock }: AdmissionOptions) {
    this.#limit = heldBytes;
    this.#clock = clock;
  }

  /** Bytes that are held or set aside. */
  get held(): number {
    return this.#held;
  }

  /**
   * Waits for room, behind those who came earlier.
   *
   * @param bytes to set aside; 0: the message may take as long as it likes to come
   * @throws the signal's reason
   */
  async enter(bytes: number, signal: AbortSignal): Promise<Guest> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#fits(bytes)) return this.#take(bytes);
    return await new Promise<Guest>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(waiting);
        this.#admit();
        reject(signal.reason);
      };
      const admit = () => {
        signal.removeEventListener("abort", giveUp);
        resolve(this.#take(bytes));
      };
      const waiting = { bytes, admit };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", giveUp, { once: true });
      void this.#hurry();
    });
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.#limit || this.#held === 0;
  }

  #take(bytes: number): Guest {
    const displaced = new AbortController();
    const over = new AbortController();
    let mine = bytes;
    const hold = (now: number) => {
      over.abort();
      this.#arriving.delete(arriving);
      this.#held += now - mine;
      mine = now;
      this.#admit();
    };
    const displace = () => {
      hold(0);
      displaced.abort(tooSlow());
    };
    const arriving = { since: this.#clock.now(), over, displace };
    this.#held += bytes;
    if (bytes > 0) this.#arriving.add(arriving);
    return {
      displaced: displaced.signal,
      arrived: (now) => {
        if (!displaced.signal.aborted) hold(now);
      },
      leave: () => hold(0),
    };
  }

  /** Lets in whoever waits, as far as there is room. */
  #admit(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.bytes)) break;
      this.#waiting.delete(waiting);
      waiting.admit();
    }
    void this.#hurry();
  }

  /** While somebody waits, has the message give way that has been on its way for longest. */
  async #hurry(): Promise<void> {
    if (this.#isHurrying) return;
    this.#isHurrying = true;
    while (this.#waiting.size > 0) {
      const [oldest] = this.#arriving;
      if (oldest === undefined) break;
      const left = oldest.since + patience - this.#clock.now();
      try {
        await this.#clock.sleep(seconds(Math.max(0, left)), oldest.over.signal);
      } catch {
        // It has arrived, or left.
        continue;
      }
      if (this.#waiting.size > 0) oldest.displace();
    }
    this.#isHurrying = false;
  }
}

function tooSlow(): CodedError {
  return new CodedError(
    "REQUEST_DEADLINE_EXCEEDED",
    `the message was not here ${patience} s after it was let in, and others waited; send it faster, or again later`,
    { limitSeconds: patience },
  );
}
