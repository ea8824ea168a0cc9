import { createRandom } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { countRunners, exactGroups, mostGrouped } from "./exact-groups.ts";
import { boundTiled } from "./exact-tiles/bound.ts";
import { pso } from "./pso.ts";

/** Whether several devices may run a stage together, and there are such devices and nodes. */
export function hasTiles(problem: Problem): boolean {
  return (
    problem.limits.tiles === true &&
    problem.index.graph.nodes.some(({ window }) => window !== undefined) &&
    countRunners(problem) > 1
  );
}

/**
 * Plans where stages may be shared by rows: the better of the best plan without sharing and, for the
 * throughput, the best pipeline of ordered groups of devices, all of them tried for up to six devices,
 * a swarm above. What is proven without sharing does not hold with it, so that the bound is one for
 * all ways to share, and optimal is only what meets it. For sums no shared stages are looked for.
 *
 * @param minimise the search without sharing
 */
export function* planWithTiles(
  problem: Problem,
  tools: Tools,
  minimise: Planner["plan"],
): Planning {
  const bound = boundTiled(problem);
  const untiled: Problem = { ...problem, limits: { ...problem.limits, tiles: false } };
  const searches = [minimise(untiled, tools)];
  if (problem.objective.type === "throughput") {
    const groups = countRunners(problem) > mostGrouped ? pso : exactGroups;
    // Lots of its own, so that both searches find what they would find alone.
    searches.push(groups.plan(problem, { ...tools, random: createRandom(1) }));
  }
  let best: Incumbent | null = null;
  let refused: Infeasible | null = null;
  for (const value of inTurns(searches)) {
    if (value !== null && "type" in value) refused = value;
    else if (value !== null && value.value < (best?.value ?? Number.POSITIVE_INFINITY)) {
      const { bestAmong: _, ...found } = value;
      best = { ...found, bound: Math.min(bound, value.value) };
    }
    if (best !== null && meets(best, bound)) return best;
    yield best;
  }
  return best ?? unproven(refused as Infeasible);
}

/** What searches find and end with, a step of each in turn: whoever stops early has something of all. */
function* inTurns(searches: readonly Planning[]): Generator<Incumbent | Infeasible | null, void> {
  let open = searches;
  while (open.length > 0) {
    const next: Planning[] = [];
    for (const search of open) {
      const { done, value } = search.next();
      if (done !== true) next.push(search);
      yield value;
    }
    open = next;
  }
}

function meets(best: Incumbent, bound: number): boolean {
  return bound >= best.value * (1 - 1e-9);
}

/** Whoever shares a stage needs less memory. */
function unproven(refused: Infeasible): Infeasible {
  const reason = `${refused.reason}; no proof, since stages may be shared by rows and not all ways to do so were tried`;
  return { ...refused, reason, isProven: false };
}
