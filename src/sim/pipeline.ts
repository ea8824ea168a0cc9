/**
 * A plan in virtual time: requests pass through its stages and hops, wait for one another, and meet
 * the bandwidths, loads and losses of a world that changes. What is modelled, and what not:
 * `docs/reference/simulation.md`.
 *
 * @module
 */
import type { Trace } from "../cost/trace.ts";
import { type Bottleneck, evaluate } from "../plan/evaluate.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import type { Placement, Problem } from "../plan/problem.ts";
import type { TileStage } from "../plan/tiles.ts";
import { type Arrivals, arrivalTimes } from "./arrivals.ts";
import { Line } from "./line.ts";
import { Log } from "./log.ts";
import { findServers } from "./servers.ts";
import { findSteps, type Step } from "./steps.ts";
import { type Loss, World } from "./world.ts";

export interface SimulationOptions {
  readonly arrivals: Arrivals;
  /** How many, at most: a list may end before. */
  readonly requests: number;
  /** First answers that the period, the shares and `measured` leave out. Default 0. */
  readonly warmUp?: number;
  /** Of the problem's topology. Default: nothing changes. */
  readonly trace?: Trace;
  /** Devices that stop for ever. */
  readonly losses?: readonly Loss[];
  /** Stages that several devices run together. Default: none. */
  readonly tiles?: readonly TileStage[];
  /** Told whenever a device, link or medium is let go. */
  readonly onSpan?: (span: Span) => void;
}

/** From when to when something was taken, and what for. */
export interface Span {
  /** Position in `Simulation.servers`. */
  readonly server: number;
  /** Position of the request. */
  readonly request: number;
  /** `hop`: an exclusive device that takes part in a hop, from its beginning to its end. */
  readonly type: "compute" | "send" | "wire" | "receive" | "hop";
  /** Of `groupStages`; −1: a hop. */
  readonly stage: number;
  /** What hops, in one message; empty: a stage. */
  readonly tensors: readonly number[];
  /** −1: a stage. */
  readonly link: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** A device, link or medium: it does one thing at a time. */
export interface Server {
  readonly where: Bottleneck;
  /** What a request asks of it in the topology's own state: its load in the cost model. */
  readonly secondsPerRequest: number;
  /** The part of the measured time in which it was taken. */
  readonly share: number;
}

export interface Simulation {
  readonly type: "simulated";
  readonly sent: number;
  readonly answered: number;
  /** Requests that were with a device when it was lost, and needed it still. */
  readonly lost: number;
  /** Requests that wait for ever, before a device that is lost. */
  readonly stalled: number;
  /** From entering to the answer, of each answered request in the order of entering. */
  readonly latencySeconds: Float64Array;
  /** When each was answered; ascending. */
  readonly answeredAtSeconds: Float64Array;
  /** The latencies behind the warm-up. */
  readonly measured: Float64Array;
  /**
   * Mean seconds between two answers behind the warm-up; `null`: there is none. It is counted at the
   * server that needs most time for a request, where one half done counts half: so it does not
   * depend on how a burst of answers falls on the ends of the measured time.
   */
  readonly periodSeconds: number | null;
  /** When the measured time began and ended: with the last answer of the warm-up and of all. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Devices in the order of the topology, then links and media. */
  readonly servers: readonly Server[];
}

/**
 * Runs requests through a placement, the problem's codecs in use. Deterministic.
 *
 * O(requests · steps · (log steps + steps of a device)) time, where a step is a stage or one of the
 * phases of a hop; 16 bytes a request for the results, else O(steps + tensors within a latency) memory.
 *
 * @returns `Infeasible` if `evaluate` does not allow the placement; limits of the problem on what it
 * may cost do not count
 */
export function simulate(
  problem: Problem,
  placement: Placement,
  options: SimulationOptions,
): Simulation | Infeasible {
  const { tiles = [] } = options;
  const limits = tiles.length === 0 ? {} : { tiles: true };
  const claimed = evaluate({ ...problem, limits }, placement, tiles);
  if (claimed.type === "infeasible") return claimed;
  const { places, ofLink } = findServers(problem);
  const steps = findSteps(problem, placement, ofLink, tiles);
  const isHop = (server: number, step: number): boolean =>
    steps[step]?.type !== "compute" && problem.devices[server]?.communication === "exclusive";
  const workOf = (server: number, step: number): number => {
    const { seconds, wholeSeconds } = steps[step] as Step;
    return isHop(server, step) ? wholeSeconds : seconds;
  };
  const { onSpan, requests, warmUp = 0, losses = [] } = options;
  // A list of arrivals may end before the requests that were asked for.
  const mayStall = losses.length > 0 || options.arrivals.type === "listed";
  const log = new Log(requests, warmUp, places.length, workOf, mayStall);
  const line = new Line([steps], places.length, (server, position, request, start, end, isCut) => {
    log.release(server, position, start, end, isCut);
    if (onSpan === undefined) return;
    const { type, stage, tensors, link } = steps[position] as Step;
    const shown = isHop(server, position) ? "hop" : (type as Exclude<Step["type"], "latency">);
    const times = { startSeconds: start, endSeconds: end };
    onSpan({ server, request, type: shown, stage, tensors, link, ...times });
  });
  const world = new World(problem, steps, line, options.trace, losses);
  run(line, world, log, options);
  const work = places.map(() => 0);
  steps.forEach(({ takes }, step) => {
    for (const server of takes) work[server] = (work[server] as number) + workOf(server, step);
  });
  const { periodSeconds, shares } = log.measure(work);
  const sent = Math.min(line.entered, requests);
  const lost = world.lost(log.answered, sent);
  return {
    type: "simulated",
    sent,
    answered: log.answered,
    lost,
    stalled: sent - log.answered - lost,
    ...log.latencies(),
    periodSeconds,
    startSeconds: log.startSeconds,
    endSeconds: log.endSeconds,
    servers: places.map((where, server) => ({
      where,
      secondsPerRequest: work[server] as number,
      share: shares[server] as number,
    })),
  };
}

function run(line: Line, world: World, log: Log, { arrivals, requests }: SimulationOptions): void {
  const nextArrival = arrivalTimes(arrivals, requests);
  let arrival = nextArrival();
  while (line.answered < requests) {
    const next = Math.min(line.next(), world.isOpen ? arrival : Number.POSITIVE_INFINITY);
    if (next === Number.POSITIVE_INFINITY) return;
    const now = Math.min(next, world.next);
    line.end(now);
    if (world.next === now) world.change(now);
    for (; arrival <= now && world.isOpen; arrival = nextArrival()) {
      log.enter(line.entered, now);
      line.enter(now);
    }
    while (log.answered < Math.min(line.answered, requests)) {
      log.answer(now, line);
      // The loop stays closed to the end: the last requests would be faster if none came behind.
      if (arrivals.type !== "closed" || !world.isOpen) continue;
      log.enter(line.entered, now);
      line.enter(now);
    }
    line.start(now);
  }
}
