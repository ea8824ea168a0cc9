/**
 * The state of the world: how fast links and devices are just now.
 *
 * @module
 */
import { bitsPerSecond } from "../base/units.ts";
import type { Topology } from "./topology.ts";

/** By position in the topology. */
export interface State {
  /** Of each link. */
  readonly bandwidthBitsPerSecond: readonly number[];
  /** Of each device: how many times longer its work takes than at its stated speed. */
  readonly slowDown: readonly number[];
}

/** The state that a topology states. */
export function nominalState({ links, devices }: Topology): State {
  return {
    bandwidthBitsPerSecond: links.map((link) => link.bandwidthBitsPerSecond),
    slowDown: devices.map(() => 1),
  };
}

/** The topology as it is in a state. */
export function topologyAt(topology: Topology, state: State): Topology {
  return {
    ...topology,
    devices: topology.devices.map((device, position) => ({
      ...device,
      speed: device.speed / (state.slowDown[position] as number),
    })),
    links: topology.links.map((link, position) => ({
      ...link,
      bandwidthBitsPerSecond: bitsPerSecond(state.bandwidthBitsPerSecond[position] as number),
    })),
  };
}
