import { type BitsPerSecond, joulesPerBit, type Seconds, seconds, watts } from "../base/units.ts";
import type { Device, Link } from "./topology.ts";

/** A device of the profile's speed, without limits, that draws no power, but for what is given. */
export function plainDevice({
  name,
  tier = "device",
  speed = 1,
  ...others
}: Partial<Device> & Pick<Device, "name">): Device {
  return {
    name,
    tier,
    speed,
    memoryBytes: null,
    busyWatts: watts(0),
    idleWatts: watts(0),
    communication: "overlapped",
    ...others,
  };
}

/** A link of one way, by itself, that draws no power. */
export function plainLink(
  from: string,
  to: string,
  bandwidthBitsPerSecond: BitsPerSecond,
  latencySeconds: Seconds = seconds(0),
): Link {
  return {
    from,
    to,
    bandwidthBitsPerSecond,
    latencySeconds,
    energyJoulesPerBit: joulesPerBit(0),
  };
}

/** Two such links, there and back. */
export function plainLinks(
  a: string,
  b: string,
  bandwidthBitsPerSecond: BitsPerSecond,
  latencySeconds: Seconds = seconds(0),
): Link[] {
  return [
    plainLink(a, b, bandwidthBitsPerSecond, latencySeconds),
    plainLink(b, a, bandwidthBitsPerSecond, latencySeconds),
  ];
}
