import type { AdditiveCosts } from "../../additive.ts";
import type { DevicePair } from "../../device-pair.ts";
import type { Problem } from "../../problem.ts";
import { resourcesOf } from "../../resources.ts";
import type { RowFlow } from "../exact-line.ts";
import type { Best } from "./best.ts";
import { createPairCut } from "./pair-cut.ts";
import { usesOf, weigh } from "./weigh.ts";

const rounds = 30;

/**
 * Cuts that minimise the costs together with a price on what the limits are about: the price rises
 * where the last cut used too much, and falls where it used less than allowed.
 *
 * Nothing is promised: a limit may be kept only by cuts that no prices make the cheapest. But the
 * minimum less the prices of all that is allowed is a floor under every one-way placement that keeps
 * the limits. One minimum cut a round.
 *
 * @param scale what the costs are about, so that prices are of their size
 * @returns the floor; every cut found is offered to `best`
 */
export function* keepLimits(
  problem: Problem,
  { costs, scale, pair, flow }: PricedCosts,
  best: Best,
): Generator<null, number> {
  const resources = resourcesOf(problem);
  // Uses are counted in capacities; of what has none, in units.
  const units = resources.map(({ capacity }) => capacity || 1);
  const allowed = resources.map(({ capacity }) => (capacity === 0 ? 0 : 1));
  const cut = createPairCut(problem, weigh(problem, []), pair, flow);
  let prices = resources.map(() => 0);
  let floor = 0;
  for (let round = 1; round <= rounds; round++) {
    const terms = resources.map(
      (resource, position) =>
        [resource, (prices[position] as number) / (units[position] as number)] as const,
    );
    const found = cut.solve(weigh(problem, [[costs, 1], ...terms]));
    if (found === null) return floor;
    const paid = prices.map((price, position) => price * (allowed[position] as number));
    floor = Math.max(floor, found.bound - paid.reduce((sum, price) => sum + price, 0));
    best.offer(found.placement, "cuts with prices on the limits");
    yield null;
    const uses = usesOf(problem, resources, found.placement);
    if (uses === null) return floor;
    const step = (2 * scale) / round;
    prices = prices.map((price, position) => {
      const used = (uses[position] as number) / (units[position] as number);
      const excess = used - (allowed[position] as number);
      return Math.max(0, price + step * Math.min(1, excess));
    });
  }
  return floor;
}

export interface PricedCosts {
  readonly costs: AdditiveCosts;
  readonly scale: number;
  readonly pair: DevicePair;
  readonly flow: RowFlow;
}
