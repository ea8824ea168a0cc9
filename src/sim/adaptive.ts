/**
 * Requests in virtual time while the plan changes: under control, by an oracle, or never.
 *
 * @module
 */

import type { Choices } from "../control/choices.ts";
import {
  adopted,
  type ControlOptions,
  type ControlState,
  controlStep,
  startControl,
  withWarm,
} from "../control/control.ts";
import { probeWork } from "../control/probe-cost.ts";
import { findPreparation, type Holdings, holding, type Preparation } from "../control/switching.ts";
import type { State } from "../cost/state.ts";
import { stateAt, type Trace } from "../cost/trace.ts";
import { withCodecs } from "../plan/codecs.ts";
import { type Arrivals, arrivalTimes } from "./arrivals.ts";
import { Background } from "./background.ts";
import { Line } from "./line.ts";
import { findServers } from "./servers.ts";
import { findSteps } from "./steps.ts";
import { Watcher } from "./watcher.ts";
import { World } from "./world.ts";

/** Who decides which plan serves. */
export type Policy =
  /** One plan for ever. */
  | { readonly type: "static"; readonly choice: number }
  /**
   * Knows the world, and has the best plan of each moment; `free`: at once, else after the time that it
   * takes to prepare, as under control.
   */
  | { readonly type: "oracle"; readonly free: boolean }
  /** Sees what a cluster sees, and switches as a cluster does. */
  | { readonly type: "controlled"; readonly start: number; readonly options?: ControlOptions };

export interface AdaptiveOptions {
  readonly arrivals: Arrivals;
  /** How many, at most: a list may end before. */
  readonly requests: number;
  readonly trace: Trace;
  readonly policy: Policy;
  /** From one look at the figures to the next. Default 0.25. */
  readonly observeSeconds?: number;
}

/** A plan began to serve. */
export interface Switch {
  readonly seconds: number;
  readonly to: number;
}

/** Weights are on their way, then devices load parts, then it serves. */
interface Preparing {
  readonly to: number;
  readonly loadsAtSeconds: number;
  /** By device: what there is to load; `null`: it is being loaded. */
  readonly loadSeconds: readonly number[] | null;
  /** Whether it answers, too, what the plan before it has not. */
  readonly replay: boolean;
}

export interface AdaptiveRun {
  /** Of each answered request in the order of entering. */
  readonly latencySeconds: Float64Array;
  /** When each of them entered. */
  readonly enteredAtSeconds: Float64Array;
  /** Behind the plan that served first. */
  readonly switches: readonly Switch[];
  /** Of the last answer. */
  readonly endSeconds: number;
}

/**
 * Runs requests along a trace. A plan that is decided on serves when its weights have come over the
 * links and devices have loaded its parts, for which those that compute have half of their time;
 * requests that entered before stay with their plan, and all plans share devices and links. Probes
 * take their part of devices. What weights and probes take of links is not modelled. Deterministic.
 *
 * O(requests · steps of a plan + looks · choices) time.
 *
 * @param choices that know no planner: what may serve is known from the beginning
 */
export function simulateAdaptive(choices: Choices, options: AdaptiveOptions): AdaptiveRun {
  return new Run(choices, options).run();
}

const never = Number.POSITIVE_INFINITY;
/** A switch that saves this share is for what waits already, too. */
const urgentGain = 0.3;
/** Each switch takes this long, as under control. */
const warmSeconds = 0.05;

class Run {
  readonly #choices: Choices;
  readonly #options: AdaptiveOptions;
  readonly #line: Line;
  readonly #world: World;
  readonly #watcher: Watcher;
  /** By plan: its requests in order, of which so many were answered. */
  readonly #requests: number[][];
  readonly #settled: number[];
  /** Those that went to another plan. */
  readonly #takenBack: number[];
  readonly #entered: number[] = [];
  readonly #latency: Float64Array;
  readonly #switches: Switch[] = [];
  #serving: number;
  #control: ControlState | null = null;
  /** Of an oracle that pays: what devices have. */
  #held: Holdings;
  /** … and plans whose parts are loaded still, the newest last. */
  #warm: readonly number[];
  #nextLook = never;
  #preparing: Preparing | null = null;
  readonly #background: Background;
  /** Requests that were answered, but for those that only keep a loop closed. */
  #answered = 0;
  #end = 0;

  constructor(choices: Choices, options: AdaptiveOptions) {
    const { problem } = choices;
    const { policy, trace } = options;
    this.#choices = choices;
    this.#options = options;
    const { places, ofLink } = findServers(problem);
    const plans = Array.from({ length: choices.count() }, (_, choice) => {
      const { placement, codecs, tiles } = choices.at(choice);
      return findSteps(withCodecs(problem, codecs), placement, ofLink, tiles);
    });
    this.#line = new Line(plans, places.length, (_, step, _request, start, end, isCut) => {
      // What was taken back says nothing of how long it would have taken.
      if (!isCut) this.#watcher.release(step, start, end);
    });
    this.#watcher = new Watcher(problem, this.#line);
    this.#world = new World(problem, this.#line.steps, this.#line, trace, []);
    this.#background = new Background(problem.devices.length, this.#line, this.#world);
    this.#requests = plans.map(() => []);
    this.#settled = plans.map(() => 0);
    this.#takenBack = plans.map(() => 0);
    this.#latency = new Float64Array(options.requests);
    this.#serving = this.#first(policy);
    this.#warm = [this.#serving];
    this.#held = holding(problem, null, choices.at(this.#serving));
    if (policy.type !== "controlled") return;
    this.#control = startControl(choices, policy.start);
    this.#nextLook = this.#lookSeconds;
  }

  run(): AdaptiveRun {
    const { arrivals, requests } = this.#options;
    const nextArrival = arrivalTimes(arrivals, requests);
    const line = this.#line;
    let arrival = nextArrival();
    while (this.#answered < requests) {
      const next = Math.min(line.next(), arrival);
      if (next === never) break;
      const now = Math.min(
        next,
        this.#world.next,
        this.#nextLook,
        this.#background.next,
        this.#loadsAt,
      );
      line.end(now);
      this.#background.pass(now);
      if (this.#world.next === now) this.#change(now);
      this.#prepare(now);
      for (; arrival <= now; arrival = nextArrival()) this.#enter(now);
      const answered = this.#settle(now);
      // The loop stays closed to the end: the last requests would be faster if none came behind.
      if (arrivals.type === "closed") for (let i = 0; i < answered; i++) this.#enter(now);
      if (this.#nextLook === now) this.#look(now);
      line.start(now);
      this.#background.share();
    }
    const answered = this.#answered;
    return {
      latencySeconds: this.#latency.subarray(0, answered),
      enteredAtSeconds: Float64Array.from(this.#entered.slice(0, answered)),
      switches: this.#switches,
      endSeconds: this.#end,
    };
  }

  /** When weights will have come; `Infinity`: none are on their way. */
  get #loadsAt(): number {
    const { loadSeconds = null, loadsAtSeconds = never } = this.#preparing ?? {};
    return loadSeconds === null ? never : loadsAtSeconds;
  }

  get #lookSeconds(): number {
    return this.#options.observeSeconds ?? 0.25;
  }

  #first(policy: Policy): number {
    if (policy.type === "static") return policy.choice;
    if (policy.type === "controlled") return policy.start;
    return this.#bestIn(stateAt(this.#options.trace, 0));
  }

  #bestIn(state: State): number {
    return this.#choices.best(state) ?? this.#serving ?? 0;
  }

  #change(now: number): void {
    this.#world.change(now);
    const { policy, trace } = this.#options;
    if (policy.type !== "oracle") return;
    const state = stateAt(trace, now);
    const best = this.#bestIn(state);
    if (best === this.#serving) this.#giveUp(now);
    else if (policy.free) this.#serve({ seconds: now, to: best });
    else if (this.#preparing?.to !== best) this.#pay(best, state, now);
  }

  #giveUp(now: number): void {
    this.#preparing = null;
    this.#background.clear(now);
  }

  /** As control does it: plans that served before are loaded still. */
  #pay(to: number, state: State, now: number): void {
    const choices = this.#choices;
    const { problem } = choices;
    const loaded = this.#warm.map((other) => choices.at(other));
    const found = findPreparation(problem, state, this.#held, loaded, choices.at(to));
    const gain = 1 - choices.costOf(to, state) / choices.costOf(this.#serving, state);
    this.#giveUp(now);
    const wireSeconds = found.wireSeconds + warmSeconds;
    this.#begin(to, { ...found, wireSeconds }, gain >= urgentGain, now);
  }

  #begin(
    to: number,
    { wireSeconds, loadSeconds }: Preparation,
    replay: boolean,
    now: number,
  ): void {
    // Behind this moment: what is to happen now has happened.
    const loadsAtSeconds = now + Math.max(wireSeconds, Number.EPSILON * Math.max(1, now));
    this.#preparing = { to, loadsAtSeconds, loadSeconds, replay };
  }

  /** Goes on with what is being prepared. */
  #prepare(now: number): void {
    const preparing = this.#preparing;
    if (preparing === null || preparing.loadsAtSeconds > now) return;
    if (preparing.loadSeconds !== null) {
      this.#background.add(preparing.loadSeconds, now);
      this.#preparing = { ...preparing, loadSeconds: null };
    }
    if (this.#background.isEmpty) this.#adopt(preparing, now);
  }

  #serve({ seconds, to }: Switch): void {
    this.#serving = to;
    this.#warm = withWarm(this.#warm, to);
    this.#switches.push({ seconds, to });
  }

  #adopt({ to, replay }: Preparing, now: number): void {
    this.#preparing = null;
    this.#serve({ seconds: now, to });
    this.#held = holding(this.#choices.problem, this.#held, this.#choices.at(to));
    if (replay) this.#replay({ seconds: now, to });
    if (this.#control === null) return;
    this.#control = adopted(this.#choices, this.#control, to, now);
  }

  /** What older plans have not answered begins anew in the one that serves. */
  #replay({ seconds, to }: Switch): void {
    for (const plan of this.#requests.keys()) {
      if (plan === to) continue;
      const requests = this.#requests[plan] as number[];
      const count = this.#line.takeBack(plan, seconds);
      const taken = count === 0 ? [] : requests.splice(-count);
      this.#takenBack[plan] = (this.#takenBack[plan] as number) + count;
      for (const request of taken) {
        this.#requests[to]?.push(request);
        this.#line.enter(seconds, to);
      }
    }
  }

  #look(now: number): void {
    this.#nextLook = now + this.#lookSeconds;
    const { policy, trace } = this.#options;
    if (this.#control === null || policy.type !== "controlled") return;
    const seen = this.#watcher.look(now);
    const { state, decision } = controlStep(
      this.#choices,
      this.#control,
      seen,
      now,
      policy.options,
    );
    this.#control = state;
    for (const { link, bytes } of decision.probes) {
      const world = stateAt(trace, now);
      const rate = world.bandwidthBitsPerSecond[link] as number;
      this.#watcher.probe(link, rate, now + (8 * bytes) / rate);
      this.#background.add(probeWork(this.#choices.problem, world, link, policy.options), now);
    }
    if (decision.type !== "switch") return;
    this.#begin(decision.to, decision.preparation, decision.gain >= urgentGain, now);
  }

  #enter(now: number): void {
    this.#requests[this.#serving]?.push(this.#entered.length);
    this.#entered.push(now);
    this.#line.enter(now, this.#serving);
  }

  /** @returns how many requests have been answered since */
  #settle(now: number): number {
    const before = [...this.#settled, ...this.#takenBack].reduce((sum, count) => sum + count, 0);
    if (this.#line.answered === before) return 0;
    this.#requests.forEach((requests, plan) => {
      const answered = this.#line.answeredBy(plan) - (this.#takenBack[plan] as number);
      for (let i = this.#settled[plan] as number; i < answered; i++) {
        const request = requests[i] as number;
        // Requests that only keep a loop closed stand behind the last one, and are not written down.
        if (request >= this.#latency.length) continue;
        this.#latency[request] = now - (this.#entered[request] as number);
        this.#answered++;
        this.#end = now;
      }
      this.#settled[plan] = answered;
    });
    return this.#line.answered - before;
  }
}
