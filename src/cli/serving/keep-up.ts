/**
 * Plans of a model whose rate was stated.
 *
 * @module
 */
import type { Replan } from "../../cluster/coordinator-options.ts";
import { periodOfRequest } from "../../plan/batch.ts";
import type { Plan } from "../../plan/plan.ts";
import { mostShare } from "../../plan/several.ts";

/** The longest period in seconds of a plan that keeps up: it takes no more of a device than it may. */
export function periodAt(requestsPerSecond: number): number {
  return mostShare / requestsPerSecond;
}

export function keepsUp(plan: Plan, requestsPerSecond: number): boolean {
  return periodOfRequest(plan) <= periodAt(requestsPerSecond);
}

/**
 * The fastest plan, or, where that does not keep up with a rate, the fastest that does. Where none
 * does the fastest stands: it answers some.
 *
 * @param steady plans within a period
 */
export function keepUp(fastest: Replan, steady: Replan, requestsPerSecond: number): Replan {
  return async (left, signal) => {
    const plan = await fastest(left, signal);
    if ("infeasible" in plan || keepsUp(plan, requestsPerSecond)) return plan;
    const steadier = await steady(left, signal);
    return "infeasible" in steadier ? plan : steadier;
  };
}

/** A plan whose limits say that it keeps up: whatever takes its place must, too. */
export function heldTo(plan: Plan, requestsPerSecond: number): Plan {
  const { limits, batch } = plan;
  const longest = periodAt(requestsPerSecond) * (batch?.most ?? 1);
  const periodSeconds = Math.min(limits.periodSeconds ?? longest, longest);
  return { ...plan, limits: { ...limits, periodSeconds } };
}
