/**
 * How a plan fares where links and devices change, as it stands in the plan.
 *
 * @module
 */
import { z } from "zod";
import type { State } from "../cost/state.ts";

/** Figures are of the plan's objective, over the states that it was made for. */
export interface Uncertainty {
  /** By what the placement is the best: `mean`, or a quantile such as `p90`. */
  readonly judge: string;
  /** How many different ones. */
  readonly states: number;
  /** What is judged. */
  readonly value: number;
  /** No placement kept in all states has a smaller value; `null`: nothing is proven. */
  readonly bound: number | null;
  readonly gap: number | null;
  readonly mean: number;
  /** The smallest value that, with all smaller ones, has the weight: `p90` for 0.9. */
  readonly quantiles: Readonly<Record<string, number>>;
  readonly worst: number;
  /** The mean of 1 ÷ bandwidth as a bandwidth, and of slow-downs; by position in the topology. */
  readonly meanState: State;
  /**
   * Other plans over the same states: `stated` is made for the topology as it is stated,
   * `meanBandwidth` for the mean of the bandwidths, `adapting` anew in every state.
   */
  readonly compared: Readonly<Record<string, Compared>>;
}

export interface Compared {
  readonly mean: number;
  /** As `value`. */
  readonly judged: number;
  /** What the plan costs in the one state that it is made for. */
  readonly promised?: number;
}

const amount = z.number().nonnegative();

export const uncertaintySchema: z.ZodType<Uncertainty> = z.strictObject({
  judge: z.string(),
  states: z.int().positive(),
  value: amount,
  bound: z.number().nullable(),
  gap: z.number().nullable(),
  mean: amount,
  quantiles: z.record(z.string(), amount),
  worst: amount,
  meanState: z.strictObject({
    bandwidthBitsPerSecond: z.array(z.number().positive()),
    slowDown: z.array(z.number().positive()),
  }),
  compared: z.record(
    z.string(),
    z.strictObject({ mean: amount, judged: amount, promised: amount.exactOptional() }),
  ),
});
