import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { CodedError, messageOf } from "../base/errors.ts";

/** What could not be done, because of the NATS server or the way to it. */
export function unavailable(what: string, cause: unknown): CodedError {
  return new CodedError(
    "ENGINE_UNAVAILABLE",
    `NATS: ${what}: ${messageOf(cause)}; is the server up, with JetStream and room on its disk?`,
    {},
    cause,
  );
}

/** Whether a value was not replaced because somebody else had done so before. */
export function isOvertaken(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
      error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}

/** Whether a stream is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}
