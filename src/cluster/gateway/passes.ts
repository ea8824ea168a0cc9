import type { Clock } from "../../base/clock.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { Alarm } from "../alarm.ts";
import type { Report } from "../data-message.ts";
import type { Inference } from "../inference.ts";
import { coded, toWire } from "../protocol.ts";
import { isWorthRetrying } from "./checks.ts";
import type { Entry } from "./entry.ts";
import type { Joining } from "./joining.ts";
import {
  type Attempt,
  answersOf,
  type Departure,
  isComplete,
  isJoined,
  type Pass,
  passOf,
  rowsOf,
  wantedOf,
} from "./pass.ts";
import { Queue } from "./queue.ts";
import type { RequestTrace } from "./request-trace.ts";

/** What may be in flight. */
export interface Room {
  readonly passes: number;
  /** How requests are joined, and of how many rows there may be any; `null`: each goes alone. */
  readonly joining: (Joining & { readonly rows: number }) | null;
}

/** The answer to a request that somebody waited for. */
export interface Answered {
  readonly entry: Entry;
  readonly inference: Inference;
}

/** Of requests. */
export interface PassesStats {
  readonly inFlight: number;
  readonly waiting: number;
  /** Sent into a later generation after a loss. */
  readonly replayed: number;
  /** The most that were ever in flight at once. */
  readonly peakInFlight: number;
}

export interface PassesOptions {
  readonly clock: Clock;
  /** What is beyond it waits, the oldest goes first. */
  readonly room: () => Room;
  /** Where a pass is to go now. */
  readonly depart: (pass: Pass) => Departure;
  /** Called when a pass that was in flight once has ended, in whatever way. */
  readonly onEnd: (pass: Pass) => void;
  /** Called when all tensors and reports of a pass were there; its requests are gone from here. */
  readonly onAnswered: (answered: readonly Answered[], pass: Pass, attempt: Attempt) => void;
  /** A request cannot be answered: it is to be told, and to leave. */
  readonly onFailed: (entry: Entry, error: unknown) => void;
  /** Whether no report can come from a device for now. */
  readonly isLost: (device: string) => boolean;
  /** A number that no request has had. */
  readonly newNumber: () => number;
  readonly onTrace: (trace: RequestTrace) => void;
}

/**
 * How requests go through generations. Each is in one pass at most, and of a pass one attempt at most is
 * current, so that whatever comes twice or late changes nothing. A pass leaves the window when its answer
 * is complete and every device has reported: no device holds tensors of more. Requests that were joined
 * stay together until then, in their order: what devices keep under the number of their pass is theirs.
 */
export class Passes {
  readonly #options: PassesOptions;
  readonly #queue = new Queue();
  readonly #inFlight = new Map<number, Pass>();
  /** For when somebody has waited long enough for company. */
  readonly #alarm: Alarm;
  #isOpen = false;
  #isAdmitting = false;
  #lastDeparted = 0;
  #replayed = 0;
  #peakInFlight = 0;

  constructor(options: PassesOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, () => this.#admit());
  }

  get stats(): PassesStats {
    return {
      inFlight: this.#flying,
      waiting: this.#queue.size,
      replayed: this.#replayed,
      peakInFlight: this.#peakInFlight,
    };
  }

  /** In the order in which they departed. */
  get inFlight(): readonly Pass[] {
    return [...this.#inFlight.values()];
  }

  /** Passes that were in flight, and are to depart again. */
  get returning(): readonly Pass[] {
    return this.#queue.returning;
  }

  /** Every request that is here. */
  get requests(): Entry[] {
    return [...this.inFlight.flatMap(wantedOf), ...this.#queue.all];
  }

  /** Of passes: they depart in the order of their numbers, but for those that did before. */
  get lastDeparted(): number {
    return this.#lastDeparted;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Lets passes depart, or keeps them waiting. */
  open(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#admit();
  }

  enter(entry: Entry): void {
    this.#queue.add(entry);
  }

  /** A request ends, and its pass if nobody waits for another one of it. */
  leave(entry: Entry): void {
    const { pass } = entry;
    this.#queue.delete(entry);
    entry.pass = null;
    if (pass !== null && wantedOf(pass).length === 0) this.#end(pass);
  }

  has(entry: Entry): boolean {
    return entry.pass !== null || this.#queue.has(entry);
  }

  /** Has as many depart as may. */
  admit(): void {
    this.#admit();
  }

  accept(generation: number, request: number, tensor: string, value: TensorValue): void {
    const pass = this.#current(generation, request);
    if (pass === null || pass.attempt.outputs.has(tensor)) return;
    pass.attempt.outputs.set(tensor, value);
    pass.answeredAt = this.#options.clock.now();
    this.#settle(pass);
  }

  awaits(generation: number, request: number, tensor: string): boolean {
    const pass = this.#current(generation, request);
    return pass !== null && !pass.attempt.outputs.has(tensor);
  }

  report(device: string, report: Report): void {
    const pass = this.#current(report.generation, report.request);
    if (pass === null || !pass.attempt.silent.delete(device)) return;
    pass.attempt.reports.push(report);
    this.#settle(pass);
  }

  fail(generation: number, request: number, error: unknown): void {
    const pass = this.#current(generation, request);
    if (pass === null) return;
    this.#fail(pass, error);
    this.#admit();
  }

  reconsider(): void {
    for (const pass of this.inFlight) this.#settle(pass);
  }

  recall(isOver: (generation: number) => boolean): void {
    const taken: Pass[] = [];
    for (const pass of this.inFlight) {
      if (pass.attempt === null || !isOver(pass.attempt.departure.generation)) continue;
      if (isComplete(pass)) {
        this.#answer(pass);
        continue;
      }
      pass.attempt = null;
      this.#inFlight.delete(pass.request);
      this.#replayed += wantedOf(pass).length;
      taken.push(pass);
    }
    this.#queue.takeBack(taken);
    this.#admit();
  }

  /** Takes passes apart that are to depart again and have more rows than may be joined now. */
  fit(): void {
    const { joining } = this.#options.room();
    const most = joining?.most ?? 1;
    const large = this.returning.filter((pass) => isJoined(pass) && rowsOf(pass) > most);
    for (const pass of large.toReversed()) this.#part(pass, null);
  }

  /** Answers a request that lacks nothing but reports. @returns whether it did */
  conclude(entry: Entry): boolean {
    const { pass } = entry;
    if (pass !== null && isComplete(pass)) this.#answer(pass);
    return !this.has(entry);
  }

  get #flying(): number {
    return this.inFlight.reduce((sum, pass) => sum + wantedOf(pass).length, 0);
  }

  #current(generation: number, request: number): (Pass & { attempt: Attempt }) | null {
    const pass = this.#inFlight.get(request);
    if (pass?.attempt?.departure.generation !== generation) return null;
    return pass as Pass & { attempt: Attempt };
  }

  #admit(): void {
    // What starts a pass may answer it at once, and be back here.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    this.#alarm.clear();
    try {
      for (let pass = this.#next(); pass !== null; pass = this.#next()) this.#depart(pass);
    } finally {
      this.#isAdmitting = false;
    }
  }

  /** What departs now; `null`: nothing can. */
  #next(): Pass | null {
    const { passes, joining } = this.#options.room();
    if (!this.#isOpen || this.#inFlight.size >= passes) return null;
    const rows = this.inFlight.reduce((sum, pass) => sum + rowsOf(pass), 0);
    const free = joining === null || rows === 0 ? null : Math.max(0, joining.rows - rows);
    const [back] = this.returning;
    if (back !== undefined) {
      if (free !== null && rowsOf(back) > free) return null;
      this.#queue.remove(back);
      return back;
    }
    const choice = this.#queue.choose(joining, free, this.#options.clock.now());
    if (choice?.type === "hold") this.#alarm.set(choice.until);
    if (choice?.type !== "go") return null;
    for (const entry of choice.together) this.#queue.delete(entry);
    return passOf(choice.together);
  }

  #depart(pass: Pass): void {
    try {
      this.#begin(pass);
    } catch (error) {
      this.#fail(pass, coded(error));
    }
  }

  #begin(pass: Pass): void {
    const { clock, depart, onTrace } = this.#options;
    const departure = depart(pass);
    const { generation } = departure;
    const type = pass.generations.size === 0 ? "begun" : "replayed";
    if (type === "begun") pass.startedAt = clock.now();
    for (const { request } of wantedOf(pass)) {
      onTrace({ type, request, generation, ...joinedIn(pass) });
    }
    pass.generations.add(generation);
    this.#lastDeparted = Math.max(this.#lastDeparted, pass.request);
    pass.answeredAt = clock.now();
    pass.attempt = {
      departure,
      outputs: new Map(),
      silent: new Set(departure.reporters),
      reports: [],
    };
    this.#inFlight.set(pass.request, pass);
    this.#peakInFlight = Math.max(this.#peakInFlight, this.#flying);
    departure.start();
    this.#settle(pass);
  }

  #settle(pass: Pass): void {
    const isSilent = (device: string): boolean => !this.#options.isLost(device);
    if (isComplete(pass) && ![...(pass.attempt?.silent ?? [])].some(isSilent)) this.#answer(pass);
  }

  #answer(pass: Pass): void {
    const { attempt } = pass;
    if (attempt === null || this.#inFlight.get(pass.request) !== pass) return;
    const answered = this.#answersTo(pass, attempt);
    if (answered === null) return;
    const { generation } = attempt.departure;
    for (const { entry, inference } of answered) {
      const { waitSeconds, totalSeconds } = inference.timings;
      const what = { generation, waitSeconds, totalSeconds, ...joinedIn(pass) };
      this.#options.onTrace({ type: "answered", request: entry.request, ...what });
      this.leave(entry);
    }
    this.#options.onAnswered(answered, pass, attempt);
    this.#admit();
  }

  /** `null`: what came is no answer, and that is dealt with. */
  #answersTo(pass: Pass, attempt: Attempt): readonly Answered[] | null {
    try {
      const answers = answersOf(pass, attempt);
      return wantedOf(pass).map((entry) => {
        return { entry, inference: answers[pass.entries.indexOf(entry)] as Inference };
      });
    } catch (error) {
      this.#fail(pass, error);
      this.#admit();
      return null;
    }
  }

  #fail(pass: Pass, error: unknown): void {
    const [entry] = wantedOf(pass);
    // It was answered before what has failed.
    if (entry === undefined) return;
    if (isJoined(pass)) this.#part(pass, error);
    else if (isWorthRetrying(error) && !entry.isAgain) this.#retry(entry, pass, error);
    else this.#options.onFailed(entry, error);
  }

  /** Under another number: devices take no tensor of a request twice. */
  #retry(entry: Entry, pass: Pass, error: unknown): void {
    const { request } = entry;
    this.#end(pass);
    entry.pass = null;
    entry.isAgain = true;
    entry.request = this.#options.newNumber();
    this.#options.onTrace({ type: "retried", request, as: entry.request, error: toWire(error) });
    this.#queue.add(entry);
  }

  /**
   * Its requests go on by themselves, that whose number devices know under another one.
   *
   * @param error why none of them is joined again; `null`: they may be
   */
  #part(pass: Pass, error: unknown): void {
    const entries = wantedOf(pass);
    this.#end(pass);
    for (const entry of entries) {
      const { request } = entry;
      entry.pass = null;
      entry.isAlone = error !== null;
      if (request === pass.request) entry.request = this.#options.newNumber();
      const why = error === null ? null : toWire(error);
      this.#options.onTrace({ type: "parted", request, as: entry.request, error: why });
    }
    this.#queue.addFirst(entries);
  }

  #end(pass: Pass): void {
    this.#queue.remove(pass);
    this.#inFlight.delete(pass.request);
    if (pass.generations.size > 0) this.#options.onEnd(pass);
  }
}

/** What a trace says of the pass that a request shares. */
function joinedIn(pass: Pass): { readonly joined?: number } {
  return isJoined(pass) ? { joined: pass.request } : {};
}
