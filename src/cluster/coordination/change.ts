/**
 * States with one thing changed. Pure.
 *
 * @module
 */
import type { CoordinationState, DeviceState, GenerationState, Step } from "./state.ts";

export function withDevice(
  state: CoordinationState,
  name: string,
  changed: Partial<DeviceState>,
): CoordinationState {
  const device = state.devices[name];
  if (device === undefined) return state;
  return { ...state, devices: { ...state.devices, [name]: { ...device, ...changed } } };
}

export function change(
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

export function withStep(generation: GenerationState, device: string, to: Step): GenerationState {
  return { ...generation, steps: { ...generation.steps, [device]: to } };
}
