import { quantiles } from "../../dist/sim/quantiles.js";

/** By nearest rank, as the simulator's. */
export function quantile(values: ArrayLike<number>, part: number): number {
  return quantiles(Float64Array.from(values), [part])[0] ?? Number.NaN;
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
