import type { Action, CoordinationState, GenerationState, Step } from "./state.ts";

/** What is known once an action has been started. Pure. */
export function perform(state: CoordinationState, action: Action): CoordinationState {
  switch (action.type) {
    case "plan":
      return { ...state, planning: action.world };
    case "offer":
      return withStep(state, action, "offered");
    case "save":
      return change(state, action.generation, { saved: "asked" });
    case "deploy":
      return {
        ...withStep(state, action, "deploying"),
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

function change(
  state: CoordinationState,
  generation: number,
  changed: Partial<GenerationState>,
): CoordinationState {
  return {
    ...state,
    generations: state.generations.map((other) =>
      other.generation === generation ? { ...other, ...changed } : other,
    ),
  };
}

function withStep(
  state: CoordinationState,
  { device, generation }: { readonly device: string; readonly generation: number },
  step: Step,
): CoordinationState {
  return {
    ...state,
    generations: state.generations.map((other) =>
      other.generation === generation
        ? { ...other, steps: { ...other.steps, [device]: step } }
        : other,
    ),
  };
}
