import { CodedError } from "../../base/errors.ts";
import type { StateSet } from "./state-set.ts";

/** By what a plan is judged over states of the world: their mean, or a quantile such as 0.9. */
export type Judge = "mean" | number;

/** The figure that is judged. */
export function judgedCost(set: StateSet, costs: Float64Array, judge: Judge): number {
  return judge === "mean" ? set.average(costs) : set.quantile(costs, judge);
}

/**
 * Reads `mean` or a quantile such as `p90`.
 *
 * @throws USAGE_INVALID
 */
export function parseJudge(text: string): Judge {
  if (text === "mean") return "mean";
  const percent = Number(/^p(\d{1,2}(?:\.\d+)?)$/.exec(text)?.[1]);
  if (percent > 0) return percent / 100;
  throw new CodedError(
    "USAGE_INVALID",
    `--judge wants mean, or a quantile such as p90 (p50, p99.9, …), not "${text}"`,
  );
}

/** The inverse of `parseJudge`. */
export function formatJudge(judge: Judge): string {
  return judge === "mean" ? judge : `p${Number((judge * 100).toPrecision(12))}`;
}
