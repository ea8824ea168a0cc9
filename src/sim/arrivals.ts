import type { Random } from "../base/random.ts";

/** When requests come. */
export type Arrivals =
  /** So many are in the system at all times: the next enters when one is answered. */
  | { readonly type: "closed"; readonly inFlight: number }
  /** Independent of one another, so many a second on average. */
  | { readonly type: "poisson"; readonly perSecond: number; readonly random: Random }
  /** So many a second, one like the other; the first at 0. */
  | { readonly type: "steady"; readonly perSecond: number }
  /** At these seconds, ascending. */
  | { readonly type: "listed"; readonly seconds: ArrayLike<number> };

/** The seconds at which requests come that wait for no answer; `Infinity`: no more come. */
export function arrivalTimes(arrivals: Arrivals, requests: number): () => number {
  let count = 0;
  let now = 0;
  return () => {
    if (count === requests) return Number.POSITIVE_INFINITY;
    switch (arrivals.type) {
      case "closed":
        return count++ < arrivals.inFlight ? 0 : Number.POSITIVE_INFINITY;
      case "poisson":
        count++;
        // 1 − u is never 0.
        now -= Math.log(1 - arrivals.random.next()) / arrivals.perSecond;
        return now;
      case "steady":
        return count++ / arrivals.perSecond;
      case "listed":
        return arrivals.seconds[count++] ?? Number.POSITIVE_INFINITY;
      default: {
        const none: never = arrivals;
        return none;
      }
    }
  };
}
