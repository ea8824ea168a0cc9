/**
 * What a coordinator's state means for plans: what there is to plan with, and what a plan still has.
 *
 * @module
 */
import {
  type CoordinationState,
  type GenerationState,
  hasPair,
  isSamePair,
  pairOf,
  type Shape,
  type World,
} from "./state.ts";

/** Whether a device is here, does what it is told, and can talk to where requests live. */
export function isUsable(state: CoordinationState, device: string): boolean {
  const known = state.devices[device];
  if (known === undefined || !known.joined || known.refused !== null) return false;
  return device === state.source || !hasPair(state.cuts, pairOf(device, state.source));
}

/** What there is to plan with. */
export function worldOf(state: CoordinationState): World {
  const without = Object.keys(state.devices).filter((device) => !isUsable(state, device));
  const gone = new Set(without);
  const cut = state.cuts.filter(({ a, b }) => !gone.has(a) && !gone.has(b));
  return {
    without: without.sort(),
    cut: cut.toSorted((x, y) => (`${x.a}\n${x.b}` < `${y.a}\n${y.b}` ? -1 : 1)),
  };
}

export function isSameWorld(one: World, other: World): boolean {
  return isWithin(one, other) && isWithin(other, one);
}

/** Whether everything that `smaller` lacks is lacking in `larger`, too. */
export function isWithin(smaller: World, larger: World): boolean {
  return (
    smaller.without.every((device) => larger.without.includes(device)) &&
    smaller.cut.every(
      (pair) =>
        hasPair(larger.cut, pair) ||
        larger.without.includes(pair.a) ||
        larger.without.includes(pair.b),
    )
  );
}

/** Whether everything that a plan needs is there. */
export function fits(state: CoordinationState, { devices, pairs }: Shape): boolean {
  return (
    devices.every((device) => isUsable(state, device)) &&
    !pairs.some((pair) => state.cuts.some((cut) => isSamePair(cut, pair)))
  );
}

/** Whether a generation that is deployed can still answer. */
export function isAlive(state: CoordinationState, generation: GenerationState): boolean {
  return (
    generation.generation >= state.fencedBelow &&
    fits(state, generation.shape) &&
    Object.values(generation.steps).every((step) => step === "deployed")
  );
}

export function inRole(
  state: CoordinationState,
  role: GenerationState["role"],
): GenerationState | undefined {
  return state.generations.find((generation) => generation.role === role);
}

/** The generation that serves and can. */
export function servingOf(state: CoordinationState): GenerationState | undefined {
  const serving = inRole(state, "serving");
  return serving !== undefined && isAlive(state, serving) ? serving : undefined;
}

/** Why the source cannot run its share of a plan, as things are; `null`: it is not known to fail. */
export function refusalOf(state: CoordinationState, plan: number): string | null {
  const { refused } = state;
  if (refused === null || !refused.plans.includes(plan)) return null;
  return isSameWorld(refused.world, worldOf(state)) ? refused.why : null;
}

/** Whether something is to serve next beside what serves. */
export function isSwitching(state: CoordinationState): boolean {
  return state.wish !== null || inRole(state, "candidate") !== undefined;
}

/** Whether the answer is wanted on a device that is away. */
export function isSinkAway({ sink, source, devices }: CoordinationState): boolean {
  return sink !== "anywhere" && sink !== source && devices[sink]?.joined !== true;
}
