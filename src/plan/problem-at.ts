import type { Hops } from "../cost/hops.ts";
import { type State, topologyAt } from "../cost/state.ts";
import { createProblem, type Problem } from "./problem.ts";

/**
 * The problem in a state of the world, with the routes and codecs of the problem itself: what a
 * plan that is made once and then kept costs there.
 */
export function problemAt(problem: Problem, state: State): Problem {
  const { profile, topology, objective, limits } = problem;
  const changed = createProblem(profile, topologyAt(topology, state), objective, limits);
  const keepRoutes = (hops: Hops): Hops => ({
    ...hops,
    route: problem.hops.route,
    withCodecs: (choice) => keepRoutes(hops.withCodecs(choice)),
  });
  const hops = changed.hops.withCodecs((link, tensor) => problem.hops.codec(link, tensor));
  return { ...changed, hops: keepRoutes(hops) };
}
