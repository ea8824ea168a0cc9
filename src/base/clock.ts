/**
 * Time as a parameter: what can be replayed can be tested.
 *
 * @module
 */
import type { Seconds } from "./units.ts";

export interface Clock {
  /** Monotonic; only differences mean anything. */
  now(): Seconds;
  /** Resolves after `duration`; rejects with the signal's reason when aborted. */
  sleep(duration: Seconds, signal?: AbortSignal): Promise<void>;
}
