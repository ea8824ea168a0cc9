/**
 * Additive objectives on any topology, with memory caps and limits.
 *
 * @module
 */
import FlatQueue from "flatqueue";
import type { AdditiveCosts } from "../additive.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { chooseOrder, relax } from "../relaxation.ts";
import { createSearchSpace, type Domains, devicesIn, type SearchSpace } from "../search-space.ts";
import { type Bounded, boundState, openSearch } from "./branch-and-bound-bounds.ts";
import { Champion } from "./branch-and-bound-champion.ts";
import { improve } from "./branch-and-bound-moves.ts";
import { explainHopeless, explainNearMiss } from "./branch-and-bound-witness.ts";

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

/**
 * Divides the placements into smaller and smaller sets, bounds each from below, and leaves out those
 * that cannot hold anything better than what is known.
 *
 * The bounds are those of `boundState`; a set is divided by the device of the unit whose devices
 * differ most in cost; the next set is the child that the bound favours, and at the end of such a
 * dive the set of least bound. Memory is bounded: once the queue is full, the search is depth-first.
 * Ends with the optimum within 1e-10; yields its best on the way, again and again with a higher
 * bound. Gives up after a fixed number of steps if it finds nothing that is allowed.
 */
export function* branchAndBound(
  problem: Problem,
  costs: AdditiveCosts,
): Generator<Incumbent, Incumbent | Infeasible> {
  const space = createSearchSpace(problem, costs);
  const hopeless = explainHopeless(space);
  if (hopeless !== null) return hopeless;
  const champion = new Champion(space);
  const order = chooseOrder(space);
  const open = new OpenStates(space.units.length);
  open.push({
    domains: space.domains,
    multipliers: space.resources.map(() => 0),
    bound: openSearch(space, order, champion),
  });
  let states = 0;
  let yielded = champion.best(open.bound());
  if (yielded !== null) yield yielded;
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (state.bound >= champion.cutoff) continue;
    const bounded = boundState(space, order, champion, state, states === 0);
    states++;
    if (bounded !== null && bounded.bound < champion.cutoff) {
      for (const child of childrenOf(state, bounded)) open.push(child);
    }
    const best = champion.best(open.bound());
    if (best === null && states * space.units.length > fruitlessUnits) {
      return giveUp(explainNearMiss(nearMiss(space, order, champion)), states);
    }
    const due = best !== null && (best.value !== yielded?.value || states % statesPerStep === 0);
    if (best === null || !due || open.length === 0) continue;
    yielded = best;
    yield best;
  }
  const best = champion.best(Number.POSITIVE_INFINITY);
  return best ?? explainNearMiss(nearMiss(space, order, champion));
}

/** The least broken placement that was tried, among them one that does its best to break little. */
function nearMiss(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
): Infeasible | null {
  const prices = space.resources.map(() => 0);
  const relaxed = relax(space, order, space.domains, prices, prices);
  if (relaxed !== null) {
    const tries = 40 * space.units.length;
    champion.challenge(relaxed.placement);
    champion.challenge(improve(space, relaxed.placement, tries));
  }
  return champion.closest;
}

function giveUp(closest: Infeasible, states: number): Infeasible {
  return infeasible(
    `no allowed placement was found in ${states} steps, though none is proven not to exist; ${closest.reason}`,
    closest.witness,
  );
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
