import type { Plan } from "../plan/plan.ts";

/** What is in flight is held in memory somewhere. */
const mostInFlight = 128;

/**
 * So many requests fill a pipeline: those that are on their way anyway, and one that waits at each
 * stage and hop, for what comes early or late. Stages that the same devices run together, and what
 * they exchange over one link, count once: each device and link does one thing at a time.
 */
export function windowOf({
  claimed,
  stages,
  transfers,
}: Pick<Plan, "claimed" | "stages" | "transfers">): number {
  const { latencySeconds, periodSeconds } = claimed;
  const onTheWay = periodSeconds > 0 ? Math.ceil(latencySeconds / periodSeconds) : 1;
  const stops = countOf(stages.map(({ id, tiles, devices }) => (tiles ? devices.join("\n") : id)));
  const hops = countOf(
    transfers.map(({ from, to, rows }, hop) => (rows ? `${from}\n${to}` : `${hop}`)),
  );
  const filled = Math.min(mostInFlight, onTheWay + stops + hops);
  return Math.max(2 * stops + 2, filled);
}

function countOf(names: readonly string[]): number {
  return new Set(names).size;
}
