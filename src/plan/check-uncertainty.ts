import { CodedError } from "../base/errors.ts";
import { costAt, costLine } from "./cost-line.ts";
import { gapOf } from "./make-plan.ts";
import type { Placement, Problem } from "./problem.ts";
import type { Uncertainty } from "./uncertainty.ts";

/** A figure may differ from what it should be by this much, relative. */
const tolerance = 1e-9;

/**
 * Refuses figures that contradict one another, and a mean that is not what the placement costs in
 * the mean state. Quantiles cannot be checked without the states.
 *
 * @throws PLAN_INVALID
 */
export function checkUncertainty(
  problem: Problem,
  placement: Placement,
  uncertainty: Uncertainty,
): void {
  const { judge, value, bound, gap, mean, quantiles, meanState } = uncertainty;
  const line = costLine(problem, placement);
  const fits =
    meanState.bandwidthBitsPerSecond.length === problem.topology.links.length &&
    meanState.slowDown.length === problem.devices.length;
  if (line === null || !fits) throw invalid("meanState is not one of this topology and objective");
  const expected = costAt(line, meanState);
  if (!isClose(mean, expected)) {
    throw invalid(`mean = ${mean}, but in its mean state the placement costs ${expected}`);
  }
  const figure = judge === "mean" ? mean : quantiles[judge];
  if (figure !== undefined && !isClose(value, figure)) {
    throw invalid(`value = ${value}, but ${judge} = ${figure}`);
  }
  if (bound !== null && bound > value * (1 + tolerance)) {
    throw invalid(`bound = ${bound}, which is above its own value ${value}`);
  }
  const proven = gapOf(value, bound);
  if (gap === proven || (gap !== null && proven !== null && Math.abs(gap - proven) <= tolerance))
    return;
  throw invalid(`gap = ${gap}, but its bound gives ${proven}`);
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.abs(b);
}

function invalid(what: string): CodedError {
  return new CodedError(
    "PLAN_INVALID",
    `the plan's uncertainty says ${what}: it was made from another profile or topology, or edited; plan again`,
  );
}
