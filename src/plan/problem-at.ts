import type { Hops } from "../cost/hops.ts";
import { type State, topologyAt } from "../cost/state.ts";
import { createProblem, type Problem } from "./problem.ts";

/**
 * The problem in a state of the world, with the routes and codecs of the problem itself: what a
 * plan that is made once and then kept costs there.
 */
export function problemAt(problem: Problem, state: State): Problem {
  const { hops } = problem;
  return keepingRoutes(problem, state, (changed) =>
    changed.withCodecs((link, tensor) => hops.codec(link, tensor)),
  );
}

/**
 * The problem in a state of the world, with the routes of the problem itself, and the codecs that are
 * the best ones there: what is to be planned when a plan may change, and routes do not.
 */
export function recodedAt(problem: Problem, state: State): Problem {
  return keepingRoutes(problem, state, (changed) => changed);
}

function keepingRoutes(problem: Problem, state: State, code: (changed: Hops) => Hops): Problem {
  const { profile, topology, objective, limits } = problem;
  const changed = createProblem(profile, topologyAt(topology, state), objective, limits);
  const keep = (hops: Hops): Hops => ({
    ...hops,
    route: problem.hops.route,
    withCodecs: (choice) => keep(hops.withCodecs(choice)),
  });
  return { ...changed, hops: keep(code(changed.hops)) };
}
