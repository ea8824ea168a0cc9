import { isCoded } from "../../base/errors.ts";

/** An error for people, with what caused it. */
export function describe(error: unknown): string {
  if (error === null) return "in good order";
  if (!isCoded(error)) return String(error instanceof Error ? error.stack : error);
  return `${error.code} ${error.message}`;
}
