import { usage } from "./command.ts";

/**
 * Requests a second, as `10/s`.
 *
 * @param where for messages
 * @throws USAGE_INVALID
 */
export function readRate(written: string, where: string): number {
  const perSecond = Number(/^\s*(\S+?)\s*\/\s*s$/.exec(written)?.[1] ?? Number.NaN);
  if (perSecond > 0 && Number.isFinite(perSecond)) return perSecond;
  throw usage(`${where} wants a rate above 0 such as 10/s, not "${written}"`);
}
