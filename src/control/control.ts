/**
 * What to do when the world changes: stay with the plan that serves, or switch to a better one. Pure:
 * a step takes a state and what was seen, and gives the next state and a decision.
 *
 * @module
 */
import type { State } from "../cost/state.ts";
import type { Choices } from "./choices.ts";
import { type EstimateOptions, type Estimates, learn, noEstimates, stateOf } from "./estimates.ts";
import type { Observation } from "./observation.ts";
import { type Price, type PriceOptions, priceOf } from "./price.ts";
import { type Probed, type ProbeOptions, withProbes } from "./probe-cost.ts";
import { findProbes, type Probe } from "./probes.ts";
import { type Holdings, holding, type Preparation } from "./switching.ts";
import { countWork, noUtilisation, skipWork, type Utilisation } from "./utilisation.ts";

export interface ControlOptions extends EstimateOptions, PriceOptions, ProbeOptions {
  /**
   * A plan must cost less than the one that serves by this share of its cost. Each switch that is
   * remembered makes it this much more, up to eight times: each change that comes as a surprise costs
   * more than estimates show, so that small gains are not worth it where the world, or what the cost
   * model gets wrong, goes to and fro.
   * @default 0.05
   */
  readonly margin?: number;
  /**
   * … in so many observations, one after the other.
   * @default 2
   */
  readonly dwell?: number;
  /**
   * … but in one alone if it saves this share: requests queue while one waits to be sure.
   * @default 0.3
   */
  readonly urgentGain?: number;
  /**
   * A switch must pay back what it costs within this time, or as long as plans lasted of late. Of the
   * best choice and those that are loaded, the one is taken that saves the most in it.
   * @default 60
   */
  readonly horizonSeconds?: number;
  /**
   * A switch is remembered for this long, less and less.
   * @default 30
   */
  readonly memorySeconds?: number;
  /**
   * Least time from one switch to the next.
   * @default 0.5
   */
  readonly leastSeconds?: number;
}

export interface ControlState {
  readonly estimates: Estimates;
  readonly utilisation: Utilisation;
  /** Number of the choice that serves; `null`: none does yet. */
  readonly serving: number | null;
  /** What is being prepared, since when, and how long it was thought to take; `null`: nothing. */
  readonly preparing: Preparing | null;
  /** Preparing takes so many times as long as it is computed to. */
  readonly delay: number;
  /** Observations, one after the other, in which the plan that serves was beaten. */
  readonly beaten: number;
  /** When plans were switched, as far as it is remembered. */
  readonly switches: readonly number[];
  readonly held: Holdings | null;
  /** Choices that served last, the newest last: their parts are still loaded. */
  readonly warm: readonly number[];
  /** By link: how it was probed last. */
  readonly probed: Readonly<Record<number, Probed>>;
  /** When a request was seen last; `null`: none was. */
  readonly activeAt: number | null;
}

interface Preparing {
  readonly choice: number;
  readonly since: number;
  readonly seconds: number;
}

/**
 * Why nothing is switched: `best`: nothing is better; `preparing`: the last decision is being carried
 * out; `margin`, `dwell`, `soon`, `payback`: what is better is so by too little, not for long enough,
 * too soon after the last switch, or not by as much as the switch costs; `none`: nothing can run.
 */
export type StayReason = "best" | "preparing" | "margin" | "dwell" | "soon" | "payback" | "none";

export type Decision = {
  /** The world as it is thought to be. */
  readonly world: State;
  /** What the plan that serves costs there; `null`: none does. */
  readonly cost: number | null;
  /** The best one, and what it costs there. */
  readonly best: number | null;
  readonly bestCost: number | null;
  /** (cost − bestCost) ÷ cost. */
  readonly gain: number;
  readonly probes: readonly Probe[];
} & (
  | { readonly type: "stay"; readonly reason: StayReason }
  | {
      readonly type: "switch";
      readonly to: number;
      /** Until it serves, as devices work now. */
      readonly switchingSeconds: number;
      readonly preparation: Preparation;
    }
);

/** Before anything was seen. @param serving what runs already; `null`: nothing */
export function startControl(choices: Choices, serving: number | null): ControlState {
  const { problem } = choices;
  return {
    estimates: noEstimates(problem.topology),
    utilisation: noUtilisation(problem.devices.length),
    serving,
    preparing: null,
    delay: 1,
    beaten: 0,
    switches: [],
    held: serving === null ? null : holding(problem, null, choices.at(serving)),
    warm: serving === null ? [] : [serving],
    probed: {},
    activeAt: null,
  };
}

/**
 * Takes in what was seen and decides. After `switch` nothing is decided until `adopted` or
 * `abandoned` says what became of it.
 */
export function controlStep(
  choices: Choices,
  state: ControlState,
  observation: Observation,
  now: number,
  options: ControlOptions = {},
): { readonly state: ControlState; readonly decision: Decision } {
  const { problem } = choices;
  const { memorySeconds = 30 } = options;
  // Devices that load parts are slow by what this control has decided, not by themselves.
  const isOwn = state.preparing !== null;
  const seen = isOwn ? { ...observation, devices: [] } : observation;
  const utilisation = isOwn
    ? skipWork(state.utilisation, now)
    : countWork(state.utilisation, observation, now);
  const estimates = learn(problem.topology, state.estimates, seen, now, options);
  const world = stateOf(problem.topology, estimates, now, options);
  const switches = state.switches.filter((time) => time > now - memorySeconds);
  const activeAt = observation.devices.length > 0 ? now : state.activeAt;
  const learnt: ControlState = { ...state, estimates, utilisation, switches, activeAt };
  const view = compare(choices, learnt, world, now, options);
  const beaten = view.best !== state.serving && view.gain >= view.margin ? state.beaten + 1 : 0;
  const judged = judge(choices, { ...learnt, beaten }, view, now, options);
  const { bounds, probing = [] } = observation;
  const known = { ...learnt, taken: [...bounds.map(({ link }) => link), ...probing] };
  const probes = findProbes(choices, known, world, now, view.margin, options);
  const probed = withProbes(problem, state.probed, probes, world, now, options);
  const { best, bestCost, cost, gain } = view;
  const decision: Decision = { world, cost, best, bestCost, gain, probes, ...judged };
  const preparing =
    judged.type === "switch"
      ? { choice: judged.to, since: now, seconds: judged.switchingSeconds }
      : state.preparing;
  return { state: { ...learnt, beaten, preparing, probed }, decision };
}

/** A plan serves from now on, whoever decided it. */
export function adopted(
  choices: Choices,
  state: ControlState,
  serving: number,
  now: number,
): ControlState {
  const isOther = state.serving !== null && state.serving !== serving;
  return {
    ...state,
    serving,
    preparing: null,
    delay: delayAfter(state, serving, now),
    beaten: 0,
    switches: isOther ? [...state.switches, now] : state.switches,
    held: holding(choices.problem, state.held, choices.at(serving)),
    warm: withWarm(state.warm, serving),
  };
}

/** More, or less, is believed of no device. */
const mostDelay = 20;

/** Goes half of the way to what was just seen; what was loaded still says nothing. */
function delayAfter(
  { delay, preparing, warm }: ControlState,
  serving: number,
  now: number,
): number {
  if (preparing?.choice !== serving || warm.includes(serving) || !(preparing.seconds > 0)) {
    return delay;
  }
  const seen = (delay * (now - preparing.since)) / preparing.seconds;
  return Math.sqrt(delay * Math.min(mostDelay, Math.max(1, seen)));
}

/** So many plans are kept loaded by devices that have the memory, the one that serves among them. */
const mostWarm = 3;

/** Choices whose parts are loaded, the newest last, when another one has begun to serve. */
export function withWarm(warm: readonly number[], serving: number): number[] {
  return [...warm.filter((other) => other !== serving), serving].slice(-mostWarm);
}

/** What was being prepared will not serve; the time until the next try counts from now. */
export function abandoned(state: ControlState, now: number): ControlState {
  return { ...state, preparing: null, beaten: 0, switches: [...state.switches, now] };
}

interface View {
  readonly world: State;
  readonly cost: number | null;
  readonly best: number | null;
  readonly bestCost: number | null;
  readonly gain: number;
  readonly margin: number;
}

/** Switches beyond these do not raise the margin further. */
const mostRaised = 7;

function compare(
  choices: Choices,
  { serving, switches }: ControlState,
  world: State,
  now: number,
  { margin = 0.05, memorySeconds = 30 }: ControlOptions,
): View {
  const remembered = switches.reduce((sum, time) => sum + 1 - (now - time) / memorySeconds, 0);
  const cost = serving === null ? null : choices.costOf(serving, world);
  const best = choices.best(world);
  const bestCost = best === null ? null : choices.costOf(best, world);
  return {
    ...{ world, cost, best, bestCost },
    gain: gainOf(cost, bestCost),
    margin: margin * (1 + Math.min(remembered, mostRaised)),
  };
}

const never = Number.POSITIVE_INFINITY;

/** The share of its cost that something else saves; all of it where it cannot run. */
function gainOf(cost: number | null, bestCost: number | null): number {
  if (bestCost === null) return 0;
  if (cost === null || cost === never) return 1;
  return cost > 0 ? Math.max(0, (cost - bestCost) / cost) : 0;
}

type Judged =
  | { readonly type: "stay"; readonly reason: StayReason }
  | {
      readonly type: "switch";
      readonly to: number;
      readonly switchingSeconds: number;
      readonly preparation: Preparation;
    };

function judge(
  choices: Choices,
  state: ControlState,
  view: View,
  now: number,
  options: ControlOptions,
): Judged {
  const { leastSeconds = 0.5 } = options;
  const { world, best, gain, margin } = view;
  const dwell = gain >= (options.urgentGain ?? 0.3) ? 1 : (options.dwell ?? 2);
  const stay = (reason: StayReason): Judged => ({ type: "stay", reason });
  if (best === null) return stay("none");
  if (best === state.serving) return stay(state.preparing === null ? "best" : "preparing");
  if (state.preparing !== null) return stay("preparing");
  if (state.serving === null) return switchTo(best, priceOf(choices, state, best, world, options));
  if (gain < margin) return stay("margin");
  if (state.beaten < dwell) return stay("dwell");
  const last = state.switches.at(-1);
  if (last !== undefined && now - last < leastSeconds) return stay("soon");
  return mostSaving(choices, state, view, options) ?? stay("payback");
}

/** Of the best choice and those that are loaded; `null`: none pays back what going over to it takes. */
function mostSaving(
  choices: Choices,
  state: ControlState,
  { world, best, cost, margin }: View,
  options: ControlOptions,
): Judged | null {
  const { horizonSeconds = 60, memorySeconds = 30 } = options;
  // As long as plans lasted of late, another one will.
  const horizon = Math.min(horizonSeconds, memorySeconds / state.switches.length);
  // Delays weigh as much as a share of the cost, whatever the objective counts, if they are shares, too.
  const { serving } = state;
  const latency = serving === null ? never : choices.latencyOf(serving, world);
  let most = 0;
  let judged: Judged | null = null;
  for (const to of best === null ? [] : [best, ...state.warm]) {
    const saved = gainOf(cost, choices.costOf(to, world));
    if (saved < margin) continue;
    const price = priceOf(choices, state, to, world, options);
    const net = saved * (horizon - price.seconds) - price.delayedSeconds / latency;
    if (net <= most) continue;
    most = net;
    judged = switchTo(to, price);
  }
  return judged;
}

function switchTo(to: number, { seconds, preparation }: Price): Judged {
  return { type: "switch", to, switchingSeconds: seconds, preparation };
}
