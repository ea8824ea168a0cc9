import type { Option } from "../command.ts";
import { rateOption } from "../models.ts";
import { planningOptions, tilesOption } from "../planning.ts";
import { profilingOptions } from "../profiles.ts";
import { joiningOptions } from "./named-models.ts";

const { maxBatch: _most, maxWait: _wait, ...planning } = planningOptions;
const { batch: _batch, ...profiling } = profilingOptions;

/** How models are planned and measured that are served: requests are joined as is said for each. */
export const servingOptions: Omit<typeof planningOptions, "maxBatch" | "maxWait"> &
  Omit<typeof profilingOptions, "batch"> &
  typeof joiningOptions & { readonly rate: typeof rateOption; readonly tiles: Option<boolean> } = {
  rate: rateOption,
  ...joiningOptions,
  ...planning,
  tiles: tilesOption,
  ...profiling,
};
