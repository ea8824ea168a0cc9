/**
 * The machine of the simulator: requests go through the steps of a plan, in order of time. There may
 * be several plans on the same servers, as when one drains while another serves.
 *
 * Every step serves requests in the order in which they entered its plan, so that a count of those
 * begun and of those ended is all its state: memory does not grow with the requests, and nothing is allocated
 * while it runs.
 *
 * @module
 */
import FlatQueue from "flatqueue";
import type { Rows } from "./rows.ts";
import type { Step } from "./steps.ts";
import { type Wiring, wire } from "./wiring.ts";

/** Told whenever a server is let go: what took it, for which request, from when to when. */
export type OnRelease = (
  server: number,
  step: number,
  request: number,
  start: number,
  end: number,
  /** Whether a loss came before the end. */
  isCut: boolean,
) => void;

/** What a step takes for a request of the only plan, counted from 0. Default: the same for each. */
type SecondsOf = (step: number, request: number) => number;
type Told = [onRelease: OnRelease, secondsOf?: SecondsOf];

const idle = -1;
const gone = -2;

/**
 * A server with several steps waiting takes them in turns. A step that waits is therefore served
 * within one round, which takes no longer than the load of the server, so that its rate is at least
 * one in a period: the line keeps up with every rate of arrivals below 1 ÷ period, however often a
 * request comes back to a server. (Serving the oldest request first does not keep this promise: its
 * answers can come in bursts for ever.)
 */
export class Line {
  entered = 0;
  /** Requests whose steps have all ended. */
  answered = 0;
  readonly steps: Wiring["steps"];
  readonly #starts: Wiring["starts"];
  readonly #onRelease: OnRelease;
  readonly #secondsOf: SecondsOf | null;
  readonly #queue: FlatQueue<number> = new FlatQueue();
  readonly #after: Rows;
  readonly #before: Rows;
  /** By step: where in `#after` one stands that has not ended the next request yet. */
  readonly #blocker: Int32Array;
  readonly #takes: Rows;
  readonly #frees: Rows;
  readonly #users: Rows;
  readonly #seats: Int32Array;
  readonly #seconds: Float64Array;
  /** Factor of a step's seconds in the present state of the world. */
  readonly #stretch: Float64Array;
  /** By step: requests that may begin, that have begun and that have ended. */
  readonly #ready: Float64Array;
  readonly #begun: Float64Array;
  readonly #ended: Float64Array;
  /** When the request on a step ends; `Infinity`: none is on it. Steps of many at once have none. */
  readonly #endAt: Float64Array;
  /** Latency delays any number of requests at once. */
  readonly #holdsMany: Uint8Array;
  readonly #isDead: Uint8Array;
  /** By step of many at once: entries in the queue of requests that were taken back. */
  readonly #stale: Int32Array;
  /** By server: the step that took it and when, and whose turn comes next. */
  readonly #holder: Int32Array;
  readonly #takenAt: Float64Array;
  readonly #turn: Int32Array;
  /** By server: steps that have something to begin. */
  readonly #waiting: Int32Array;
  readonly #touched: number[] = [];

  /** @param plans the steps of each, whose positions count from its own first one */
  constructor(plans: readonly (readonly Step[])[], servers: number, ...told: Told) {
    const [onRelease, secondsOf = null] = told;
    const { steps, starts, after, before, takes, frees, users, seats } = wire(plans, servers);
    const { length } = steps;
    this.steps = steps;
    this.#starts = starts;
    this.#onRelease = onRelease;
    this.#secondsOf = secondsOf;
    this.#after = after;
    this.#before = before;
    this.#blocker = after.starts.slice(0, -1);
    this.#takes = takes;
    this.#frees = frees;
    this.#users = users;
    this.#seats = seats;
    this.#waiting = new Int32Array(servers);
    this.#seconds = Float64Array.from(steps, ({ seconds }) => seconds);
    this.#stretch = new Float64Array(length).fill(1);
    this.#ready = new Float64Array(length + plans.length);
    this.#begun = new Float64Array(length);
    this.#ended = new Float64Array(length);
    this.#endAt = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
    this.#holdsMany = Uint8Array.from(steps, ({ type }) => (type === "latency" ? 1 : 0));
    this.#isDead = new Uint8Array(length);
    this.#stale = new Int32Array(length);
    this.#holder = new Int32Array(servers).fill(idle);
    this.#takenAt = new Float64Array(servers);
    this.#turn = new Int32Array(servers);
  }

  /** Requests of a plan whose steps have all ended. */
  answeredBy(plan: number): number {
    return at(this.#ready, this.steps.length + plan);
  }

  /** When the next step ends; `Infinity`: nothing is under way. */
  next(): number {
    for (;;) {
      const step = this.#queue.peek();
      if (step === undefined) return Number.POSITIVE_INFINITY;
      const time = this.#queue.peekValue() as number;
      if (this.#isValid(step, time)) return time;
      this.#pass();
    }
  }

  /** Ends every step that ends at this time; `start` lets the servers go on. */
  end(now: number): void {
    while (this.#queue.peekValue() === now) {
      const step = this.#queue.peek() as number;
      if (!this.#isValid(step, now)) {
        this.#pass();
        continue;
      }
      this.#queue.pop();
      this.#end(step, now);
    }
  }

  /** One more request comes in, and takes a plan's way. */
  enter(now: number, plan = 0): void {
    this.entered++;
    const end = this.#starts[plan + 1] as number;
    for (let step = this.#starts[plan] as number; step < end; step++) {
      if (this.#isFirst(step)) this.#offer(step, now);
    }
    const answer = this.steps.length + plan;
    if (this.#isFirst(answer)) this.#offer(answer, now);
  }

  /** Has every idle server begin what it can. */
  start(now: number): void {
    for (let server = this.#touched.pop(); server !== undefined; server = this.#touched.pop()) {
      if (at(this.#holder, server) === idle && at(this.#waiting, server) > 0) {
        this.#serve(server, now);
      }
    }
  }

  /** From now on a step takes `factor` times its seconds; what is under way goes on at the new rate. */
  stretch(step: number, factor: number, now: number): void {
    const before = at(this.#stretch, step);
    this.#stretch[step] = factor;
    const end = at(this.#endAt, step);
    if (end === Number.POSITIVE_INFINITY) return;
    const changed = now + ((end - now) * factor) / before;
    this.#endAt[step] = changed;
    this.#queue.push(step, changed);
  }

  /** Steps that never end again: what they took is let go, but for the server that is lost. */
  kill(dead: readonly number[], lost: number, now: number): void {
    for (const step of dead) {
      this.#isDead[step] = 1;
      this.#endAt[step] = Number.POSITIVE_INFINITY;
    }
    this.#holder.forEach((step, server) => {
      if (step >= 0 && at(this.#isDead, step) === 1) this.#free(server, now, true);
    });
    this.#holder[lost] = gone;
  }

  /**
   * Takes back what a plan has not answered: its steps let everything go and begin with the next one
   * that enters. The requests count as answered.
   *
   * @returns how many they are
   */
  takeBack(plan: number, now: number): number {
    const [first, end] = [this.#starts[plan] as number, this.#starts[plan + 1] as number];
    const answer = this.steps.length + plan;
    const own = [...Array(end - first).keys()].map((step) => first + step);
    const entered = Math.max(
      at(this.#ready, answer),
      ...own.filter((step) => this.#isFirst(step)).map((step) => at(this.#ready, step)),
    );
    const open = entered - at(this.#ready, answer);
    if (open === 0) return 0;
    this.#holder.forEach((step, server) => {
      if (step >= first && step < end) this.#free(server, now, true);
    });
    for (const step of own) {
      this.#forget(step);
      this.#ended[step] = this.#begun[step] = entered;
    }
    for (const step of [...own, answer]) {
      this.#ready[step] = entered;
      this.#blocker[step] = at(this.#after.starts, step);
    }
    this.answered += open;
    return open;
  }

  /** The requests, from the first to before the second, that have been with these steps and not left them. */
  within(steps: readonly number[]): readonly [number, number] {
    return [
      Math.min(...steps.map((step) => at(this.#ended, step))),
      Math.max(
        ...steps.map((step) =>
          this.steps[step]?.type === "compute" ? at(this.#ready, step) : at(this.#begun, step),
        ),
      ),
    ];
  }

  /** Servers that are taken just now, by which step and since when. */
  forEachTaken(visit: (server: number, step: number, since: number) => void): void {
    this.#holder.forEach((step, server) => {
      if (step >= 0) visit(server, step, at(this.#takenAt, server));
    });
  }

  /** So many times its seconds a step takes in the present state of the world. */
  stretchOf(step: number): number {
    return at(this.#stretch, step);
  }

  #isFirst(step: number): boolean {
    return at(this.#after.starts, step) === at(this.#after.starts, step + 1);
  }

  #isValid(step: number, time: number): boolean {
    if (at(this.#isDead, step) === 1) return false;
    if (at(this.#holdsMany, step) === 1) return at(this.#stale, step) === 0;
    return at(this.#endAt, step) === time;
  }

  /** Leaves out the next entry of the queue, which means nothing any more. */
  #pass(): void {
    const step = this.#queue.pop() as number;
    if (at(this.#stale, step) > 0) this.#stale[step] = at(this.#stale, step) - 1;
  }

  /** What a step has begun and what waits for it is none of its business any more. */
  #forget(step: number): void {
    if (at(this.#holdsMany, step) === 1) {
      this.#stale[step] = at(this.#stale, step) + at(this.#begun, step) - at(this.#ended, step);
    }
    this.#endAt[step] = Number.POSITIVE_INFINITY;
    if (at(this.#begun, step) === at(this.#ready, step)) return;
    const { starts, items } = this.#takes;
    for (let i = at(starts, step); i < at(starts, step + 1); i++) {
      this.#waiting[at(items, i)] = at(this.#waiting, at(items, i)) - 1;
    }
  }

  #end(step: number, now: number): void {
    const request = at(this.#ended, step);
    this.#ended[step] = request + 1;
    this.#endAt[step] = Number.POSITIVE_INFINITY;
    const { starts, items } = this.#frees;
    for (let i = at(starts, step); i < at(starts, step + 1); i++) {
      this.#free(at(items, i), now, false);
    }
    const next = this.#before;
    for (let i = at(next.starts, step); i < at(next.starts, step + 1); i++) {
      this.#unblock(at(next.items, i), step, now);
    }
  }

  /** A step that was waited for has ended: perhaps it was the last one. */
  #unblock(step: number, ended: number, now: number): void {
    const { starts, items } = this.#after;
    const blocker = at(this.#blocker, step);
    if (at(items, blocker) !== ended) return;
    const first = at(starts, step);
    const count = at(starts, step + 1) - first;
    for (let i = 1; i < count; i++) {
      const other = first + ((blocker - first + i) % count);
      if (at(this.#ended, at(items, other)) > at(this.#ready, step)) continue;
      this.#blocker[step] = other;
      return;
    }
    this.#offer(step, now);
  }

  #free(server: number, now: number, isCut: boolean): void {
    const step = at(this.#holder, server);
    this.#onRelease(server, step, at(this.#begun, step) - 1, at(this.#takenAt, server), now, isCut);
    this.#holder[server] = idle;
    this.#touched.push(server);
  }

  /** One more request has all that a step waits for. */
  #offer(step: number, now: number): void {
    const waited = at(this.#ready, step);
    this.#ready[step] = waited + 1;
    if (step >= this.steps.length) this.answered++;
    if (step >= this.steps.length || at(this.#isDead, step) === 1) return;
    const { starts, items } = this.#takes;
    const first = at(starts, step);
    if (first === at(starts, step + 1)) {
      this.#begin(step, now);
      return;
    }
    // A step of several servers stands in the list of each: whichever is let go last begins it.
    this.#touched.push(at(items, first));
    if (at(this.#begun, step) < waited) return;
    for (let i = first; i < at(starts, step + 1); i++) {
      this.#waiting[at(items, i)] = at(this.#waiting, at(items, i)) + 1;
    }
  }

  #serve(server: number, now: number): void {
    const { starts, items } = this.#users;
    const first = at(starts, server);
    const count = at(starts, server + 1) - first;
    const turn = at(this.#turn, server);
    for (let i = 0; i < count; i++) {
      const step = at(items, first + ((turn + i) % count));
      if (!this.#canBegin(step)) continue;
      this.#begin(step, now);
      return;
    }
  }

  #canBegin(step: number): boolean {
    if (at(this.#begun, step) >= at(this.#ready, step) || at(this.#isDead, step) === 1)
      return false;
    const { starts, items } = this.#takes;
    for (let i = at(starts, step); i < at(starts, step + 1); i++) {
      if (at(this.#holder, at(items, i)) !== idle) return false;
    }
    return true;
  }

  #begin(step: number, now: number): void {
    const seconds = this.#secondsOf?.(step, at(this.#begun, step)) ?? at(this.#seconds, step);
    this.#begun[step] = at(this.#begun, step) + 1;
    const end = now + seconds * at(this.#stretch, step);
    this.#endAt[step] = end;
    this.#queue.push(step, end);
    const isLast = at(this.#begun, step) === at(this.#ready, step);
    const { starts, items } = this.#takes;
    for (let i = at(starts, step); i < at(starts, step + 1); i++) {
      const server = at(items, i);
      if (isLast) this.#waiting[server] = at(this.#waiting, server) - 1;
      this.#holder[server] = step;
      this.#takenAt[server] = now;
      this.#turn[server] = at(this.#seats, i) + 1;
    }
  }
}

function at(values: Float64Array | Int32Array | Uint8Array, position: number): number {
  return values[position] as number;
}
