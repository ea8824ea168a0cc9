import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { isBitEqual } from "../runtime/compare.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Report, RequestTimings, SettledMark } from "./data-message.ts";
import { isWorthRetrying } from "./gateway/checks.ts";
import {
  type Attempt,
  answerOf,
  type Departure,
  type Entry,
  isComplete,
  type Waiter,
  waiterOf,
} from "./gateway/entry.ts";
import { KeptAnswers } from "./gateway/kept-answers.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import type { Asked, Inference, Question } from "./inference.ts";
import { toWire } from "./protocol.ts";

export interface LedgerOptions {
  readonly clock: Clock;
  /** How many requests may be in flight; more wait, the oldest goes first. */
  readonly window: () => number;
  /** Where a request is to go now. */
  readonly depart: (entry: Entry) => Departure;
  /** Called when a request that was in flight once has ended, in whatever way. */
  readonly onEnd: (entry: Entry) => void;
  /** Called when all its tensors and reports were there. */
  readonly onAnswered: (attempt: Attempt, timings: RequestTimings) => void;
  /** Whether no report can come from a device for now. */
  readonly isLost: (device: string) => boolean;
  readonly onTrace: (trace: RequestTrace) => void;
}

export interface LedgerStats {
  readonly inFlight: number;
  readonly waiting: number;
  readonly answered: number;
  readonly failed: number;
  /** Sent into a later generation after a loss. */
  readonly replayed: number;
  /** The most that were ever in flight at once. */
  readonly peakInFlight: number;
}

/** Devices tell requests by their numbers, those of earlier processes too. */
const requestsPerGeneration = 2 ** 33;

/**
 * The requests that have entered here: each has one entry, and one attempt at most is current, so
 * that each is answered or fails once, whatever comes twice or late. An entry leaves the window when
 * its answer is complete and every device has reported: no device holds tensors of more requests.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  /** Ascending by request. */
  #waiting = new Map<number, Entry>();
  readonly #inFlight = new Map<number, Entry>();
  readonly #byId = new Map<string, Entry>();
  readonly #kept = new KeptAnswers();
  readonly #counts = { answered: 0, failed: 0, replayed: 0, peakInFlight: 0 };
  #last = 0;
  /** Requests depart in the order of their numbers, but for those that did before. */
  #lastDeparted = 0;
  #isOpen = false;
  #isAdmitting = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  get stats(): LedgerStats {
    return { inFlight: this.#inFlight.size, waiting: this.#waiting.size, ...this.#counts };
  }

  /** In the order in which they departed. */
  get inFlight(): readonly Entry[] {
    return [...this.#inFlight.values()];
  }

  /** The oldest first. */
  get waiting(): readonly Entry[] {
    return [...this.#waiting.values()];
  }

  /**
   * From now on requests get numbers that no earlier process of this device has used: it has asked
   * fewer than eight thousand million under generations that are lower than any that this one is told of.
   */
  numberFrom(generation: number): void {
    this.#last = Math.max(this.#last, (generation - 1) * requestsPerGeneration);
    this.#lastDeparted = Math.max(this.#lastDeparted, this.#last);
  }

  /** Which requests have ended, of those that devices may have heard of. */
  get settled(): SettledMark {
    const below = this.#lastDeparted + 1;
    const here = [...this.#inFlight.keys(), ...this.#waiting.keys()];
    return { below, open: here.filter((request) => request < below) };
  }

  /** Lets requests depart, or keeps them waiting. */
  open(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#admit();
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
  ask({ inputs, id, deadlineSeconds }: Question): Asked {
    const kept = id === null ? undefined : this.#kept.get(id);
    if (kept !== undefined && id !== null) {
      checkSame(id, kept.inputs, inputs);
      const { inference } = kept;
      this.#trace({ type: "asked", request: inference.request, id, isAgain: true });
      return { answered: Promise.resolve(inference), withdraw: () => undefined };
    }
    const running = id === null ? undefined : this.#byId.get(id);
    if (running !== undefined && id !== null) checkSame(id, running.inputs, inputs);
    const entry = running ?? this.#enter(inputs, id);
    const { request } = entry;
    this.#trace({ type: "asked", request, id, isAgain: running !== undefined });
    const done = new AbortController();
    const { promise, waiter } = waiterOf(done);
    entry.waiters.add(waiter);
    if (deadlineSeconds !== null) void this.#expire(entry, waiter, deadlineSeconds);
    this.#admit();
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
    const entry = this.#current(generation, request);
    if (entry === null || Object.hasOwn(entry.attempt.outputs, tensor)) return;
    entry.attempt.outputs[tensor] = value;
    entry.answeredAt = this.#options.clock.now();
    this.#settle(entry);
  }

  /** Whether a request is in flight in a generation, and this answer has not come. */
  awaits(generation: number, request: number, tensor: string): boolean {
    const entry = this.#current(generation, request);
    return entry !== null && !Object.hasOwn(entry.attempt.outputs, tensor);
  }

  report(device: string, report: Report): void {
    const entry = this.#current(report.generation, report.request);
    if (entry === null || !entry.attempt.silent.delete(device)) return;
    entry.attempt.reports.push(report);
    this.#settle(entry);
  }

  /** A request cannot be answered; if that may pass, it is asked once more. */
  fail(generation: number, request: number, error: unknown): void {
    const entry = this.#current(generation, request);
    if (entry === null) return;
    if (isWorthRetrying(error) && !entry.isAgain) this.#retry(entry, error);
    else this.#reject(entry, error);
  }

  /** No request can be answered: all that are here fail. */
  failAll(error: unknown): void {
    for (const entry of [...this.#inFlight.values(), ...this.#waiting.values()]) {
      this.#reject(entry, error);
    }
  }

  /** A device was lost: what waits for nothing but its report is answered. */
  reconsider(): void {
    for (const entry of this.inFlight) this.#settle(entry);
  }

  /**
   * Takes requests out of flight, to depart again; those whose answers are complete are answered.
   *
   * @param isOver whether a generation is
   */
  recall(isOver: (generation: number) => boolean): void {
    const taken: Entry[] = [];
    for (const entry of this.inFlight) {
      if (entry.attempt === null || !isOver(entry.attempt.departure.generation)) continue;
      if (isComplete(entry)) {
        this.#answer(entry);
        continue;
      }
      entry.attempt = null;
      this.#inFlight.delete(entry.request);
      taken.push(entry);
    }
    if (taken.length === 0) return;
    this.#counts.replayed += taken.length;
    const ordered = [...taken, ...this.#waiting.values()].sort((a, b) => a.request - b.request);
    this.#waiting = new Map(ordered.map((entry) => [entry.request, entry]));
    this.#admit();
  }

  #enter(inputs: TensorValues, id: string | null): Entry {
    this.#last++;
    const entry: Entry = {
      request: this.#last,
      id,
      inputs,
      waiters: new Set(),
      generations: new Set(),
      askedAt: this.#options.clock.now(),
      startedAt: 0,
      answeredAt: 0,
      isAgain: false,
      attempt: null,
    };
    this.#waiting.set(entry.request, entry);
    if (id !== null) this.#byId.set(id, entry);
    return entry;
  }

  #current(generation: number, request: number): (Entry & { attempt: Attempt }) | null {
    const entry = this.#inFlight.get(request);
    if (entry?.attempt?.departure.generation !== generation) return null;
    return entry as Entry & { attempt: Attempt };
  }

  #admit(): void {
    // What starts a request may answer it at once, and be back here.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    try {
      for (const [request, entry] of this.#waiting) {
        if (!this.#isOpen || this.#inFlight.size >= this.#options.window()) break;
        this.#waiting.delete(request);
        this.#depart(entry);
      }
    } finally {
      this.#isAdmitting = false;
    }
  }

  #depart(entry: Entry): void {
    const departure = this.#options.depart(entry);
    const { generation } = departure;
    const type = entry.generations.size === 0 ? "begun" : "replayed";
    if (type === "begun") entry.startedAt = this.#options.clock.now();
    this.#trace({ type, request: entry.request, generation });
    entry.generations.add(generation);
    this.#lastDeparted = Math.max(this.#lastDeparted, entry.request);
    entry.answeredAt = this.#options.clock.now();
    entry.attempt = { departure, outputs: {}, silent: new Set(departure.reporters), reports: [] };
    this.#inFlight.set(entry.request, entry);
    this.#counts.peakInFlight = Math.max(this.#counts.peakInFlight, this.#inFlight.size);
    departure.start();
    this.#settle(entry);
  }

  #settle(entry: Entry): void {
    const isSilent = (device: string): boolean => !this.#options.isLost(device);
    if (isComplete(entry) && ![...(entry.attempt?.silent ?? [])].some(isSilent)) {
      this.#answer(entry);
    }
  }

  /** `null`: what came is none, and the request has ended with that. */
  #answerOf(entry: Entry, attempt: Attempt): Inference | null {
    try {
      return answerOf(entry, attempt);
    } catch (error) {
      this.#reject(entry, error);
      return null;
    }
  }

  #answer(entry: Entry): void {
    const { attempt, request, id } = entry;
    if (attempt === null || this.#inFlight.get(request) !== entry) return;
    const inference = this.#answerOf(entry, attempt);
    if (inference === null) return;
    const { timings } = inference;
    if (id !== null) this.#kept.add(id, { inputs: entry.inputs, inference });
    this.#counts.answered++;
    const { waitSeconds, totalSeconds } = timings;
    const { generation } = attempt.departure;
    this.#trace({ type: "answered", request, generation, waitSeconds, totalSeconds });
    const { waiters } = entry;
    this.#leave(entry);
    for (const { resolve } of waiters) resolve(inference);
    this.#options.onAnswered(attempt, timings);
    this.#admit();
  }

  /** Under another number: devices take no tensor of a request twice. */
  #retry(entry: Entry, error: unknown): void {
    const { request } = entry;
    this.#inFlight.delete(request);
    this.#options.onEnd(entry);
    this.#last++;
    entry.request = this.#last;
    entry.isAgain = true;
    entry.attempt = null;
    entry.generations.clear();
    this.#trace({ type: "retried", request, as: entry.request, error: toWire(error) });
    this.#waiting.set(entry.request, entry);
    this.#admit();
  }

  #reject(entry: Entry, error: unknown): void {
    this.#counts.failed++;
    const { request, waiters } = entry;
    this.#trace({ type: "unanswered", request, error: toWire(error) });
    this.#leave(entry);
    for (const { reject } of waiters) reject(error);
    this.#admit();
  }

  /** One waiter less; left out why: it has given up. */
  #abandon(entry: Entry, error?: CodedError): void {
    if (entry.waiters.size > 0 || !this.#isHere(entry)) return;
    const { request } = entry;
    this.#trace({ type: "unanswered", request, error: error === undefined ? null : toWire(error) });
    this.#leave(entry);
    this.#admit();
  }

  #leave(entry: Entry): void {
    this.#waiting.delete(entry.request);
    this.#inFlight.delete(entry.request);
    if (entry.id !== null) this.#byId.delete(entry.id);
    for (const { done } of entry.waiters) done.abort();
    if (entry.generations.size > 0) this.#options.onEnd(entry);
  }

  #isHere({ request }: Entry): boolean {
    return this.#waiting.has(request) || this.#inFlight.has(request);
  }

  async #expire(entry: Entry, waiter: Waiter, deadlineSeconds: number): Promise<void> {
    try {
      await this.#options.clock.sleep(seconds(deadlineSeconds), waiter.done.signal);
    } catch {
      // It was answered in time.
      return;
    }
    if (!this.#isHere(entry) || !entry.waiters.has(waiter)) return;
    if (isComplete(entry)) {
      this.#answer(entry);
      return;
    }
    const { request } = entry;
    const waiting = this.#isOpen
      ? "waiting for room in the window"
      : "waiting, since nothing serves";
    const state = entry.attempt === null ? waiting : "in flight";
    const late = new CodedError(
      "REQUEST_DEADLINE_EXCEEDED",
      `request ${request} was not answered within ${deadlineSeconds} s (it was ${state}, ${this.#inFlight.size} of ${this.#options.window()} in flight)`,
      { request, deadlineSeconds },
    );
    entry.waiters.delete(waiter);
    waiter.reject(late);
    if (entry.waiters.size === 0) this.#counts.failed++;
    this.#abandon(entry, late);
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
