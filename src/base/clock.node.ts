import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./clock.ts";
import { seconds } from "./units.ts";

/** What is longer than this is no delay at all to Node: 2^31 - 1 ms. */
const longestDelay = 2 ** 31 - 1;

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => seconds(performance.now() / 1000),
  sleep: async (duration, signal) => {
    const options = signal === undefined ? {} : { signal };
    let left = Math.max(0, duration * 1000);
    do {
      await delay(Math.min(left, longestDelay), undefined, options);
      left -= longestDelay;
    } while (left > 0);
  },
};
