import { type AdditiveCosts, additiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { findLine } from "../line.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { branchAndBound } from "./branch-and-bound.ts";
import { planWithCodecs } from "./exact-codecs.ts";
import { cutLine } from "./exact-line.ts";
import { planPipelines } from "./exact-pipelines.ts";
import { findSingle } from "./single.ts";

/**
 * The best of all placements, with a proof, or a bound on how much better one could be.
 *
 * | objective | devices | algorithm |
 * |---|---|---|
 * | additive | in a row, and the best placement there keeps memory and limits | one minimum cut |
 * | additive | any | `branchAndBound`, with that cut as one of its bounds |
 * | throughput | any | `planPipelines`, within `planWithCodecs` where hops may be coded |
 */
export const exact: Planner = {
  name: "exact",
  optimalAmong: "all",
  refuses: () => null,
  *plan(problem, tools) {
    const costs = additiveCosts(problem);
    if (costs === null) return yield* planWithCodecs(problem, tools, planPipelines);
    return yield* planAdditive(problem, costs, tools);
  },
};

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
  const search = branchAndBound(problem, costs, solver === undefined ? {} : { solver });
  const single = findSingle(problem);
  if ("type" in single) return yield* search;
  return yield* improveOn({ ...single, bound: 0, method: "one device" }, search);
}

/** A search that starts with a placement, so that whoever stops it early has at least that one. */
function* improveOn(first: Incumbent, search: Planning): Planning {
  yield first;
  for (;;) {
    const { done, value } = search.next();
    if (done === true) return "type" in value ? first : better(first, value);
    yield value === null ? null : better(first, value);
  }
}

/** The better placement, with the bound of the later one. */
function better(first: Incumbent, later: Incumbent): Incumbent {
  if (later.value <= first.value) return later;
  return { ...first, bound: Math.min(first.value, later.bound ?? 0) };
}
