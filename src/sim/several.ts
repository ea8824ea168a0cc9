/**
 * Several plans in virtual time on the same devices and links, in a world that does not change. What a
 * device, link or medium has of several models at once it does at once, each for an equal share of it;
 * requests of one model wait for one another as in `pipeline.ts`.
 *
 * @module
 */
import type { Bottleneck } from "../plan/evaluate.ts";
import type { StandingPlan } from "../plan/several/standing-plan.ts";
import { type Arrivals, arrivalTimes } from "./arrivals.ts";
import { Line } from "./line.ts";
import { findServers } from "./servers.ts";
import { findSteps, type Step } from "./steps.ts";

/** A plan with the speeds that devices and links really have, whatever it was made for. */
export interface SimulatedModel extends StandingPlan {
  /** Not `closed`: what others do must not change how often a model is asked. */
  readonly arrivals: Exclude<Arrivals, { readonly type: "closed" }>;
}

export interface SeveralOptions {
  /** Requests come up to then; all that came are answered. */
  readonly seconds: number;
  /** Requests that come before are left out of all figures. */
  readonly warmUpSeconds: number;
}

export interface SeveralSimulation {
  /** In the order of the models. */
  readonly models: readonly SimulatedRequests[];
  /** Devices in the order of the topology, then links and media. */
  readonly servers: readonly {
    readonly where: Bottleneck;
    /** The part of the measured time in which it was taken. */
    readonly share: number;
  }[];
}

export interface SimulatedRequests {
  /** Warm-up included. */
  readonly sent: number;
  /** From entering to the answer, of each request behind the warm-up in the order of entering. */
  readonly latencySeconds: Float64Array;
}

/**
 * Runs requests of several models through their placements. Deterministic.
 * O(requests · steps · (log steps + devices and links in use · models)) time, 16 bytes a request.
 *
 * @param models on the same devices and links; `evaluate` allows their placements, and together they
 * ask no device or link for more time than there is
 */
export function simulateSeveral(
  models: readonly SimulatedModel[],
  { seconds, warmUpSeconds }: SeveralOptions,
): SeveralSimulation {
  const { places, ofLink } = findServers((models[0] as SimulatedModel).problem);
  const found = models.map(({ problem, placement, tiles }) =>
    findSteps(problem, placement, ofLink, tiles),
  );
  const used = [...new Set(found.flat().flatMap(({ takes }) => takes))];
  // Each model has servers of its own: whether others take the same place says how fast they are.
  const plans = found.map((steps, plan) => steps.map((step) => ownServers(step, plan, used)));
  const line = new Line(plans, used.length * models.length, () => {});
  const shares = new Shares(line, used.length, warmUpSeconds, seconds);
  const clients = models.map(({ arrivals }, plan) => new Client(arrivals, line, plan, seconds));
  for (;;) {
    const now = Math.min(line.next(), ...clients.map((client) => client.next));
    if (now === Number.POSITIVE_INFINITY) break;
    shares.elapse(now);
    line.end(now);
    for (const client of clients) client.enter(now);
    for (const client of clients) client.take(now);
    line.start(now);
    shares.divide(now);
  }
  return {
    models: clients.map((client) => client.requests(warmUpSeconds)),
    servers: places.map((where, place) => ({ where, share: shares.of(used.indexOf(place)) })),
  };
}

function ownServers(step: Step, plan: number, used: readonly number[]): Step {
  const own = (place: number): number => plan * used.length + used.indexOf(place);
  return { ...step, takes: step.takes.map(own), frees: step.frees.map(own) };
}

/** Divides each place among the models that take it, and counts for how long anyone does. */
class Shares {
  readonly #line: Line;
  readonly #places: number;
  readonly #from: number;
  readonly #to: number;
  /** By place: models that take it now. */
  readonly #takers: Int32Array;
  readonly #taken: Float64Array;
  #since = 0;

  /** @param from the measured time, to `to` */
  constructor(line: Line, places: number, from: number, to: number) {
    this.#line = line;
    this.#places = places;
    this.#from = from;
    this.#to = to;
    this.#takers = new Int32Array(places);
    this.#taken = new Float64Array(places);
  }

  elapse(now: number): void {
    const seconds = Math.min(now, this.#to) - Math.max(this.#since, this.#from);
    this.#since = now;
    if (seconds <= 0) return;
    this.#takers.forEach((models, place) => {
      if (models > 0) this.#taken[place] = (this.#taken[place] as number) + seconds;
    });
  }

  /** A step that takes several places is as fast as the slowest of them lets it be. */
  divide(now: number): void {
    this.#takers.fill(0);
    const steps = new Map<number, number>();
    this.#line.forEachTaken((server) => {
      const place = server % this.#places;
      this.#takers[place] = (this.#takers[place] as number) + 1;
    });
    this.#line.forEachTaken((server, step) => {
      const models = this.#takers[server % this.#places] as number;
      steps.set(step, Math.max(models, steps.get(step) ?? 1));
    });
    for (const [step, models] of steps) {
      if (this.#line.stretchOf(step) !== models) this.#line.stretch(step, models, now);
    }
  }

  /** The part of the measured time; 0 for a place that nobody ever takes. */
  of(place: number): number {
    return (this.#taken[place] ?? 0) / (this.#to - this.#from);
  }
}

/** Asks one model, and notes when. */
class Client {
  /** When it asks again; `Infinity`: no more. */
  next: number;
  readonly #arrivalAfter: () => number;
  readonly #line: Line;
  readonly #plan: number;
  readonly #entered: number[] = [];
  readonly #latencies: number[] = [];

  constructor(arrivals: Arrivals, line: Line, plan: number, seconds: number) {
    const times = arrivalTimes(arrivals, Number.POSITIVE_INFINITY);
    this.#arrivalAfter = () => {
      const time = times();
      return time < seconds ? time : Number.POSITIVE_INFINITY;
    };
    this.#line = line;
    this.#plan = plan;
    this.next = this.#arrivalAfter();
  }

  enter(now: number): void {
    for (; this.next <= now; this.next = this.#arrivalAfter()) {
      this.#entered.push(now);
      this.#line.enter(now, this.#plan);
    }
  }

  /** Requests of one plan are answered in the order in which they entered. */
  take(now: number): void {
    const answered = this.#line.answeredBy(this.#plan);
    while (this.#latencies.length < answered) {
      this.#latencies.push(now - (this.#entered[this.#latencies.length] as number));
    }
  }

  requests(warmUpSeconds: number): SimulatedRequests {
    const first = this.#entered.findIndex((time) => time >= warmUpSeconds);
    const measured = first < 0 ? [] : this.#latencies.slice(first);
    return { sent: this.#entered.length, latencySeconds: Float64Array.from(measured) };
  }
}
