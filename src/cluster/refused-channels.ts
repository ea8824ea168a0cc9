import { CodedError } from "../base/errors.ts";
import { coded } from "./protocol.ts";

/**
 * Of channels that could not be opened: one that is only closed may open later, any other may not.
 *
 * @throws one error that tells them all, if there is one that may not; under its code
 */
export function requireOnlyClosed(failures: readonly unknown[]): void {
  const all = failures.map(coded);
  const refusal = all.find(({ code }) => code !== "CHANNEL_CLOSED");
  if (refusal === undefined) return;
  if (all.length === 1) throw refusal;
  const messages = [refusal, ...all].map(({ message }) => message);
  const told = [...new Set(messages)].join("; and ");
  throw new CodedError(refusal.code, told, refusal.details, new AggregateError(all));
}
