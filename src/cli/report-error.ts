import { errorTraits, isCoded, messageOf } from "../base/errors.ts";
import { harmless, harmlessJson } from "./harmless.ts";

/** What the user sees of an error, and what the shell is told. */
export interface ErrorReport {
  readonly text: string;
  readonly exitCode: number;
}

/** EX_SOFTWARE of sysexits(3). */
const bugExitCode = 70;

/** The edge of the process: coded errors become one clear line, everything else is a bug. */
export function reportError(error: unknown, json: boolean): ErrorReport {
  if (isCoded(error)) {
    const { code, message, details } = error;
    const text = json
      ? harmlessJson({ error: { code, message, details } })
      : harmless(`error ${code}: ${message}`);
    return { text, exitCode: errorTraits[code].exitCode };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const text = json
    ? harmlessJson({ error: { code: "BUG", message: messageOf(error), details: { stack } } })
    : harmless(`This is a bug in partita; please report it with the lines below.\n${stack}`);
  return { text, exitCode: bugExitCode };
}
