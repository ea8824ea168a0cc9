import type { Planner } from "../planner.ts";
import { matchPaths } from "./kpath/matching.ts";
import { planParts, refusesParts } from "./kpath/plan-parts.ts";

/**
 * `kpath` as its public code counts: a byte a parameter, nodes that belong to no part, a tensor once
 * for each consumer, no class for the largest transfer, more colours than devices. So its parts may
 * need more memory than there is, and then it has no plan.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022, and its public code
 */
export const kpathPublished: Planner = {
  name: "kpath-published",
  optimalAmong: null,
  refuses: refusesParts,
  plan: (problem, { random }) =>
    planParts(problem, "published", function* (task) {
      const found = yield* matchPaths(task, random, "published");
      return found === null ? [] : [found];
    }),
};
