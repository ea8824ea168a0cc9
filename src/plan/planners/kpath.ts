import type { Planner } from "../planner.ts";
import { matchPaths } from "./kpath/matching.ts";
import { planParts, refusesParts } from "./kpath/plan-parts.ts";

/**
 * Parts of least total transfer below the smallest memory, placed by bandwidth classes and k-paths.
 *
 * Mended: a part is charged for all the memory that it takes, a tensor for its bytes; the largest
 * transfer has a class like the others, and paths of k devices are looked for with k colours. Parts
 * that outnumber the devices, or for which no path is found, are a failure. It sees neither compute
 * nor the ways of input and answer. O(colourings · 2^k · devices²) time for k parts in a run.
 * Promises nothing.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022
 */
export const kpath: Planner = {
  name: "kpath",
  optimalAmong: null,
  refuses: refusesParts,
  plan: (problem, { random }) =>
    planParts(problem, "mended", function* (task) {
      const found = yield* matchPaths(task, random, "mended");
      return found === null ? [] : [found];
    }),
};
