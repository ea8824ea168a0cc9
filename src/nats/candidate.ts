import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import {
  type Leader,
  type LeaderRecord,
  leaderFormat,
  parseLeaderRecord,
} from "./leader-record.ts";
import { Leadership, type LeaseTiming, usualTiming } from "./leadership.ts";
import type { SharedCell, Sighting } from "./shared-cell.ts";

export interface CandidateOptions {
  readonly cell: SharedCell;
  readonly clock: Clock;
  readonly self: Leader;
  readonly timing?: LeaseTiming;
  /** Called when another one is seen to lead. */
  readonly onLeader?: (leader: Leader) => void;
}

/** What was seen last, and when. */
interface Seen extends Sighting {
  readonly record: LeaderRecord | null;
  readonly at: Seconds;
}

/**
 * Waits for its turn to lead. Whoever leads renews its record again and again; a candidate that has
 * seen no renewal for longer than a leader may do without replaces the very record that it saw last,
 * so that of several only one succeeds, and none while the leader renews. Nobody's calendar matters.
 */
export class Candidate {
  readonly #options: CandidateOptions;
  readonly #timing: LeaseTiming;
  #seen: Seen | null = null;
  #wake: () => void = () => undefined;
  #told: string | null = null;
  #failure: CodedError | null = null;

  constructor(options: CandidateOptions) {
    this.#options = options;
    this.#timing = options.timing ?? usualTiming;
  }

  /**
   * Resolves when this process leads.
   *
   * @throws USAGE_INVALID if another one leads with another token, model, command, authority or version, which this one
   * could not take over from; the signal's reason
   */
  async lead(signal: AbortSignal): Promise<Leadership> {
    const over = new AbortController();
    const stop = () => over.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    void this.#watch(over.signal);
    try {
      for (;;) {
        await this.#wait(over.signal);
        signal.throwIfAborted();
        if (this.#failure !== null) throw this.#failure;
        const leadership = await this.#attempt();
        if (leadership !== null) return leadership;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      over.abort();
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for await (const sighting of this.#options.cell.watch(signal)) this.#take(sighting);
  }

  #take({ revision, text }: Sighting): void {
    if (this.#seen !== null && revision <= this.#seen.revision) return;
    const record = parseLeaderRecord(text);
    this.#seen = { revision, text, record, at: this.#options.clock.now() };
    const leader = record?.leader ?? null;
    if (record === null && text !== "") this.#failure = unreadable();
    if (leader !== null && leader.id !== this.#options.self.id) this.#meet(leader);
    this.#wake();
  }

  /** It leads at the moment, and this one may have to go on in its place. */
  #meet(leader: Leader): void {
    const { self, onLeader } = this.#options;
    this.#failure = mismatch(leader, self);
    if (this.#told === leader.id) return;
    this.#told = leader.id;
    onLeader?.(leader);
  }

  /** Until it is worth trying, or something has changed. */
  async #wait(signal: AbortSignal): Promise<void> {
    const left = this.#leftSeconds();
    if (left <= 0 || this.#failure !== null) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    signal.addEventListener("abort", this.#wake, { once: true });
    await this.#options.clock.sleep(seconds(left), woken.signal).catch(() => undefined);
    signal.removeEventListener("abort", this.#wake);
  }

  #leftSeconds(): number {
    const { clock, self } = this.#options;
    // It is looked at again as often as a leader renews.
    if (this.#seen === null) return this.#timing.renewSeconds;
    const { record, at } = this.#seen;
    const leader = record?.leader ?? null;
    if (leader === null || leader.id === self.id) return 0;
    return at + this.#timing.silenceSeconds - clock.now();
  }

  /** @returns `null`: it was not the time, or somebody else was first */
  async #attempt(): Promise<Leadership | null> {
    const { cell, clock, self } = this.#options;
    try {
      if (this.#seen === null) this.#take(await cell.read());
      const seen = this.#seen;
      if (seen === null || this.#leftSeconds() > 0 || this.#failure !== null) return null;
      const term = (seen.record?.term ?? 0) + 1;
      const text = JSON.stringify({ format: leaderFormat, term, leader: self });
      const sentAt = clock.now();
      const revision = await cell.replace(seen.revision, text);
      if (revision === null) {
        // The watch may be behind: whoever has renewed meanwhile leads.
        this.#take(await cell.read());
        return null;
      }
      const timing = this.#timing;
      return new Leadership({ cell, clock, self, timing, term, revision, sentAt });
    } catch {
      // Nobody leads without the engine.
      await clock.sleep(seconds(this.#timing.renewSeconds));
      return null;
    }
  }
}

function unreadable(): CodedError {
  const message =
    "who leads was written by another version of Partita: use that one, or choose another cluster's name in --nats";
  return new CodedError("USAGE_INVALID", message);
}

function mismatch(leader: Leader, self: Leader): CodedError | null {
  const where = `the coordinator at ${leader.addresses.join(", ")}, which leads,`;
  if (leader.tokenMark !== self.tokenMark) {
    const message = `${where} has another token: give both the same with --token, or choose another cluster's name in --nats`;
    return new CodedError("USAGE_INVALID", message);
  }
  if (leader.model !== self.model) {
    const message = `${where} runs the model '${leader.model}' (here '${self.model}'): choose another cluster's name in --nats, one for each model`;
    return new CodedError("USAGE_INVALID", message);
  }
  if (leader.command !== self.command) {
    const message = `${where} is a \`partita ${leader.command}\`, and a \`partita ${self.command}\` cannot go on with its agents: start the same command, or choose another cluster's name in --nats`;
    return new CodedError("USAGE_INVALID", message);
  }
  if (leader.fingerprint === self.fingerprint) return null;
  const message = `${where} has another authority (${leader.fingerprint ?? "none"}, here ${self.fingerprint ?? "none"}), and its agents would not trust this one: copy authority.pem and token from its state folder to this one's`;
  return new CodedError("USAGE_INVALID", message);
}
