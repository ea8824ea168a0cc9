import type { Observation } from "./observation.ts";

/** Which part of the time each device works, of late. */
export interface Utilisation {
  /** Until when it was counted; `null`: not yet. */
  readonly until: number | null;
  /** By device: seconds of work for each second, less for what is long ago. */
  readonly work: readonly number[];
  /** Of the time that was counted, as much as work of all of it would come to: up to 1. */
  readonly weight: number;
}

/** Requests may come once a second or less. */
const halfLifeSeconds = 5;

/** Nothing was counted yet. */
export function noUtilisation(devices: number): Utilisation {
  return { until: null, work: Array.from({ length: devices }, () => 0), weight: 0 };
}

/** Adds what was seen since the last time. O(devices). */
export function countWork(known: Utilisation, { devices }: Observation, now: number): Utilisation {
  const passed = now - (known.until ?? now);
  if (!(passed > 0)) return { ...known, until: now };
  const kept = 2 ** (-passed / halfLifeSeconds);
  const seen = known.work.map(() => 0);
  for (const { device, busySeconds } of devices) {
    seen[device] = (seen[device] ?? 0) + busySeconds / passed;
  }
  return {
    until: now,
    work: known.work.map((work, device) => kept * work + (1 - kept) * (seen[device] as number)),
    weight: kept * known.weight + (1 - kept),
  };
}

/** Leaves out the time since the last count. */
export function skipWork(known: Utilisation, now: number): Utilisation {
  return { ...known, until: now };
}

/** From 0 to 1; 0: it does not work, or nothing is known. */
export function utilisationOf({ work, weight }: Utilisation, device: number): number {
  return weight > 0 ? Math.min(1, (work[device] ?? 0) / weight) : 0;
}
