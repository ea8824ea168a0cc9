import type { Infeasible } from "../feasibility.ts";
import type { Incumbent, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { piecesEffort, planPieces } from "./exact-pieces.ts";
import { unitModel } from "./exact-throughput/model.ts";
import { findStar } from "./exact-throughput/star.ts";
import { minimisePeriod } from "./exact-throughput.ts";

/** With more devices that can run nodes, sets of devices are too many to search. */
const mostRunners = 10;
/** Links looked at for routes between two occasions to stop. */
const linksPerPause = 200_000;

/**
 * The least period with the codecs as they are, by the searches that fit the devices.
 *
 * A star, a hub with devices around it: dynamic programming over ideals and counts of alike devices.
 * Else chains of pieces first: they are found soon, however many devices there are, and are the best
 * of all where no piece can be divided. What they leave open is searched over sets of devices and
 * chains of ideals where there are at most ten devices; with more, a bound for all placements stands
 * beside the best chain.
 */
export function* planPipelines(problem: Problem, tools: Tools): Planning {
  yield* findRoutes(problem);
  const model = unitModel(problem);
  const star = findStar(model);
  if (star?.isExact === true) return yield* minimisePeriod(problem, tools, null);
  const isMany = model.runners.length > mostRunners;
  const found = yield* planPieces(problem, isMany ? piecesEffort.whole : piecesEffort.brief);
  if (isSettled(found) || (isMany && star === null)) return found;
  return yield* minimisePeriod(problem, tools, "type" in found ? null : found);
}

/** Has all routes found, which takes seconds where hundreds of devices are linked to all others. */
function* findRoutes({ hops, devices }: Problem): Generator<null, void> {
  let looked = 0;
  for (const tensor of hops.samples) {
    for (const from of devices.keys()) {
      for (const to of devices.keys()) hops.route(from, to, tensor);
      looked += hops.links.length;
      if (looked < linksPerPause) continue;
      looked = 0;
      yield null;
    }
  }
}

/** Whether the devices are too many for anything but chains of pieces. */
export function isForPieces(problem: Problem): boolean {
  const model = unitModel(problem);
  return model.runners.length > mostRunners && findStar(model) === null;
}

/** Whether a search left nothing open. */
function isSettled(found: Incumbent | Infeasible): boolean {
  if ("type" in found) return found.isProven !== false;
  return found.bound !== null && found.bound >= found.value * (1 - 1e-9);
}
