import { isCoded } from "../../base/errors.ts";

/** Whether the other side has refused a channel because its own is about to stand. */
export function isCrossing(error: unknown): boolean {
  return isCoded(error) && error.details["turn"] !== undefined;
}
