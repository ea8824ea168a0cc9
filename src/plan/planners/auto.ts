import { createRandom } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { rising } from "../rising.ts";
import { exact } from "./exact.ts";

/** Occasions to stop before `exact` counts as a search that takes time. */
const patience = 4;
/** Occasions to stop after which another planner is left. */
const mostSteps = 20;

/**
 * What `--planner auto` runs: `exact`, helped by all other planners that take the problem and are soon
 * done. Where `exact` ends at once it stands alone; else the others go first, so that whoever stops the
 * search early has the best of all, and no planner is ever better than this one.
 *
 * @param others in the order in which they are asked
 */
export function createAuto(others: readonly Planner[]): Planner {
  return {
    name: "auto",
    optimalAmong: "all",
    knowsTiles: true,
    refuses: () => null,
    plan: (problem, tools) => rising(planAll(problem, tools, others)),
  };
}

/**
 * The same planner, but for graphs on which it works too long between two occasions to stop to be
 * asked in passing.
 */
export function upTo(planner: Planner, mostNodes: number): Planner {
  return {
    ...planner,
    refuses: (problem) => {
      const { length } = problem.index.graph.nodes;
      if (length <= mostNodes) return planner.refuses(problem);
      return `it is asked about graphs of up to ${mostNodes} nodes, and there are ${length}`;
    },
  };
}

function* planAll(problem: Problem, tools: Tools, others: readonly Planner[]): Planning {
  const search = exact.plan(problem, tools);
  for (let step = 0; step < patience; step++) {
    const { done, value } = search.next();
    if (done === true) return value;
    yield value;
  }
  for (const other of others) {
    if (other.refuses(problem) === null) yield* askBriefly(other, problem);
  }
  return yield* search;
}

/** What a planner finds in a few steps, without what it promises in a class of its own. */
function* askBriefly(planner: Planner, problem: Problem): Generator<Incumbent | null, void> {
  // Chance of its own, so that `exact` draws the same lots as without the others.
  const steps = planner.plan(problem, { random: createRandom(1) });
  for (let step = 0; step < mostSteps; step++) {
    const { done, value } = steps.next();
    if (value !== null && !isInfeasible(value)) yield asFound(value, planner);
    if (done === true) return;
    yield null;
  }
}

function asFound(found: Incumbent, { name }: Planner): Incumbent {
  const { bestAmong: _, bound: __, method, ...others } = found;
  return { ...others, bound: null, method: method === undefined ? name : `${name}: ${method}` };
}

function isInfeasible(value: Incumbent | Infeasible): value is Infeasible {
  return "type" in value;
}
