import type { Random } from "../../base/random.ts";
import { evaluate } from "../../plan/evaluate.ts";
import type { Problem } from "../../plan/problem.ts";

/** Draws whose mean is the baseline, as in the published experiments. */
export const drawCount = 50;

/** A chain, and which runs of its pieces fit a device. */
export interface DrawnChain {
  readonly pieces: number;
  fits(start: number, end: number): boolean;
}

/**
 * Cuts at random: parts are filled as far as they go, which gives a limit to each cut, and each cut is
 * drawn between its limit and the one before. So later parts may be too full: that is not looked at.
 *
 * @returns where the parts begin; `null`: some piece fits no part
 */
export function drawStarts({ pieces, fits }: DrawnChain, random: Random): number[] | null {
  const limits: number[] = [0];
  for (let start = 0; start < pieces; ) {
    let end = start;
    while (end < pieces && fits(start, end + 1)) end++;
    if (end === start) return null;
    if (end < pieces) limits.push(end);
    start = end;
  }
  return limits.map((limit, part) => {
    const before = limits[part - 1];
    return before === undefined ? 0 : before + 1 + random.integer(limit - before);
  });
}

/**
 * The mean period of random chains that are allowed.
 *
 * @param nodeStarts the first node of each piece
 * @returns `null`: none of the draws is allowed
 */
export function meanOfDraws(
  problem: Problem,
  chain: DrawnChain,
  nodeStarts: readonly number[],
  random: Random,
): number | null {
  const devices = problem.devices.map((_, device) => device);
  const values: number[] = [];
  for (let draw = 0; draw < drawCount; draw++) {
    const starts = drawStarts(chain, random);
    if (starts === null || starts.length > devices.length) continue;
    const order = random.shuffle(devices);
    const placement = problem.index.graph.nodes.map((_, node) => {
      const part = starts.findLastIndex((start) => (nodeStarts[start] as number) <= node);
      return order[part] as number;
    });
    const found = evaluate(problem, placement);
    if (found.type === "feasible") values.push(found.value);
  }
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
