import type { SearchSpace } from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import { buildFrontier } from "./frontier.ts";
import { sweepFrontier } from "./frontier-labels.ts";
import { priceFrontier, withoutDear } from "./frontier-prices.ts";

const firstWidth = 100;
const growth = 5;

export interface SweepOptions {
  /** Width of the last sweep. */
  readonly widest?: number;
  /** What is done for a better champion if the first sweep has not ended the search. */
  readonly between?: () => Generator<unknown, void>;
}

/**
 * Searches through the placements node by node, along the frontier between what is placed and what
 * is not: wider and wider sweeps, until one leaves nothing out.
 *
 * For graphs in which few tensors are alive at a time, such as most neural networks, on a dozen
 * devices at most: otherwise there are too many states.
 *
 * @param bound what is known to be a bound
 * @returns a bound, equal to the champion's cutoff if that is proven; `null` if there are too many
 * states; yields it while it rises
 */
export function* searchFrontier(
  space: SearchSpace,
  champion: Champion,
  bound: number,
  { widest = 65_000, between }: SweepOptions = {},
): Generator<number, number | null> {
  const graph = yield* at(bound, buildFrontier(space, champion.cutoff));
  if (graph === null) return null;
  const { firstState } = graph;
  // No way to the end is below the cutoff.
  if (firstState.at(-1) === firstState.at(-2)) return champion.cutoff;
  let priced = yield* priceFrontier(graph, space, champion, bound);
  let best = Math.min(priced.bound, champion.cutoff);
  for (let width = firstWidth; width <= widest && best < champion.cutoff; width *= growth) {
    priced = yield* at(best, withoutDear(priced, champion.cutoff));
    const sweep = yield* at(best, sweepFrontier(space, priced, champion, width));
    best = Math.min(champion.cutoff, Math.max(best, sweep.bound));
    yield best;
    if (sweep.isComplete) break;
    if (width === firstWidth && best < champion.cutoff && between !== undefined) {
      yield* at(best, between());
    }
  }
  return best;
}

/** Reports a bound each time that there is nothing new. */
export function* at<T>(bound: number, steps: Generator<unknown, T>): Generator<number, T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield bound;
  }
}
