import type { Plan } from "../plan/plan.ts";

/** What is in flight is held in memory somewhere. */
const mostInFlight = 128;

/**
 * So many requests fill a pipeline: those that are on their way anyway, and one that waits at each
 * stage and hop, for what comes early or late.
 */
export function windowOf({
  claimed,
  stages,
  transfers,
}: Pick<Plan, "claimed" | "stages" | "transfers">): number {
  const { latencySeconds, periodSeconds } = claimed;
  const onTheWay = periodSeconds > 0 ? Math.ceil(latencySeconds / periodSeconds) : 1;
  const filled = Math.min(mostInFlight, onTheWay + stages.length + transfers.length);
  return Math.max(2 * stages.length + 2, filled);
}
