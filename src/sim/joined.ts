/**
 * A plan that joins requests in virtual time: they wait as the gateway has them wait, and go through the
 * stages and hops as one. Links and devices may change meanwhile; nothing is lost.
 *
 * @module
 */
import { chooseNext, type Joining, type Waiting } from "../cluster/gateway/joining.ts";
import { evaluate } from "../plan/evaluate.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import { arrivalTimes } from "./arrivals.ts";
import { Line } from "./line.ts";
import type { Simulation, SimulationOptions } from "./pipeline.ts";
import { findServers } from "./servers.ts";
import { findSteps, type Step } from "./steps.ts";
import { World } from "./world.ts";

export interface JoinedOptions
  extends Pick<SimulationOptions, "arrivals" | "requests" | "warmUp" | "trace"> {
  /** What may be in flight: so many passes, and requests in all of them. */
  readonly joining: Joining & { readonly passes: number; readonly rows: number };
}

export interface JoinedSimulation extends Simulation {
  /** Passes whose requests are all counted among those behind the warm-up. */
  readonly passes: number;
  /** Requests of one of these, on average. */
  readonly requestsPerPass: number;
}

/**
 * Runs requests through a placement. Deterministic. O(requests · steps · (log steps + steps of a device)).
 *
 * @param problemOf so many requests as one, from 1 to as many as are joined, the plan's codecs in use
 * @returns `Infeasible` if `evaluate` does not allow the placement for the most requests
 */
export function simulateJoined(
  problemOf: (requests: number) => Problem,
  placement: Placement,
  options: JoinedOptions,
): JoinedSimulation | Infeasible {
  const full = { ...problemOf(options.joining.most), limits: {} };
  const claimed = evaluate(full, placement);
  if (claimed.type === "infeasible") return claimed;
  const run = new Run(problemOf, full, placement, options);
  run.run();
  return run.outcome();
}

interface Request extends Waiting {
  readonly askedAt: number;
}

class Run {
  readonly #options: JoinedOptions;
  readonly #line: Line;
  readonly #world: World;
  readonly #places: Simulation["servers"][number]["where"][];
  /** By requests as one, then by step. */
  readonly #seconds: readonly Float64Array[];
  readonly #steps: readonly Step[];
  #waiting: Request[] = [];
  /** Of passes, in the order in which they departed. */
  readonly #sizes: number[] = [];
  readonly #asked: number[] = [];
  readonly #latency: number[] = [];
  readonly #answeredAt: number[] = [];
  /** By server, seconds in which it was taken behind the warm-up. */
  readonly #taken: number[];
  #rowsInFlight = 0;
  #answeredPasses = 0;
  #departed = 0;
  #wake: number = Number.POSITIVE_INFINITY;

  constructor(
    problemOf: (requests: number) => Problem,
    full: Problem,
    placement: Placement,
    options: JoinedOptions,
  ) {
    const { places, ofLink } = findServers(full);
    this.#options = options;
    this.#places = [...places];
    this.#steps = findSteps(full, placement, ofLink);
    this.#taken = places.map(() => 0);
    const sizes = Array.from({ length: options.joining.most }, (_, position) => position + 1);
    this.#seconds = sizes.map((size) => {
      const own = findSteps(problemOf(size), placement, ofLink);
      const known = new Map(own.map((step) => [keyOf(step), step.seconds]));
      return Float64Array.from(this.#steps, (step) => known.get(keyOf(step)) ?? 0);
    });
    this.#line = new Line(
      [this.#steps],
      places.length,
      (server, _step, _pass, start, end) => this.#release(server, start, end),
      (step, pass) => this.#seconds[(this.#sizes[pass] ?? 1) - 1]?.[step] ?? 0,
    );
    this.#world = new World(full, this.#steps, this.#line, options.trace, []);
  }

  run(): void {
    const { arrivals, requests } = this.#options;
    const nextArrival = arrivalTimes(arrivals, requests);
    let arrival = nextArrival();
    while (this.#answeredAt.length < requests) {
      const next = Math.min(this.#line.next(), arrival, this.#wake);
      if (next === Number.POSITIVE_INFINITY) return;
      const now = Math.min(next, this.#world.next);
      this.#line.end(now);
      if (this.#world.next === now) this.#world.change(now);
      this.#answer(now);
      for (; arrival <= now; arrival = nextArrival()) this.#ask(now);
      this.#admit(now);
      this.#line.start(now);
    }
  }

  outcome(): JoinedSimulation {
    const { requests, warmUp = 0, joining } = this.#options;
    const answered = Math.min(requests, this.#answeredAt.length);
    const times = (values: readonly number[]) => Float64Array.from(values.slice(0, answered));
    const [latencySeconds, answeredAtSeconds] = [times(this.#latency), times(this.#answeredAt)];
    const startSeconds = warmUp === 0 ? 0 : (answeredAtSeconds[warmUp - 1] ?? 0);
    const endSeconds = answeredAtSeconds.at(-1) ?? 0;
    const elapsed = endSeconds - startSeconds;
    const counted = this.#countPasses(warmUp, answered);
    const work = this.#places.map(() => 0);
    this.#steps.forEach(({ takes }, step) => {
      for (const server of takes) work[server] = (work[server] ?? 0) + this.#fullSeconds(step);
    });
    return {
      type: "simulated",
      sent: Math.min(requests, this.#asked.length),
      ...{ answered, lost: 0, stalled: 0, latencySeconds, answeredAtSeconds },
      measured: latencySeconds.subarray(Math.min(warmUp, answered)),
      periodSeconds: answered > warmUp ? elapsed / (answered - warmUp) : null,
      ...{ startSeconds, endSeconds, ...counted },
      servers: this.#places.map((where, server) => ({
        where,
        secondsPerRequest: (work[server] ?? 0) / joining.most,
        share: elapsed > 0 ? Math.min(1, (this.#taken[server] ?? 0) / elapsed) : 0,
      })),
    };
  }

  #fullSeconds(step: number): number {
    return this.#seconds.at(-1)?.[step] ?? 0;
  }

  #countPasses(from: number, to: number): { passes: number; requestsPerPass: number } {
    let [first, passes, requests] = [0, 0, 0];
    for (const size of this.#sizes) {
      if (first >= from && first + size <= to) {
        passes++;
        requests += size;
      }
      first += size;
    }
    return { passes, requestsPerPass: passes === 0 ? 0 : requests / passes };
  }

  /** Requests go in the order in which they came: a pass is of the next ones. */
  #ask(now: number): void {
    this.#asked.push(now);
    const heldUntil = now + this.#options.joining.waitSeconds;
    this.#waiting.push({ rows: 1, form: "", heldUntil, askedAt: now });
    this.#admit(now);
  }

  #answer(now: number): void {
    const { arrivals, requests } = this.#options;
    for (; this.#answeredPasses < this.#line.answered; this.#answeredPasses++) {
      const size = this.#sizes[this.#answeredPasses] ?? 0;
      this.#rowsInFlight -= size;
      for (let one = 0; one < size; one++) {
        this.#latency.push(now - (this.#asked[this.#answeredAt.length] ?? 0));
        this.#answeredAt.push(now);
      }
      this.#admit(now);
      if (arrivals.type !== "closed" || this.#answeredAt.length >= requests) continue;
      for (let one = 0; one < size; one++) this.#ask(now);
    }
  }

  #admit(now: number): void {
    const { joining } = this.#options;
    this.#wake = Number.POSITIVE_INFINITY;
    while (this.#departed - this.#answeredPasses < joining.passes) {
      const free = this.#rowsInFlight === 0 ? null : joining.rows - this.#rowsInFlight;
      const choice = chooseNext(this.#waiting, joining, free, now);
      if (choice?.type === "hold") this.#wake = choice.until;
      if (choice?.type !== "go") return;
      const { length } = choice.together;
      this.#waiting = this.#waiting.slice(length);
      this.#sizes.push(length);
      this.#departed++;
      this.#rowsInFlight += length;
      this.#line.enter(now);
    }
  }

  #release(server: number, start: number, end: number): void {
    if (this.#answeredAt.length < (this.#options.warmUp ?? 0)) return;
    this.#taken[server] = (this.#taken[server] ?? 0) + end - start;
  }
}

/** A step is the same for any number of requests, but for its seconds. */
function keyOf({ type, stage, link, tensors }: Step): string {
  return `${type} ${stage} ${link} ${tensors.join()}`;
}
