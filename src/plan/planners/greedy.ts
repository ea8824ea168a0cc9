import type { Planner } from "../planner.ts";
import { nearestPaths } from "./kpath/nearest.ts";
import { planParts, refusesParts } from "./kpath/plan-parts.ts";

/**
 * The parts of `kpath`, placed by the best remaining link from every first device; the best of these
 * paths that is allowed. It sees neither compute nor the ways of input and answer. O(devices² · parts)
 * time. Promises nothing.
 *
 * @see Parthasarathy and Krishnamachari, "Partitioning and placement of deep neural networks on
 * distributed edge devices to maximize inference throughput", ITNAC 2022: its baseline, called joint
 * optimisation there
 */
export const greedy: Planner = {
  name: "greedy",
  optimalAmong: null,
  refuses: refusesParts,
  plan: (problem) =>
    planParts(problem, "mended", function* (task) {
      const found = nearestPaths(task);
      yield null;
      return found;
    }),
};
