import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./clock.ts";
import { seconds } from "./units.ts";

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => seconds(performance.now() / 1000),
  sleep: async (duration, signal) => {
    await delay(Math.max(0, duration * 1000), undefined, signal === undefined ? {} : { signal });
  },
};
