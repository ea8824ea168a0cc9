import { pairedRatios } from "../k-path/ratios.ts";
import { type GroupCell, reference } from "./group-cells.ts";

/** Differences up to this, relative, are none. */
const equality = 1e-9;

/** How often one method's period is shorter than another's, equal, or longer. */
export interface Outcomes {
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
}

/** Of the best of all methods against another, over the draws of some cells. */
export function outcomesAgainst(cells: readonly GroupCell[], method: string): Outcomes {
  const ratios = ratiosOf(cells, method);
  const wins = ratios.filter((ratio) => ratio > 1 + equality).length;
  const losses = ratios.filter((ratio) => ratio < 1 - equality).length;
  return { wins, ties: ratios.length - wins - losses, losses };
}

/** A method's periods ÷ those of another. */
export function ratiosOf(
  cells: readonly GroupCell[],
  method: string,
  base: string = reference,
): number[] {
  return cells.flatMap(({ periods }) => pairedRatios(periods[method] ?? [], periods[base] ?? []));
}
