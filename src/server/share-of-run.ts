import type { RequestTimings } from "../cluster/data-message.ts";

/** How much of a run of the model a request was: of those that went through as one, each is a part. */
export function shareOfRun({ joined }: RequestTimings): number {
  return 1 / (joined?.requests ?? 1);
}
