import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { isBitEqual } from "../runtime/compare.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Report, RequestTimings, SettledMark } from "./data-message.ts";
import { type Entry, type Waiter, waiterOf } from "./gateway/entry.ts";
import { formOf } from "./gateway/joining.ts";
import { KeptAnswers } from "./gateway/kept-answers.ts";
import type { Attempt, Pass } from "./gateway/pass.ts";
import { type Answered, Passes, type PassesOptions, type PassesStats } from "./gateway/passes.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import type { Asked, Question } from "./inference.ts";
import { toWire } from "./protocol.ts";

export interface LedgerOptions
  extends Pick<PassesOptions, "clock" | "room" | "depart" | "onEnd" | "isLost" | "onTrace"> {
  /** Called when all tensors and reports of a pass were there; with the times of its oldest request. */
  readonly onAnswered: (pass: Pass, attempt: Attempt, timings: RequestTimings) => void;
}

export interface LedgerStats extends PassesStats {
  readonly answered: number;
  readonly failed: number;
}

/** Devices tell passes by their numbers, those of earlier processes too. */
const requestsPerGeneration = 2 ** 33;
/** So many requests a mark names: it is sent to every device, again and again. */
const mostOpen = 1 << 12;

/**
 * The requests that have entered here, as those see them who ask: under ids, with deadlines, until they
 * give them up. Each has one entry, and is answered or fails once. How they go through generations:
 * `Passes`.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #passes: Passes;
  readonly #byId = new Map<string, Entry>();
  readonly #kept = new KeptAnswers();
  #answered = 0;
  #failed = 0;
  #last = 0;
  #numberedBelow = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#passes = new Passes({
      ...options,
      newNumber: () => this.#newNumber(),
      onAnswered: (...answered) => this.#answer(...answered),
      onFailed: (entry, error) => this.#reject(entry, error),
    });
  }

  get stats(): LedgerStats {
    return { ...this.#passes.stats, answered: this.#answered, failed: this.#failed };
  }

  /** In the order in which they departed. */
  get inFlight(): readonly Pass[] {
    return this.#passes.inFlight;
  }

  /** Passes that were in flight, and are to depart again. */
  get returning(): readonly Pass[] {
    return this.#passes.returning;
  }

  /** Every request that has not ended. */
  get requests(): readonly Entry[] {
    return this.#passes.requests;
  }

  /**
   * From now on requests get numbers that no earlier process of this device has used: it has asked
   * fewer than eight thousand million under generations that are lower than any that this one is told of.
   */
  numberFrom(generation: number): void {
    this.#numberedBelow = Math.max(this.#last, (generation - 1) * requestsPerGeneration);
    this.#last = this.#numberedBelow;
  }

  /**
   * Which numbers are over, of those that devices may have heard of. Those of joined requests, of which
   * they have not, stay open as long as the requests: each may go on under its own. Where there are
   * many, the mark ends in front of the first that it does not name.
   */
  get settled(): SettledMark {
    const below = Math.max(this.#numberedBelow, this.#passes.lastDeparted) + 1;
    const all = [...this.inFlight, ...this.returning, ...this.requests];
    const here = new Set(all.map(({ request }) => request));
    const open = [...here].filter((request) => request < below);
    if (open.length <= mostOpen) return { below, open };
    const ordered = open.sort((a, b) => a - b);
    return { below: ordered[mostOpen] ?? below, open: ordered.slice(0, mostOpen) };
  }

  /** Lets requests depart, or keeps them waiting. */
  open(isOpen: boolean): void {
    this.#passes.open(isOpen);
  }

  /** Whether the answer to an earlier request of this id is here. */
  hasAnswered(id: string | null): boolean {
    return id !== null && this.#kept.get(id) !== undefined;
  }

  /**
   * Asks for an answer. The inputs must stay untouched for ever.
   *
   * @throws REQUEST_ID_TAKEN if other inputs were asked under its id
   */
  ask(question: Question): Asked {
    const { inputs, id, deadlineSeconds } = question;
    const kept = id === null ? undefined : this.#kept.get(id);
    if (kept !== undefined && id !== null) {
      checkSame(id, kept.inputs, inputs);
      const { inference } = kept;
      this.#trace({ type: "asked", request: inference.request, id, isAgain: true });
      return { answered: Promise.resolve(inference), withdraw: () => undefined };
    }
    const running = id === null ? undefined : this.#byId.get(id);
    if (running !== undefined && id !== null) checkSame(id, running.inputs, inputs);
    const entry = running ?? this.#enter(question);
    const { request } = entry;
    this.#trace({ type: "asked", request, id, isAgain: running !== undefined });
    const done = new AbortController();
    const { promise, waiter } = waiterOf(done);
    entry.waiters.add(waiter);
    if (deadlineSeconds !== null) void this.#expire(entry, waiter, deadlineSeconds);
    this.#passes.admit();
    return {
      answered: promise,
      withdraw: () => {
        if (entry.waiters.delete(waiter)) this.#abandon(entry);
        done.abort();
      },
    };
  }

  /** A graph output has arrived; late ones, and those of another attempt, are dropped. */
  accept(generation: number, request: number, tensor: string, value: TensorValue): void {
    this.#passes.accept(generation, request, tensor, value);
  }

  /** Whether a pass is in flight in a generation, and this answer has not come. */
  awaits(generation: number, request: number, tensor: string): boolean {
    return this.#passes.awaits(generation, request, tensor);
  }

  report(device: string, report: Report): void {
    this.#passes.report(device, report);
  }

  /**
   * A pass cannot be answered. If requests were joined in it, each goes on by itself; one that was
   * alone is asked once more, if what has happened may pass.
   */
  fail(generation: number, request: number, error: unknown): void {
    this.#passes.fail(generation, request, error);
  }

  /** No request can be answered: all that are here fail. */
  failAll(error: unknown): void {
    for (const entry of this.requests) this.#reject(entry, error);
  }

  /** A device was lost: what waits for nothing but its report is answered. */
  reconsider(): void {
    this.#passes.reconsider();
  }

  /**
   * Takes passes out of flight, to depart again; those whose answers are complete are answered.
   *
   * @param isOver whether a generation is
   */
  recall(isOver: (generation: number) => boolean): void {
    this.#passes.recall(isOver);
  }

  /** Takes passes apart that are to depart again and have more rows than may be joined now. */
  fit(): void {
    this.#passes.fit();
  }

  #newNumber(): number {
    this.#last++;
    return this.#last;
  }

  #enter({ inputs, id, deadlineSeconds }: Question): Entry {
    const entry: Entry = {
      request: this.#newNumber(),
      ...{ id, inputs, deadlineSeconds },
      ...formOf(inputs),
      waiters: new Set(),
      askedAt: this.#options.clock.now(),
      isAgain: false,
      isAlone: false,
      pass: null,
    };
    this.#passes.enter(entry);
    if (id !== null) this.#byId.set(id, entry);
    return entry;
  }

  #answer(answered: readonly Answered[], pass: Pass, attempt: Attempt): void {
    for (const { entry, inference } of answered) {
      const { id, inputs } = entry;
      if (id !== null) this.#kept.add(id, { inputs, inference });
      this.#answered++;
      this.#forget(entry);
    }
    for (const { entry, inference } of answered) {
      for (const { resolve } of entry.waiters) resolve(inference);
    }
    const [first] = answered;
    if (first !== undefined) this.#options.onAnswered(pass, attempt, first.inference.timings);
  }

  #reject(entry: Entry, error: unknown): void {
    this.#failed++;
    const { request, waiters } = entry;
    this.#trace({ type: "unanswered", request, error: toWire(error) });
    this.#leave(entry);
    for (const { reject } of waiters) reject(error);
    this.#passes.admit();
  }

  /** One waiter less; left out why: it has given up. */
  #abandon(entry: Entry, error?: CodedError): void {
    if (entry.waiters.size > 0 || !this.#passes.has(entry)) return;
    const { request } = entry;
    this.#trace({ type: "unanswered", request, error: error === undefined ? null : toWire(error) });
    this.#leave(entry);
    this.#passes.admit();
  }

  #leave(entry: Entry): void {
    this.#passes.leave(entry);
    this.#forget(entry);
  }

  #forget({ id, waiters }: Entry): void {
    if (id !== null) this.#byId.delete(id);
    for (const { done } of waiters) done.abort();
  }

  async #expire(entry: Entry, waiter: Waiter, deadlineSeconds: number): Promise<void> {
    try {
      await this.#options.clock.sleep(seconds(deadlineSeconds), waiter.done.signal);
    } catch {
      // It was answered in time.
      return;
    }
    if (!this.#passes.has(entry) || !entry.waiters.has(waiter)) return;
    if (this.#passes.conclude(entry)) return;
    const late = this.#lateness(entry, deadlineSeconds);
    entry.waiters.delete(waiter);
    waiter.reject(late);
    if (entry.waiters.size === 0) this.#failed++;
    this.#abandon(entry, late);
  }

  #lateness({ request, pass }: Entry, deadlineSeconds: number): CodedError {
    const waiting = this.#passes.isOpen
      ? "waiting for room in the window"
      : "waiting, since nothing serves";
    const state = pass === null || pass.attempt === null ? waiting : "in flight";
    const [inFlight, { passes }] = [this.inFlight.length, this.#options.room()];
    return new CodedError(
      "REQUEST_DEADLINE_EXCEEDED",
      `request ${request} was not answered within ${deadlineSeconds} s (it was ${state}, ${inFlight} of ${passes} in flight)`,
      { request, deadlineSeconds },
    );
  }

  #trace(trace: RequestTrace): void {
    this.#options.onTrace(trace);
  }
}

/** @throws REQUEST_ID_TAKEN */
function checkSame(id: string, earlier: TensorValues, inputs: TensorValues): void {
  if (isBitEqual(earlier, inputs)) return;
  const message = `the id '${id}' was used for a request with other inputs; give each request an id of its own`;
  throw new CodedError("REQUEST_ID_TAKEN", message, { id });
}
