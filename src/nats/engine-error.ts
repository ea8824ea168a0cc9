import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { CodedError, isCoded, messageOf } from "../base/errors.ts";

/** By which a server says that the room of an account, its own, or that of its memory or disk is used up. */
const fullCodes: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047]);
/** That it could not store something; its text says why. */
const notStored = 10077;
/** That a message is not there: none of that number, none at all, and, by its text, none that could be deleted. */
const goneCodes: ReadonlySet<number> = new Set([10043, JetStreamApiCodes.NoMessageFound]);
const notDeleted = 10057;

/**
 * What could not be done, because the NATS server has no room (ENGINE_FULL), or because of it or the
 * way to it (ENGINE_UNAVAILABLE). What has a code has said so already.
 */
export function engineError(what: string, cause: unknown): CodedError {
  if (isCoded(cause)) return cause;
  const said = `NATS: ${what}: ${messageOf(cause)}`;
  if (isFull(cause)) {
    const message = `${said}; make room on its disk, or raise the limit of the stream or the account, and ask again`;
    return new CodedError("ENGINE_FULL", message, {}, cause);
  }
  const message = `${said}; is the server up, with JetStream?`;
  return new CodedError("ENGINE_UNAVAILABLE", message, {}, cause);
}

function isFull(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  if (error.code !== notStored) return fullCodes.has(error.code);
  return /exceeded|no space/.test(error.message);
}

/** Whether the server has said no: what was asked of it has not happened. */
export function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError;
}

/** Whether a message was not there to be deleted. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  if (error.code !== notDeleted) return goneCodes.has(error.code);
  return /no message found|EOF/.test(error.message);
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
