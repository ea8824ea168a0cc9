import { CodedError } from "../base/errors.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { RequestTimings } from "./data-message.ts";

/** Characters of a request's id. */
export const longestId = 128;

/** Whoever takes requests would end the channel, and all requests with it. @throws USAGE_INVALID */
export function checkId(id: string | undefined): void {
  if (id === undefined || (id.length > 0 && id.length <= longestId)) return;
  const message = `the id of a request has ${id.length} characters; give it 1 to ${longestId}`;
  throw new CodedError("USAGE_INVALID", message, { characters: id.length });
}

/** What a client's requests end with when it is closed. */
export function closedError(): CodedError {
  return new CodedError("CHANNEL_CLOSED", "the client was closed");
}

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
