/**
 * Additive objectives on any topology, with memory caps and limits.
 *
 * @module
 */
import FlatQueue from "flatqueue";
import type { AdditiveCosts } from "../additive.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { LinearSolver } from "../linear-solver.ts";
import type { Incumbent, Planning } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { chooseOrder, relax } from "../relaxation.ts";
import {
  createSearchSpace,
  type Domains,
  devicesIn,
  mostDevices,
  type SearchSpace,
} from "../search-space.ts";
import { searchAround } from "./branch-and-bound/around.ts";
import { type Bounded, boundState, openSearch } from "./branch-and-bound/bounds.ts";
import { Champion, ceilingOf } from "./branch-and-bound/champion.ts";
import { searchPlaces } from "./branch-and-bound/few.ts";
import { mostFrontierDevices } from "./branch-and-bound/frontier.ts";
import { improve } from "./branch-and-bound/moves.ts";
import { boundByPrograms } from "./branch-and-bound/programs.ts";
import { searchFrontier } from "./branch-and-bound/sweep.ts";
import { explainHopeless, explainNearMiss } from "./branch-and-bound/witness.ts";

/** How many states are bounded between two incumbents, so that the caller can stop in between. */
const statesPerStep = 25;
/** Numbers in the domains of all states that wait in the queue; beyond that the search goes deep. */
const queuedNumbers = 2e7;
/** Units bounded without finding any placement that is allowed, after which the search gives up. */
const fruitlessUnits = 4e6;

/** A set of placements: those within the domains. */
interface State {
  readonly domains: Domains;
  readonly multipliers: readonly number[];
  /** Nothing in the set has a smaller objective. */
  readonly bound: number;
}

/** What may be used beside the cuts. */
export interface BranchAndBoundOptions {
  /** Default: bounds by cuts alone. */
  readonly solver?: LinearSolver;
  /** Whether to search along the frontier first; default: yes. */
  readonly frontier?: boolean;
}

/**
 * The best placement for a sum over nodes and hops, memory and limits kept.
 *
 * First one relaxed cut; then, where few tensors are alive at a time, a search along the frontier
 * (`searchFrontier`), which mostly ends with a proof; with a solver and without a frontier bounds by
 * linear programmes; at last branch and bound on the relaxed cut. Of more than 12 devices the most
 * promising are searched first, and those that are left out count in the bound as one. Yields
 * incumbents with bounds that rise, `null` before the first; ends with the optimum within 1e-10, but
 * for more than 30 devices, where a gap may remain. Gives up after a fixed number of steps if it
 * finds nothing that is allowed.
 */
export function* branchAndBound(
  problem: Problem,
  costs: AdditiveCosts,
  options: BranchAndBoundOptions = {},
): Planning {
  if (problem.devices.length > mostDevices) return yield* searchFew(problem, costs);
  const space = createSearchSpace(problem, costs);
  const hopeless = explainHopeless(space);
  if (hopeless !== null) return hopeless;
  const champion = new Champion(ceilingOf(problem, costs));
  const quiet = <T>(least: number, steps: Generator<null, T>) => report(champion, least, steps);
  const isSearched = options.frontier !== false;
  let bound = 0;
  if (isSearched && problem.devices.length > mostFrontierDevices) {
    const places = searchPlaces(problem, costs, champion, 0);
    bound = yield* reportBounds(champion, places, "search among the most promising devices");
  }
  const order = yield* quiet(bound, chooseOrder(space));
  bound = Math.max(bound, yield* quiet(bound, openSearch(space, order, champion)));
  yield champion.best(bound, "relaxed cut");
  if (isSearched && bound < champion.cutoff) {
    const between = () => searchAround(space, champion);
    const frontier = searchFrontier(space, champion, bound, { between });
    const searched = yield* reportBounds(champion, frontier, "search along the frontier");
    bound = Math.max(bound, searched ?? 0);
    if (searched === null && problem.devices.length <= mostFrontierDevices) {
      yield* report(champion, bound, searchAround(space, champion));
    }
  }
  if (options.solver !== undefined && bound < champion.cutoff) {
    const { solver } = options;
    bound = yield* reportBounds(
      champion,
      boundByPrograms(space, champion, solver, bound),
      "linear programme",
    );
  }
  if (bound < champion.cutoff) return yield* divide(space, order, champion, bound);
  const best = champion.best(bound, champion.method);
  return best ?? explainNearMiss(yield* quiet(bound, nearMiss(space, order, champion)));
}

/** For more devices than bit sets hold: what is found among the most promising, and a bound for all. */
function* searchFew(problem: Problem, costs: AdditiveCosts): Planning {
  const champion = new Champion(ceilingOf(problem, costs));
  const bound = yield* reportBounds(
    champion,
    searchPlaces(problem, costs, champion, 0),
    "search among the most promising devices",
  );
  const best = champion.best(bound, champion.method);
  if (best !== null) return best;
  const { closest } = champion;
  const tried = closest === null ? "" : `; of the closest: ${closest.reason}`;
  const reason = `no allowed placement was found among the most promising of ${problem.devices.length} devices, which is no proof that there is none${tried}`;
  return { ...infeasible(reason, closest?.witness), isProven: false };
}

/**
 * Divides the placements into smaller and smaller sets, bounds each from below, and leaves out those
 * that cannot hold anything better than what is known.
 *
 * The bounds are those of `boundState`; a set is divided by the device of the unit whose devices
 * differ most in cost; the next set is the child that the bound favours, and at the end of such a
 * dive the set of least bound. Memory is bounded: once the queue is full, the search is depth-first.
 */
function* divide(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
  bound: number,
): Planning {
  const open = new OpenStates(space.units.length);
  const multipliers = space.resources.map(() => 0);
  open.push({ domains: space.domains, multipliers, bound });
  let states = 0;
  let yielded = champion.best(open.bound(), method);
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (state.bound >= champion.cutoff) continue;
    const least = Math.min(open.bound(), state.bound);
    const steps = boundState(space, order, champion, state, states === 0);
    const bounded = yield* report(champion, least, steps);
    states++;
    if (bounded !== null && bounded.bound < champion.cutoff) {
      for (const child of childrenOf(state, bounded)) open.push(child);
    }
    const best = champion.best(open.bound(), method);
    if (best === null && states * space.units.length > fruitlessUnits) {
      const closest = yield* report(champion, 0, nearMiss(space, order, champion));
      return giveUp(explainNearMiss(closest), states);
    }
    const isDue = best?.value !== yielded?.value || states % statesPerStep === 0;
    if (!isDue || open.length === 0) continue;
    yielded = best;
    yield best;
  }
  const best = champion.best(Number.POSITIVE_INFINITY, method);
  if (best !== null) return best;
  return explainNearMiss(yield* report(champion, 0, nearMiss(space, order, champion)));
}

const method = "branch and bound";

/** Reports the champion each time that there is nothing new to say. */
function* report<T>(
  champion: Champion,
  bound: number,
  steps: Generator<unknown, T>,
): Generator<Incumbent | null, T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield champion.best(bound, method);
  }
}

/** Reports the champion with each bound. */
function* reportBounds<T extends number | null>(
  champion: Champion,
  steps: Generator<number, T>,
  by: string,
): Generator<Incumbent | null, T> {
  for (;;) {
    const step = steps.next();
    yield champion.best(step.value ?? 0, by);
    if (step.done === true) return step.value;
  }
}

/** The least broken placement that was tried, among them one that does its best to break little. */
function* nearMiss(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
): Generator<null, Infeasible | null> {
  const prices = space.resources.map(() => 0);
  const relaxed = relax(space, order, space.domains, prices, prices);
  if (relaxed !== null) {
    const tries = 40 * space.units.length;
    champion.challenge(relaxed.placement, space);
    champion.challenge(yield* improve(space, relaxed.placement, tries), space);
  }
  return champion.closest;
}

function giveUp(closest: Infeasible, states: number): Infeasible {
  const reason = `no allowed placement was found in ${states} steps, though none is proven not to exist; ${closest.reason}`;
  return { ...infeasible(reason, closest.witness), isProven: false };
}

/** The state divided by the device of one unit, the most promising part last. */
function childrenOf(state: State, { bound, branch, multipliers }: Bounded): State[] {
  const { unit, favourite } = branch;
  const devices = devicesIn(state.domains[unit] as number);
  const ordered = [...devices.filter((device) => device !== favourite), favourite];
  return ordered.map((device) => {
    const domains = state.domains.slice();
    domains[unit] = 1 << device;
    return { domains, multipliers, bound };
  });
}

/** States yet to be bounded. */
class OpenStates {
  readonly #queue = new FlatQueue<State>();
  readonly #deep: State[] = [];
  readonly #room: number;
  #next: State | undefined;

  constructor(units: number) {
    this.#room = Math.max(100, Math.floor(queuedNumbers / Math.max(1, units)));
  }

  get length(): number {
    return this.#queue.length + this.#deep.length + (this.#next === undefined ? 0 : 1);
  }

  /** The last state pushed is the next one popped: a dive. */
  push(state: State): void {
    if (this.#next !== undefined) this.#shelve(this.#next);
    this.#next = state;
  }

  pop(): State | undefined {
    const next = this.#next ?? this.#deep.pop() ?? this.#queue.pop();
    this.#next = undefined;
    return next;
  }

  /** No open state has a smaller bound; `Infinity` if none is open. */
  bound(): number {
    const queued = this.#queue.peekValue() ?? Number.POSITIVE_INFINITY;
    const dive = this.#next?.bound ?? Number.POSITIVE_INFINITY;
    return this.#deep.reduce((least, { bound }) => Math.min(least, bound), Math.min(queued, dive));
  }

  #shelve(state: State): void {
    if (this.#queue.length < this.#room) this.#queue.push(state, state.bound);
    else this.#deep.push(state);
  }
}
