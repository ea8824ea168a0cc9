import { linksFromSource } from "./one-way.ts";
import type { Problem } from "./problem.ts";

/** Devices between which a graph is cut, by position: what runs on the later reads from both. */
export interface DevicePair {
  readonly near: number;
  /** The same device as `near` if there is but one. */
  readonly far: number;
}

/** The devices that can run some node at all; all others only relay. */
export function runnersOf({ devices, seconds }: Problem): number[] {
  return devices.flatMap((_, device) => {
    for (let node = 0; node < seconds.columns; node++) {
      if (seconds.get(device, node) < Number.POSITIVE_INFINITY) return [device];
    }
    return [];
  });
}

/**
 * The pairs, in either order, in which the far device is no nearer to the source than the near one:
 * one pair, or two where both are as far. Empty if more than two devices can run nodes.
 */
export function devicePairs(problem: Problem): DevicePair[] {
  const runners = runnersOf(problem);
  if (runners.length > 2) return [];
  const [one = problem.source, other = one] = runners;
  if (one === other) return [{ near: one, far: one }];
  const distances = linksFromSource(problem);
  const away = (distances[other] as number) - (distances[one] as number);
  const pairs = [];
  if (away >= 0) pairs.push({ near: one, far: other });
  if (away <= 0) pairs.push({ near: other, far: one });
  return pairs;
}

/** Why a planner for two devices cannot answer; `null` if it can. */
export function refusePair(problem: Problem): string | null {
  const runners = runnersOf(problem);
  if (runners.length <= 2) return null;
  const names = runners.map((device) => `'${problem.devices[device]?.name}'`).join(", ");
  return `it divides between two devices that can run nodes, and there are ${runners.length} (${names})`;
}
