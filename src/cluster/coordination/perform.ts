import { change, withStep } from "./change.ts";
import type { Action, CoordinationState, Step } from "./state.ts";

/** What is known once an action has been started. Pure. */
export function perform(state: CoordinationState, action: Action): CoordinationState {
  switch (action.type) {
    case "plan":
      return { ...state, planning: action.world, isPlanningLate: false };
    case "offer":
      return step(state, action, "offered");
    case "save":
      return change(state, action.generation, { saved: "asked" });
    case "deploy":
      return {
        ...step(state, action, "deploying"),
        fencedBelow: action.fences
          ? Math.max(state.fencedBelow, action.generation)
          : state.fencedBelow,
      };
    case "serve":
      return {
        ...change(state, action.generation, { told: true }),
        suspended: false,
        rescue: false,
      };
    case "suspend":
      return { ...state, suspended: true };
    case "retire":
      return {
        ...state,
        retirements: state.retirements.filter(
          ({ device, generation }) => device !== action.device || generation !== action.generation,
        ),
      };
    case "dismiss":
      return { ...state, dismissals: state.dismissals.filter((name) => name !== action.device) };
    case "computeFallbacks": {
      const { generation, world } = action;
      return { ...state, fallbacks: [], fallbackBase: { generation, world } };
    }
    case "shutDown":
      return { ...state, announced: true };
  }
}

function step(
  state: CoordinationState,
  { device, generation }: { readonly device: string; readonly generation: number },
  to: Step,
): CoordinationState {
  const found = state.generations.find((other) => other.generation === generation);
  return found === undefined ? state : change(state, generation, withStep(found, device, to));
}
