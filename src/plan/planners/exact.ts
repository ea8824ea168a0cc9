import { type AdditiveCosts, additiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { findLine } from "../line.ts";
import type { Planner, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { mostDevices } from "../search-space.ts";
import { branchAndBound } from "./branch-and-bound.ts";
import { planWithCodecs } from "./exact-codecs.ts";
import { cutLine } from "./exact-line.ts";
import { exactThroughput } from "./exact-throughput.ts";

/**
 * The best of all placements, with a proof, or a bound on how much better one could be.
 *
 * Additive objectives: one minimum cut where the devices stand in a row and the best placement
 * there keeps memory and limits; else branch and bound with that cut as its bound. Throughput: search
 * over chains of ideals.
 */
export const exact: Planner = {
  name: "exact",
  optimalAmong: "all",
  refuses: (problem) => {
    if (problem.objective.type === "throughput") return exactThroughput.refuses(problem);
    if (problem.devices.length <= mostDevices || findLine(problem) !== null) return null;
    return `${problem.devices.length} devices that are no line are more than ${mostDevices}`;
  },
  *plan(problem, tools) {
    const costs = additiveCosts(problem);
    if (costs === null) return yield* planWithCodecs(problem, tools, exactThroughput.plan);
    return yield* planAdditive(problem, costs);
  },
};

function* planAdditive(problem: Problem, costs: AdditiveCosts): Planning {
  const line = findLine(problem);
  const cut = line === null ? null : cutLine(problem, line, costs);
  if (cut !== null) {
    const found = evaluate(problem, cut.placement);
    if (found.type === "feasible") {
      const { value } = found;
      const best = { placement: cut.placement, value, bound: Math.min(cut.bound, value) };
      yield best;
      return best;
    }
  }
  return yield* branchAndBound(problem, costs);
}
