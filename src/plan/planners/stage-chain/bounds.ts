import type { DeviceClass, StageModel } from "./model.ts";

/** Weights of the loads of devices, by class, such that Σ count · weight = 1. */
export interface WeightedWork {
  readonly weights: readonly number[];
  /** No period is smaller. */
  readonly seconds: number;
}

const rounds = 300;

/**
 * The least period of compute alone, with units cut in any proportions: the largest load is never
 * below a weighted mean of all loads, which is least with every unit where its weighted seconds are
 * fewest. The weights are driven to where the loads of those choices are equal, by multiplication;
 * whatever they are, the bound holds. O(units · classes) time a round.
 */
export function weightedWork(classes: readonly DeviceClass[], units: number): WeightedWork {
  const totals = classes.map(({ seconds }) =>
    seconds.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0),
  );
  let weights = normalised(
    classes,
    // A device that does everything in no time takes all of the weight.
    totals.map((total) => (totals.includes(0) ? Number(total === 0) : 1 / total)),
  );
  let best: WeightedWork = { weights, seconds: 0 };
  for (let round = 0; round < rounds; round++) {
    const { seconds, loads } = cheapest(classes, units, weights);
    if (seconds > best.seconds) best = { weights, seconds };
    if (seconds === 0) break;
    const step = 1 / Math.sqrt(1 + round);
    weights = normalised(
      classes,
      weights.map((weight, one) => {
        const { count } = classes[one] as DeviceClass;
        const load = (loads[one] as number) / count / seconds;
        return weight * Math.exp(step * (Math.min(load, 2) - 1));
      }),
    );
  }
  return best;
}

/** The largest of the bounds that need no search. */
export function simpleBound(model: StageModel, work: WeightedWork): number {
  const { classes, predecessors, constantSeconds } = model;
  let longest = 0;
  for (let unit = 0; unit < predecessors.length; unit++) {
    const least = Math.min(...classes.map(({ seconds }) => seconds[unit] as number));
    if (Number.isFinite(least)) longest = Math.max(longest, least);
  }
  return Math.max(longest, work.seconds, constantSeconds) * (1 - 1e-9);
}

function normalised(classes: readonly DeviceClass[], weights: readonly number[]): number[] {
  const sum = weights.reduce(
    (total, weight, one) => total + weight * (classes[one] as DeviceClass).count,
    0,
  );
  return weights.map((weight) => weight / sum);
}

/** Each unit where its weighted seconds are fewest: their sum, and what that loads each class by. */
function cheapest(
  classes: readonly DeviceClass[],
  units: number,
  weights: readonly number[],
): { seconds: number; loads: number[] } {
  const loads = classes.map(() => 0);
  let seconds = 0;
  for (let unit = 0; unit < units; unit++) {
    let least = Number.POSITIVE_INFINITY;
    let chosen = 0;
    for (let one = 0; one < classes.length; one++) {
      const own = (classes[one] as DeviceClass).seconds[unit] as number;
      const price = Number.isFinite(own) ? own * (weights[one] as number) : own;
      if (price >= least) continue;
      least = price;
      chosen = one;
    }
    if (!Number.isFinite(least)) continue;
    seconds += least;
    (loads[chosen] as number) += (classes[chosen] as DeviceClass).seconds[unit] as number;
  }
  return { seconds, loads };
}
