import { type AdditiveCosts, additiveCosts } from "../additive.ts";
import { type DevicePair, devicePairs, refusePair } from "../device-pair.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { loadsOf } from "../resources.ts";
import { rising } from "../rising.ts";
import { balance } from "./dads/balance.ts";
import { Best } from "./dads/best.ts";
import { improve } from "./dads/improve.ts";
import { keepLimits } from "./dads/keep-limits.ts";
import { createPairCut } from "./dads/pair-cut.ts";
import { weigh } from "./dads/weigh.ts";
import { tryChainCuts } from "./neurosurgeon.ts";

/**
 * DADS: any graph on two devices, cut so that nothing but the answer comes back.
 *
 * Sums (light load) by one minimum cut: the best one-way placement, if it keeps memory and limits;
 * otherwise the best allowed one of those that `keepLimits` and `neurosurgeon` find. Throughput
 * (heavy load) by `balance`, all cuts of `neurosurgeon`, and moves of single nodes: the best one-way
 * placement where the floor of the weighted sums proves it, otherwise how far it may be above.
 *
 * @see Hu, Bao, Wang and Liu, "Dynamic adaptive DNN surgery for inference acceleration on the edge",
 * INFOCOM 2019
 */
export const dads: Planner = {
  name: "dads",
  optimalAmong: null,
  refuses: refusePair,
  plan: (problem) => {
    const costs = additiveCosts(problem);
    return rising(costs === null ? planHeavy(problem) : planLight(problem, costs));
  },
};

function* planLight(problem: Problem, costs: AdditiveCosts): Planning {
  const pairs = devicePairs(problem);
  const pair = pairs[0] as DevicePair;
  // Where both devices are as far from the source, nothing that passes between them comes back.
  const flow = pairs.length === 2 ? "both" : "up";
  const best = new Best(problem);
  if (pair.near !== pair.far) {
    const cut = createPairCut(problem, costs, pair, flow).solve(costs);
    if (cut !== null) {
      best.floor = cut.bound;
      if (best.offer(cut.placement, "minimum cut")) return bestOneWay(best.incumbent as Incumbent);
      yield null;
    }
  }
  const chain = yield* offerChainCuts(problem, best);
  if (pair.near === pair.far) return "type" in chain ? chain : bestOneWay(chain);
  const scale = Math.max(best.floor, best.incumbent?.value ?? 0) || 1;
  const steps = keepLimits(problem, { costs, scale, pair, flow }, best);
  best.floor = Math.max(best.floor, yield* passing(steps, best));
  for (const each of pairs) yield* passing(improve(problem, each, best.starts, best), best);
  return finished(best) ?? chain;
}

function* planHeavy(problem: Problem): Planning {
  const pairs = devicePairs(problem);
  const best = new Best(problem);
  const chain = yield* offerChainCuts(problem, best);
  const [first] = pairs;
  if (first?.near === first?.far) return "type" in chain ? chain : bestOneWay(chain);
  const floors = [];
  for (const pair of pairs) floors.push(yield* passing(balance(problem, pair, best), best));
  best.floor = Math.min(...floors);
  for (const pair of pairs) {
    if (best.incumbent === null) yield* passing(sumUnderLimits(problem, pair, best), best);
    yield* passing(improve(problem, pair, best.starts, best), best);
  }
  return finished(best) ?? chain;
}

/** Where no cut of the heuristic is allowed: the least sum of all loads with prices on the limits. */
function sumUnderLimits(problem: Problem, pair: DevicePair, best: Best): Generator<null, number> {
  const loads = loadsOf(problem, 1);
  const costs = weigh(
    problem,
    loads.map((load) => [load, 1 / loads.length]),
  );
  return keepLimits(problem, { costs, scale: best.floor, pair, flow: "up" }, best);
}

function* offerChainCuts(problem: Problem, best: Best): Planning {
  const cuts = tryChainCuts(problem);
  for (;;) {
    const step = cuts.next();
    if (step.value !== null && "placement" in step.value) {
      best.offer(step.value.placement, "single cut");
    }
    if (step.done === true) return step.value;
    yield best.incumbent;
  }
}

/** The same steps, each with the best placement so far. */
function* passing<T>(steps: Generator<null, T>, best: Best): Generator<Incumbent | null, T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield best.incumbent;
  }
}

function finished(best: Best): Incumbent | null {
  const { incumbent, floor, isProven } = best;
  if (incumbent === null) return null;
  if (isProven) return bestOneWay(incumbent);
  const above = (incumbent.value / floor - 1) * 100;
  if (!Number.isFinite(above)) return incumbent;
  const method = `${incumbent.method}; at most ${above.toPrecision(2)} % above the best one-way placement`;
  return { ...incumbent, method };
}

function bestOneWay(incumbent: Incumbent): Incumbent {
  return { ...incumbent, bestAmong: "one-way" };
}
