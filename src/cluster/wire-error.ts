import type { ErrorCode, ErrorDetails } from "../base/errors.ts";

/** The form in which an error crosses a channel. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}
