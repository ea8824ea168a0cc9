import { type AdditiveCosts, additiveCosts } from "../additive.ts";
import { leavesCodecsOpen } from "../codecs.ts";
import { evaluate } from "../evaluate.ts";
import { findLine } from "../line.ts";
import type { Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { rising } from "../rising.ts";
import { branchAndBound } from "./branch-and-bound.ts";
import { planWithCodecs } from "./exact-codecs.ts";
import { planUnderLimits } from "./exact-limits.ts";
import { cutLine } from "./exact-line.ts";
import { planPipelines } from "./exact-pipelines.ts";
import { hasTiles, planWithTiles } from "./exact-tiles.ts";
import { trySingles } from "./single.ts";

/**
 * The best of all placements, with a proof, or a bound on how much better one could be.
 *
 * | objective | devices | algorithm |
 * |---|---|---|
 * | additive | in a row, and the best placement there keeps memory and limits | one minimum cut |
 * | additive | any | `branchAndBound`, with that cut as one of its bounds |
 * | additive, limits, codecs | any | `planUnderLimits` around either |
 * | throughput | any | `planPipelines`, within `planWithCodecs` where hops may be coded |
 *
 * Where several devices may share a stage, `planWithTiles` around all of these: then the answer comes
 * with a bound, and is the best of all only where it meets that.
 */
export const exact: Planner = {
  name: "exact",
  optimalAmong: "all",
  knowsTiles: true,
  refuses: () => null,
  plan: (problem, tools) =>
    rising(
      hasTiles(problem) ? planWithTiles(problem, tools, planAlone) : planAlone(problem, tools),
    ),
};

/** With every stage on one device. */
function planAlone(problem: Problem, tools: Tools): Planning {
  const costs = additiveCosts(problem);
  if (costs === null) return planWithCodecs(problem, tools, planPipelines);
  const minimise = (among: Problem): Planning => planAdditive(among, costs, tools);
  return leavesCodecsOpen(problem) ? planUnderLimits(problem, minimise) : minimise(problem);
}

function* planAdditive(problem: Problem, costs: AdditiveCosts, { solver }: Tools): Planning {
  const line = findLine(problem);
  const cut = line === null ? null : cutLine(problem, line, costs);
  if (cut !== null) {
    const found = evaluate(problem, cut.placement);
    if (found.type === "feasible") {
      const { value } = found;
      const bound = Math.min(cut.bound, value);
      const best = { placement: cut.placement, value, bound, method: "minimum cut" };
      yield best;
      return best;
    }
  }
  const single = yield* trySingles(problem);
  // Whoever stops the search early has at least this one.
  if ("value" in single) {
    const bound = Math.min(cut?.bound ?? 0, single.value);
    yield { ...single, bound, method: "one device" };
  }
  return yield* branchAndBound(problem, costs, solver === undefined ? {} : { solver });
}
