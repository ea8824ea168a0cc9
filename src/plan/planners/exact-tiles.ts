import { createRandom } from "../../base/random.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning, Tools } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { countRunners, exactGroups, mostGrouped } from "./exact-groups.ts";
import { boundTiled } from "./exact-tiles/bound.ts";
import { planSharedChains, type SharedChain } from "./exact-tiles/shared-chains.ts";
import { isShortOfMemory } from "./exact-tiles/short-memory.ts";
import { pso } from "./pso.ts";

/** Whether stages may run by tiles, and there are nodes for it and several devices, or one with little memory. */
export function hasTiles(problem: Problem): boolean {
  return (
    problem.limits.tiles === true &&
    problem.index.graph.nodes.some(({ window }) => window !== undefined) &&
    (countRunners(problem) > 1 || isAnyShort(problem))
  );
}

function isAnyShort(problem: Problem): boolean {
  return problem.devices.some((_, device) => isShortOfMemory(problem, device));
}

/**
 * Plans where stages may be shared by rows: the better of the best plan without sharing and of
 *
 * - for the throughput the best pipeline of ordered groups of devices, all of them tried for up to six
 *   devices, a swarm above;
 * - for the latency and other sums the best chain of shared stages that `planSharedChains` finds, and
 *   for the throughput, too, where nothing else has the memory, for there a device may run its tiles in
 *   turn.
 *
 * What is proven without sharing does not hold with it, so that the bound is one for all ways to share,
 * and optimal is only what meets it. Where all chains of shared stages were tried, and nothing better
 * without sharing is left open, the answer is the best of them and of all placements without sharing.
 *
 * @param minimise the search without sharing
 */
export function* planWithTiles(
  problem: Problem,
  tools: Tools,
  minimise: Planner["plan"],
): Planning {
  const bound = boundTiled(problem);
  let best: Incumbent | null = null;
  let refused: Infeasible | null = null;
  let isBestChain = false;
  let unshared = 0;
  const rounds: readonly (() => readonly Search[])[] = [
    () => searchesOf(problem, tools, minimise),
    () => (best === null ? lastResort(problem) : []),
  ];
  for (const value of inRounds(rounds)) {
    unshared = Math.max(unshared, boundUnshared(value));
    if (value !== null && "type" in value) refused ??= value;
    else if (value !== null) {
      if ("isComplete" in value) isBestChain ||= value.isComplete;
      if (value.value < (best?.value ?? Number.POSITIVE_INFINITY)) best = sharedBound(value, bound);
    }
    if (best !== null && meets(best, bound)) return best;
    yield best;
  }
  if (best === null) return unproven(refused as Infeasible, bound);
  return isBestChain && meets(best, unshared) ? { ...best, bestAmong: "shared-chains" } : best;
}

/** What no placement without sharing beats, by a result of a search. */
function boundUnshared(value: Incumbent | SharedChain | Infeasible | null): number {
  if (value === null || "isComplete" in value) return 0;
  if ("type" in value) return value.isProven === false ? 0 : Number.POSITIVE_INFINITY;
  return value.bound ?? 0;
}

function searchesOf(problem: Problem, tools: Tools, minimise: Planner["plan"]): Search[] {
  const untiled: Problem = { ...problem, limits: { ...problem.limits, tiles: false } };
  const isThroughput = problem.objective.type === "throughput";
  const searches: Search[] = [minimise(untiled, tools)];
  if (isThroughput && countRunners(problem) > 1) {
    const groups = countRunners(problem) > mostGrouped ? pso : exactGroups;
    // Lots of its own, so that both searches find what they would find alone.
    searches.push(groups.plan(problem, { ...tools, random: createRandom(1) }));
  }
  if (!isThroughput) searches.push(planSharedChains(problem));
  return searches;
}

/** Pipelines of groups run no tiles in turn, which need less memory. */
function lastResort(problem: Problem): Search[] {
  const isSkipped = problem.objective.type !== "throughput" || !isAnyShort(problem);
  return isSkipped ? [] : [planSharedChains(problem)];
}

type Search = Generator<
  Incumbent | SharedChain | Infeasible | null,
  Incumbent | SharedChain | Infeasible | null
>;

function sharedBound(
  { placement, value, tiles, codecs, method }: Incumbent,
  bound: number,
): Incumbent {
  return {
    placement,
    value,
    bound: Math.min(bound, value),
    ...(tiles === undefined ? {} : { tiles }),
    ...(codecs === undefined ? {} : { codecs }),
    ...(method === undefined ? {} : { method }),
  };
}

/** What the searches of each round find, once those before it have ended. */
function* inRounds(
  rounds: readonly (() => readonly Search[])[],
): Generator<Incumbent | SharedChain | Infeasible | null, void> {
  for (const round of rounds) yield* inTurns(round());
}

/** What searches find and end with, a step of each in turn: whoever stops early has something of all. */
function* inTurns(
  searches: readonly Search[],
): Generator<Incumbent | SharedChain | Infeasible | null, void> {
  let open = searches;
  while (open.length > 0) {
    const next: Search[] = [];
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

/** Whoever shares a stage needs less memory; what no device can run is run by none together either. */
function unproven(refused: Infeasible, bound: number): Infeasible {
  if (bound === Number.POSITIVE_INFINITY) return refused;
  const reason = `${refused.reason}; no proof, since stages may be shared by rows and not all ways to do so were tried`;
  return { ...refused, reason, isProven: false };
}
