/**
 * What follows from a state before anything is done: generations that cannot be used any more go,
 * those that are needed next begin.
 *
 * @module
 */
import type { Candidate, CoordinationState, GenerationState, Role, Step } from "./state.ts";
import {
  fits,
  inRole,
  isAlive,
  isSinkAway,
  isWithin,
  refusalOf,
  servingOf,
  worldOf,
} from "./world.ts";

/** Pure; O(generations · devices). */
export function settle(state: CoordinationState): CoordinationState {
  if (state.ended || state.recovering) return state;
  return beginStandby(beginCandidate(dropCandidate(dropUseless(dropWish(state)))));
}

/** Ends a generation: every device that is here and has to do with it is to be told. */
export function drop(state: CoordinationState, generation: number): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  if (found === undefined) return state;
  const told = found.shape.devices.filter(
    (device) => state.devices[device]?.joined === true && found.steps[device] !== "none",
  );
  const left = state.generations.filter((other) => other !== found);
  // The gateway may have gone over to it already: what serves is to be said once more.
  const isSwitch = found.role === "candidate" && found.told;
  return {
    ...state,
    generations: isSwitch ? left.map((other) => ({ ...other, told: false })) : left,
    retirements: [...state.retirements, ...told.map((device) => ({ device, generation }))],
  };
}

/** Adds a generation, with the next number. */
function begin(
  state: CoordinationState,
  { plan, shape, cause, replay = false }: Candidate,
  role: Role,
  live: boolean,
): CoordinationState {
  const generation = state.lastGeneration + 1;
  const steps = Object.fromEntries(shape.devices.map((device) => [device, "none" as Step]));
  const begun = { plan, shape, cause, replay, generation, role, live };
  return {
    ...state,
    lastGeneration: generation,
    generations: [...state.generations, { ...begun, saved: "no", told: false, steps }],
  };
}

/** What was wished for was planned for what there was then. */
function dropWish(state: CoordinationState): CoordinationState {
  if (state.wish === null || !state.started) return state;
  const isPossible = servingOf(state) !== undefined && fits(state, state.wish.shape);
  return isPossible ? state : { ...state, wish: null };
}

/** Old generations that lost a device, standbys that are not what they should be. */
function dropUseless(state: CoordinationState): CoordinationState {
  const serving = servingOf(state);
  if (serving === undefined) return state;
  let next = state;
  for (const old of state.generations) {
    // One that was known before, and did not become one that drains, was on its way to serve.
    if (old.role === "recovered") next = drop(next, old.generation);
    if (old.role === "draining" && !isAlive(state, old)) {
      next = { ...drop(next, old.generation), rescue: true };
    }
    if (old.role === "standby" && !isUsefulStandby(state, old, serving)) {
      next = drop(next, old.generation);
    }
  }
  return next;
}

function isUsefulStandby(
  state: CoordinationState,
  standby: GenerationState,
  serving: GenerationState,
): boolean {
  return standby.generation > serving.generation && fits(state, standby.shape);
}

/** A candidate that cannot be completed, or that nobody needs any more. */
function dropCandidate(state: CoordinationState): CoordinationState {
  const candidate = inRole(state, "candidate");
  if (candidate === undefined || !state.started) return state;
  const isPossible = candidate.generation >= state.fencedBelow && fits(state, candidate.shape);
  if (!isPossible) return drop(state, candidate.generation);
  const isServed = servingOf(state) !== undefined;
  if (candidate.live) return isServed ? state : convert(state, candidate);
  return isServed ? drop(state, candidate.generation) : state;
}

/** What was to be a switch becomes the way out: what served has been lost meanwhile. */
function convert(state: CoordinationState, candidate: GenerationState): CoordinationState {
  const converted = { ...candidate, live: false, told: false };
  return {
    ...state,
    wish: null,
    generations: state.generations.map((other) => (other === candidate ? converted : other)),
  };
}

function beginCandidate(state: CoordinationState): CoordinationState {
  if (inRole(state, "candidate") !== undefined) return state;
  if (!state.started) return begin(state, state.preferred, "candidate", false);
  const serving = servingOf(state);
  if (serving !== undefined) {
    const next = state.wish ?? wayBack(state, serving);
    return next === null ? state : begin(state, next, "candidate", true);
  }
  if (state.devices[state.source]?.joined !== true || isSinkAway(state)) return state;
  const next = chooseNext(state);
  return next === null ? state : begin(state, next, "candidate", false);
}

/** From the source alone to what served before. */
function wayBack(state: CoordinationState, serving: GenerationState): Candidate | null {
  const { preferred } = state;
  if (serving.plan === preferred.plan || !fits(state, preferred.shape)) return null;
  return { ...preferred, cause: "devices came back" };
}

/**
 * A plan that was the best with more than there is now, and fits what there is, is the best now, too:
 * so nothing need be planned for it.
 */
function chooseNext(state: CoordinationState): Candidate | null {
  const cause = causeOf(state);
  const world = worldOf(state);
  const isOut = (plan: number) => refusalOf(state, plan) !== null;
  const { preferred } = state;
  if (fits(state, preferred.shape) && !isOut(preferred.plan)) return { ...preferred, cause };
  const fallback = state.fallbacks.find(
    (other) => isWithin(other.world, world) && fits(state, other.shape) && !isOut(other.plan),
  );
  if (fallback !== undefined) return { plan: fallback.plan, shape: fallback.shape, cause };
  const { planned } = state;
  if (planned === null || planned.plan === null || planned.shape === null) return null;
  if (isOut(planned.plan)) return null;
  if (!isWithin(planned.world, world) || !fits(state, planned.shape)) return null;
  return { plan: planned.plan, shape: planned.shape, cause };
}

/** In words: what has gone that what served last needs. */
function causeOf(state: CoordinationState): string {
  const { shape } = state.preferred;
  const gone = shape.devices.filter((device) => state.devices[device]?.joined !== true);
  if (gone.length > 0) return `lost ${gone.join(", ")}`;
  const cut = state.cuts.filter(({ a, b }) =>
    shape.pairs.some((pair) => pair.a === a && pair.b === b),
  );
  if (cut.length > 0) return `lost ${cut.map(({ a, b }) => `${a} – ${b}`).join(", ")}`;
  const refused = shape.devices.find((device) => state.devices[device]?.refused !== null);
  return refused === undefined ? "devices came back" : `'${refused}' could not run its parts`;
}

function beginStandby(state: CoordinationState): CoordinationState {
  const { standbyPlan } = state;
  const serving = servingOf(state);
  if (standbyPlan === null || serving === undefined || serving.plan === standbyPlan.plan)
    return state;
  // The source's memory may not hold it beside what drains.
  const others = ["standby", "candidate", "draining"] as const;
  if (others.some((role) => inRole(state, role) !== undefined)) return state;
  if (serving.shape.devices.length <= 1 || !fits(state, standbyPlan.shape)) return state;
  return begin(state, { ...standbyPlan, cause: "standby" }, "standby", false);
}
