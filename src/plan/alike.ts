import type { Link } from "../cost/topology.ts";
import type { Problem } from "./problem.ts";

const deviceFields = ["speed", "memoryBytes", "busyWatts", "idleWatts", "communication"] as const;
const linkFields = [
  "bandwidthBitsPerSecond",
  "latencySeconds",
  "energyJoulesPerBit",
  "medium",
] as const;

/** Whether two devices cost the same, whatever they are linked to; source and sink are like none. */
export function areDevicesAlike(
  { devices, kinds, source, sink }: Problem,
  a: number,
  b: number,
): boolean {
  if ([source, sink].some((device) => device === a || device === b)) return false;
  const [first, second] = [devices[a], devices[b]];
  if (kinds[a] !== kinds[b] || first === undefined || second === undefined) return false;
  return deviceFields.every((field) => first[field] === second[field]);
}

/** Whether two links cost the same, whatever they join; none is like none. */
export function areLinksAlike(first: Link | undefined, second: Link | undefined): boolean {
  if (first === undefined || second === undefined) return first === second;
  return linkFields.every((field) => first[field] === second[field]);
}
