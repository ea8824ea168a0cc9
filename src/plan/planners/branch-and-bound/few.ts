import type { AdditiveCosts } from "../../additive.ts";
import type { Problem } from "../../problem.ts";
import { chooseOrder } from "../../relaxation.ts";
import { mostDevices, type SearchSpace } from "../../search-space.ts";
import { openSearch } from "./bounds.ts";
import type { Champion } from "./champion.ts";
import { choosePlaces, spaceOnChosen, spaceWithOthers } from "./places.ts";
import { at, searchFrontier } from "./sweep.ts";

/** How many devices are kept apart: more and more, as long as the frontier does not grow too large. */
const attempts = [3, 5, 8, 11];
/** Of the sweeps over the devices kept apart, and over all. */
const ownWidth = 4_000;
const widerWidth = 25_000;

/**
 * Searches the placements on the most promising devices, and bounds all others with the devices that
 * are left out as one place (`spaceWithOthers`).
 *
 * @returns a bound for all placements; yields it while it rises
 */
export function* searchPlaces(
  problem: Problem,
  costs: AdditiveCosts,
  champion: Champion,
  bound: number,
): Generator<number, number> {
  let best = bound;
  for (const most of attempts) {
    const places = choosePlaces(problem, costs, most);
    if (places.chosen.length >= mostDevices) continue;
    yield best;
    const own = spaceOnChosen(problem, costs, places);
    if (own.domains.every((domain) => domain !== 0)) {
      yield* at(best, start(own, champion));
      yield* silence(best, searchFrontier(own, champion, 0, { widest: ownWidth }));
    }
    const wider = spaceWithOthers(problem, costs, places);
    best = Math.max(best, yield* at(best, start(wider, champion)));
    const proven = yield* searchFrontier(wider, champion, best, { widest: widerWidth });
    if (proven === null) break;
    best = Math.max(best, proven);
    if (best >= champion.cutoff || places.others.length === 0) break;
  }
  return Math.min(champion.cutoff, best);
}

/** A cut and what moves make of it. */
function* start(space: SearchSpace, champion: Champion): Generator<null, number> {
  const order = yield* chooseOrder(space);
  return yield* openSearch(space, order, champion);
}

/** Reports another bound instead: these are of a part only. */
function* silence<T>(bound: number, steps: Generator<number, T>): Generator<number, T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield bound;
  }
}
