import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import { type Leader, leaderFormat, parseLeaderRecord } from "./leader-record.ts";
import type { SharedCell } from "./shared-cell.ts";

export interface LeaseTiming {
  /** How often a leader renews its record. */
  readonly renewSeconds: number;
  /** So long after it has sent its last renewal that was accepted, a leader leads no more. */
  readonly leaseSeconds: number;
  /** So long a candidate must have seen no renewal: longer, so that the leader has stopped by then. */
  readonly silenceSeconds: number;
}

/** A takeover within 3 s has about a second left for the coordinator to start and agents to come. */
export const usualTiming: LeaseTiming = {
  renewSeconds: 0.3,
  leaseSeconds: 1.3,
  silenceSeconds: 1.6,
};

export interface LeadershipOptions {
  readonly cell: SharedCell;
  readonly clock: Clock;
  readonly self: Leader;
  readonly timing: LeaseTiming;
  readonly term: number;
  /** Of the record by which it leads. */
  readonly revision: number;
  /** When that was sent. */
  readonly sentAt: Seconds;
}

/** The time in which one process leads, from its record's acceptance on. */
export class Leadership {
  readonly term: number;
  /** Resolves when it leads no more without having resigned, and says why. */
  readonly lost: Promise<CodedError>;
  readonly #options: LeadershipOptions;
  readonly #over = new AbortController();
  #revision: number;
  #validUntil: number;
  #resolveLost: (why: CodedError) => void = () => undefined;

  constructor(options: LeadershipOptions) {
    const { term, revision, sentAt, timing } = options;
    this.term = term;
    this.#options = options;
    this.#revision = revision;
    this.#validUntil = sentAt + timing.leaseSeconds;
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    void this.#renew();
    void this.#expire();
  }

  /** Whether nobody else can lead at this moment. */
  get holds(): boolean {
    return !this.#over.signal.aborted && this.#options.clock.now() < this.#validUntil;
  }

  /** Lets another one lead at once. What was led must have stopped before. Idempotent. */
  async resign(): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    const { cell } = this.#options;
    const text = JSON.stringify({ format: leaderFormat, term: this.term, leader: null });
    // If it cannot be said, the others notice.
    await cell.replace(this.#revision, text).catch(() => null);
  }

  /** Somebody else was seen to act as the leader. */
  lose(why: CodedError): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#resolveLost(why);
  }

  async #renew(): Promise<void> {
    const { clock, timing, self } = this.#options;
    const text = JSON.stringify({ format: leaderFormat, term: this.term, leader: self });
    const { signal } = this.#over;
    while (!signal.aborted) {
      await clock.sleep(seconds(timing.renewSeconds), signal).catch(() => undefined);
      if (signal.aborted) return;
      // One that hangs must not keep the next one from being sent.
      const late = clock.sleep(seconds(2 * timing.renewSeconds)).then(() => undefined);
      await Promise.race([this.#renewOnce(text), late]);
    }
  }

  async #renewOnce(text: string): Promise<void> {
    const { cell, clock, timing } = this.#options;
    const sentAt = clock.now();
    try {
      const revision = await cell.replace(this.#revision, text);
      if (revision === null) await this.#look();
      else {
        this.#revision = Math.max(this.#revision, revision);
        this.#validUntil = Math.max(this.#validUntil, sentAt + timing.leaseSeconds);
      }
    } catch {
      // Tried again, while there is time.
    }
  }

  /** A renewal that was not acknowledged may have been accepted: then the record is still this one's. */
  async #look(): Promise<void> {
    const { revision, text } = await this.#options.cell.read();
    const record = parseLeaderRecord(text);
    if (record?.term === this.term && record.leader?.id === this.#options.self.id) {
      this.#revision = Math.max(this.#revision, revision);
      return;
    }
    const who = record?.leader?.addresses.join(", ") ?? "another coordinator";
    this.lose(lost(`${who} leads now (term ${record?.term ?? "unknown"}, here ${this.term})`));
  }

  async #expire(): Promise<void> {
    const { clock, timing } = this.#options;
    const { signal } = this.#over;
    for (;;) {
      const left = this.#validUntil - clock.now();
      if (left <= 0) break;
      await clock.sleep(seconds(left), signal).catch(() => undefined);
      if (signal.aborted) return;
    }
    this.lose(
      lost(
        `its record has not been renewed for ${timing.leaseSeconds} s: NATS is away, or this process was held up`,
      ),
    );
  }
}

function lost(why: string): CodedError {
  return new CodedError("LEADERSHIP_LOST", `this coordinator leads no more: ${why}`);
}
