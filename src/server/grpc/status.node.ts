import { status } from "@grpc/grpc-js";
import { errorTraits, isCoded } from "../../base/errors.ts";
import { said } from "./inference-methods.ts";

export interface CallStatus {
  readonly code: status;
  readonly details: string;
}

/** It travels in a header, escaped to up to nine times its length, and clients take 8 KiB of those. */
const longestDetails = 800;

/** What a call ends with; bugs are INTERNAL. */
export function statusOf(error: unknown): CallStatus {
  const name = isCoded(error) ? errorTraits[error.code].grpcStatus : "INTERNAL";
  return { code: status[name as keyof typeof status], details: details(said(error)) };
}

/** Cut to length; halves of characters, which cannot be escaped, are replaced. */
function details(text: string): string {
  return Buffer.from(text.slice(0, longestDetails)).toString();
}
