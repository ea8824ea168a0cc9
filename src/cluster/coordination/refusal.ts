/**
 * What becomes of a generation that a device cannot run, and of its plan.
 *
 * @module
 */
import type { WireError } from "../wire-error.ts";
import { withDevice } from "./change.ts";
import { drop } from "./settle.ts";
import type { CoordinationEvent, CoordinationState, GenerationState, Planned } from "./state.ts";
import { isSameWorld, refusalOf, servingOf, worldOf } from "./world.ts";

/** A device could not do what it was told for a generation. Pure. */
export function fail(
  state: CoordinationState,
  { device, generation, error }: Extract<CoordinationEvent, { type: "failed" }>,
): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  // What is fetched in case it is needed one day, and what is over, can do without.
  if (found === undefined || !Object.hasOwn(found.steps, device)) return state;
  if (!state.started) return { ...state, ended: true, failure: error };
  const crowding = isCrowded(error) ? crowdingOf(state, found, device, error) : [];
  if (crowding.length > 0) {
    // It is begun anew, behind them.
    return [found, ...crowding].reduce((after, { generation }) => drop(after, generation), state);
  }
  const refused =
    device === state.source
      ? refusePlan(state, found, error.message)
      : withDevice(state, device, {
          refused: { why: error.message, isCrowded: isBesideOthers(error) },
        });
  switch (found.role) {
    case "candidate":
      return found.live ? giveUp(state, found) : drop(refused, found.generation);
    case "standby":
      return { ...drop(state, found.generation), standbyPlan: null };
    default:
      return refused;
  }
}

/** Whether parts would fit if others were not there. */
function isCrowded({ code, details }: WireError): boolean {
  return code === "PART_REFUSED" && Number(details["usedBytes"]) > 0;
}

/** Whether parts of other models are among those in the way. */
function isBesideOthers(error: WireError): boolean {
  return isCrowded(error) && Number(error.details["othersBytes"]) > 0;
}

/**
 * What this model can do without where parts have no room. If only other models are in the way, after
 * a loss, they may wait for what this one holds elsewhere: it gives way once, and then tries again.
 */
function crowdingOf(
  state: CoordinationState,
  found: GenerationState,
  device: string,
  error: WireError,
): GenerationState[] {
  const here = dispensable(state, found, [device]);
  if (here.length > 0 || found.live || !isBesideOthers(error)) return here;
  return dispensable(state, found, Object.keys(state.devices));
}

/** What devices hold and need not, for something that is to serve next. */
function dispensable(
  state: CoordinationState,
  { generation, role, live }: GenerationState,
  devices: readonly string[],
): GenerationState[] {
  if (role !== "candidate") return [];
  return state.generations.filter(
    (other) =>
      other.generation !== generation &&
      devices.some((device) => (other.steps[device] ?? "none") !== "none") &&
      (other.role === "standby" || !live),
  );
}

/** Without the source there is no plan at all: it is another plan that is looked for. */
function refusePlan(
  state: CoordinationState,
  { plan, generation }: GenerationState,
  why: string,
): CoordinationState {
  const world = worldOf(state);
  const known = state.refused !== null && isSameWorld(state.refused.world, world);
  const plans = [...(known ? (state.refused?.plans ?? []) : []), plan];
  const refusing = { ...drop(state, generation), refused: { world, plans, why } };
  return { ...refusing, planned: state.planned === null ? null : judged(refusing, state.planned) };
}

/** A plan that the source has refused already is none. */
export function judged(state: CoordinationState, planned: Planned): Planned {
  const why = planned.plan === null ? null : refusalOf(state, planned.plan);
  return why === null ? planned : { ...planned, plan: null, shape: null, why };
}

/** What serves goes on: only the switch is given up. */
function giveUp(state: CoordinationState, candidate: GenerationState): CoordinationState {
  const { plan, shape, cause } = servingOf(state) ?? state.preferred;
  const preferred =
    state.preferred.plan === candidate.plan ? { plan, shape, cause } : state.preferred;
  return { ...drop(state, candidate.generation), wish: null, preferred };
}
