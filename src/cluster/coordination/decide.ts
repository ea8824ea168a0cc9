import type { Action, CoordinationState, GenerationState } from "./state.ts";
import { fits, inRole, isSameWorld, isSinkAway, servingOf, worldOf } from "./world.ts";

/**
 * What is to be done now; each action is to be answered with `performed`. Pure; O(generations ·
 * devices).
 */
export function decide(state: CoordinationState): Action[] {
  if (state.ended) return state.announced ? [] : [{ type: "shutDown", failure: state.failure }];
  const next = decideServing(state);
  return [
    ...state.dismissals.map((device) => ({ type: "dismiss", device }) as const),
    // Requests of what is retired are taken over first; what is offered may need the memory of that.
    ...next.filter(({ type }) => type === "serve"),
    ...state.retirements.map((retirement) => ({ type: "retire", ...retirement }) as const),
    ...next.filter(({ type }) => type !== "serve"),
  ];
}

function decideServing(state: CoordinationState): Action[] {
  if (state.recovering) return [];
  const candidate = inRole(state, "candidate");
  const serving = servingOf(state);
  if (state.started && serving === undefined && candidate === undefined) return decideLoss(state);
  return [
    ...resume(state, serving),
    ...(candidate === undefined ? [] : advance(state, candidate)),
    ...(candidate === undefined && serving !== undefined ? decideRest(state, serving) : []),
  ];
}

/** Nothing serves and nothing is on its way to. */
function decideLoss(state: CoordinationState): Action[] {
  if (state.devices[state.source]?.joined !== true) return [];
  if (isSinkAway(state)) {
    if (state.suspended || state.graceTicks > 0) return [];
    const message = `device '${state.sink}', where the answers are wanted, is lost; ask again when it is back`;
    const error = { code: "DEVICE_LOST", message, details: { device: state.sink } } as const;
    return [{ type: "suspend", error }];
  }
  const world = worldOf(state);
  const isAsked = state.planning !== null && isSameWorld(state.planning, world);
  const isAnswered = state.planned !== null && isSameWorld(state.planned.world, world);
  if (isAsked || isAnswered || world.without.includes(state.source)) return [];
  return [{ type: "plan", world }];
}

/** The gateway is to be told once more what serves. */
function resume(state: CoordinationState, serving: GenerationState | undefined): Action[] {
  if (serving === undefined) return [];
  if (serving.told && !state.suspended && !state.rescue) return [];
  return [{ type: "serve", generation: serving.generation, replay: true }];
}

/** The next step of a generation on its way. */
function advance(state: CoordinationState, next: GenerationState): Action[] {
  const { generation, steps } = next;
  const standby = next.role === "standby";
  const inStep = (step: string) => next.shape.devices.filter((device) => steps[device] === step);
  const offers = inStep("none")
    .filter((device) => state.devices[device]?.joined === true)
    .map((device) => ({ type: "offer", device, generation }) as const);
  if (offers.length > 0) return offers;
  // Addresses are known only when all are here, and nobody is reached before it has its parts.
  if (inStep("none").length + inStep("offered").length > 0) return [];
  if (next.saved === "no") return [{ type: "save", generation }];
  if (next.saved === "asked") return [];
  const loaded = inStep("loaded");
  if (loaded.length > 0) {
    const how = { generation, fences: !next.live && !standby, standby };
    return loaded.map((device) => ({ type: "deploy", device, ...how }) as const);
  }
  if (standby || next.told || inStep("deploying").length > 0) return [];
  return [{ type: "serve", generation, replay: !next.live || next.replay === true }];
}

/** While all is well: a standby, and plans for losses. */
function decideRest(state: CoordinationState, serving: GenerationState): Action[] {
  const standby = inRole(state, "standby");
  if (standby !== undefined && fits(state, standby.shape)) {
    const actions = advance(state, standby);
    if (actions.length > 0) return actions;
  }
  const world = worldOf(state);
  const { fallbackBase: base } = state;
  const { generation, shape } = serving;
  if (base !== null && base.generation === generation && isSameWorld(base.world, world)) return [];
  return [{ type: "computeFallbacks", generation, world, shape }];
}
