import type { MatchingTask } from "./matching.ts";

/**
 * From every device the best link to one that is not used yet, again and again: the placements, that
 * with the least time on its slowest link first. O(devices · parts · devices) time.
 *
 * @see Parthasarathy and Krishnamachari, ITNAC 2022, where it is called joint optimisation
 */
export function nearestPaths({ sizes, rates, devices, members }: MatchingTask): number[][] {
  const found = members.flatMap((start) => {
    const path = [start];
    let slowest = 0;
    for (const size of sizes) {
      const from = path.at(-1) as number;
      let next: number | undefined;
      let best = 0;
      for (const device of members) {
        const rate = rates[from * devices + device] as number;
        if (rate <= best || path.includes(device)) continue;
        next = device;
        best = rate;
      }
      if (next === undefined) return [];
      path.push(next);
      slowest = Math.max(slowest, size / best);
    }
    return [{ path, slowest }];
  });
  return found.sort((a, b) => a.slowest - b.slowest).map(({ path }) => path);
}
