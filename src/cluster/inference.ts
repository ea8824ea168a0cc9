import type { TensorValues } from "../runtime/runtime.ts";
import type { RequestTimings } from "./data-message.ts";

/** Characters of a request's id. */
export const longestId = 128;

/** The answer to a request. */
export interface Inference {
  /** The number that it has in all logs. */
  readonly request: number;
  readonly outputs: TensorValues;
  readonly timings: RequestTimings;
}

/** A request, before it has a number. */
export interface Question {
  readonly inputs: TensorValues;
  /** The same again is the same request; `null`: it is asked once. */
  readonly id: string | null;
  /** From now on; `null`: as long as it takes. */
  readonly deadlineSeconds: number | null;
}

/** A request as whoever asked it sees it. */
export interface Asked {
  /** Rejects with REQUEST_DEADLINE_EXCEEDED, DEVICE_LOST, RUNTIME_FAILED, CHANNEL_CLOSED. */
  readonly answered: Promise<Inference>;
  /**
   * Nobody waits for this any more: `answered` stays open for ever. The request ends, unless somebody
   * else has asked it under the same id.
   */
  withdraw(): void;
}
