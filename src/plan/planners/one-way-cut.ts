import type { AdditiveCosts } from "../additive.ts";
import type { Line } from "../line.ts";
import { fromSource } from "../one-way.ts";
import type { Problem } from "../problem.ts";
import { createRowCut, type LineCut, lineCosts } from "./exact-line.ts";

/**
 * Places every node at least cost where nothing that a node makes comes back towards the source but
 * the answer; memory and limits left aside.
 *
 * One minimum cut, as `cutLine`, with one more infinite arc per boundary for each dependency. To
 * forbid the way back by infinite prices on it would forbid the answer's as well, and to leave it out
 * would make it free, which is the well-known error of re-implementations. To cut often for many
 * costs: `createRowCut` with flow `up`.
 *
 * @param line with the source at one of its ends
 * @returns `null` if every such placement costs `Infinity`, or the source is at neither end
 * @see Hu, Bao, Wang and Liu, "Dynamic adaptive DNN surgery for inference acceleration on the edge",
 * INFOCOM 2019
 */
export function cutLineOneWay(problem: Problem, line: Line, costs: AdditiveCosts): LineCut | null {
  const away = fromSource(line, problem);
  if (away === null) return null;
  const boundaries = lineCosts(away, costs);
  return createRowCut(problem, boundaries, "up").solve(boundaries);
}
