import { memoryBytes } from "../../../cost/memory.ts";
import type { Placement } from "../../problem.ts";
import { priced, relax } from "../../relaxation.ts";
import {
  type CostTable,
  certainCost,
  type Domains,
  devicesIn,
  isDecided,
  type SearchSpace,
  unitCost,
} from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import { improve } from "./moves.ts";
import { cutSegments } from "./segments.ts";

/** What is known of a set of placements. */
export interface Bounded {
  readonly bound: number;
  readonly multipliers: readonly number[];
  /** The unit to divide by and the device where it is best. */
  readonly branch: { readonly unit: number; readonly favourite: number };
}

/** With fewer open units than this, dividing further is cheaper than a cut. */
const fewUnits = 2;
/** How the multipliers are raised. */
interface Course {
  readonly rounds: number;
  /** The first step, as a part of what would reach the champion if the bound were linear. */
  readonly boldness: number;
  /** Rounds without a better bound after which steps become half as long. */
  readonly patience: number;
}

/** Small graphs are divided faster than they are bounded. */
const atRoot = (units: number): Course => ({
  rounds: Math.min(80, 4 + 2 * units),
  boldness: 1,
  patience: 4,
});
const later: Course = { rounds: 5, boldness: 0.2, patience: 2 };
/** Every cut of a graph with more nodes than this is followed by a yield. */
const largeNodes = 50;
/** Of resources in units of their capacity. */
const tolerance = 1e-9;

/**
 * Finds a first champion, if that is easy, and a first bound: one cut and one row of segments.
 *
 * @returns the bound; `Infinity` if no placement has finite costs
 */
export function* openSearch(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
): Generator<null, number> {
  const free = space.resources.map(() => 0);
  const relaxed = relax(space, order, space.domains, free, free);
  if (relaxed === null) return Number.POSITIVE_INFINITY;
  champion.challenge(relaxed.placement, space);
  yield null;
  yield* challengeSegments(space, champion, space.objective);
  return relaxed.bound;
}

/**
 * Bounds the objective within the domains from below, cheapest bound first: certain costs, certain
 * use of every resource and memory, then the relaxed cut with multipliers that a few rounds of the
 * subgradient method raise. The placements of the cuts challenge the champion on the way. Yields
 * while it works.
 *
 * @returns `null` if the set holds nothing allowed, or has but one placement
 * @see Held, Wolfe, Crowder, "Validation of subgradient optimization", Mathematical Programming 6, 1974
 */
export function* boundState(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
  state: { domains: Domains; multipliers: readonly number[]; bound: number },
  isRoot: boolean,
): Generator<null, Bounded | null> {
  const { domains } = state;
  const open = domains.reduce((count, domain) => count + (isDecided(domain) ? 0 : 1), 0);
  if (open === 0) {
    champion.challenge(placementOf(space, domains), space);
    return null;
  }
  const certain = Math.max(state.bound, certainCost(space, space.objective, domains));
  if (certain >= champion.cutoff) return null;
  const capacities = capacitiesOf(space, domains);
  if (capacities === null) return null;
  if (open <= fewUnits && !isRoot) {
    const branch = chooseBranch(space, domains, state.multipliers, null);
    return { bound: certain, multipliers: state.multipliers, branch };
  }
  const raised = yield* raise(
    space,
    order,
    champion,
    state,
    capacities,
    isRoot ? atRoot(space.units.length) : later,
  );
  if (raised === null) return null;
  if (isRoot) yield* challengeSegments(space, champion, priced(space, raised.multipliers));
  const bound = Math.max(certain, raised.bound);
  const branch = chooseBranch(space, domains, raised.multipliers, raised);
  return { bound, multipliers: raised.multipliers, branch };
}

/**
 * The capacities of the resources; of a memory what the tensors that are certainly alive leave to
 * parameters. `null` if what is certain already exceeds one.
 */
function capacitiesOf(space: SearchSpace, domains: Domains): number[] | null {
  const capacities: number[] = [];
  for (const table of space.resources) {
    const use = certainCost(space, table, domains);
    const alive = table.memoryOf === null ? 0 : aliveBytes(space, domains, table.memoryOf);
    const capacity = table.capacity - alive / table.unit;
    if (use > capacity + tolerance) return null;
    capacities.push(Math.max(use, capacity));
  }
  return capacities;
}

/** The most bytes of tensors alive on a device at once, of the nodes that are certainly there. */
function aliveBytes({ problem, unitOf }: SearchSpace, domains: Domains, device: number): number {
  const own: number[] = [];
  let parameters = 0;
  unitOf.forEach((unit, node) => {
    if (domains[unit] !== 1 << device) return;
    own.push(node);
    parameters += problem.index.graph.nodes[node]?.parameterBytes ?? 0;
  });
  return memoryBytes(problem.index, own, 0) - parameters;
}

interface Bound {
  readonly bound: number;
  readonly multipliers: readonly number[];
  readonly placement: Placement;
}

interface Raised extends Bound {
  /** In how many of the placements seen each unit stood elsewhere than in that of the bound. */
  readonly dissent: Int32Array;
}

/** Subgradient rounds with steps after Polyak, shorter each time that they lead nowhere. */
function* raise(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
  { domains, multipliers: start }: { domains: Domains; multipliers: readonly number[] },
  capacities: readonly number[],
  { rounds, boldness: first, patience }: Course,
): Generator<null, Raised | null> {
  let multipliers = start;
  const seen: Placement[] = [];
  let best: Bound | null = null;
  let boldness = first;
  let stale = 0;
  const isLarge = space.nodes > largeNodes;
  for (let round = 0; round < rounds; round++) {
    const relaxed = relax(space, order, domains, multipliers, capacities);
    if (relaxed === null) return null;
    yield* challenge(space, champion, relaxed.placement, round === 0);
    if (isLarge) yield null;
    seen.push(relaxed.placement);
    let from: Bound = { ...relaxed, multipliers };
    if (best === null || from.bound > best.bound) {
      best = from;
      stale = 0;
    } else if (++stale === patience) {
      from = best;
      stale = 0;
      boldness /= 2;
    }
    if (best.bound >= champion.cutoff) break;
    const next = stepFrom(space, from, capacities, boldness * (champion.cutoff - from.bound));
    if (next === null) break;
    multipliers = next;
  }
  return best === null ? null : { ...best, dissent: dissentOf(space, best.placement, seen) };
}

function dissentOf(
  { units }: SearchSpace,
  chosen: Placement,
  seen: readonly Placement[],
): Int32Array {
  return Int32Array.from(units, ([node]) =>
    seen.reduce(
      (count, other) => count + (other[node as number] === chosen[node as number] ? 0 : 1),
      0,
    ),
  );
}

/** The multipliers a step uphill; `null` if there is no hill. */
function stepFrom(
  space: SearchSpace,
  { placement, multipliers }: Bound,
  capacities: readonly number[],
  length: number,
): number[] | null {
  const excesses = excessesOf(space, placement, capacities);
  const slope = excesses.reduce(
    (sum, excess, at) => sum + (excess > 0 || (multipliers[at] as number) > 0 ? excess ** 2 : 0),
    0,
  );
  if (slope === 0) return null;
  return multipliers.map((multiplier, at) =>
    Math.max(0, multiplier + (length / slope) * (excesses[at] as number)),
  );
}

/** Lets the placement of a cut, and what moves make of it, challenge the champion. */
function* challenge(
  space: SearchSpace,
  champion: Champion,
  placement: Placement,
  thorough: boolean,
): Generator<null, void> {
  const better = champion.challenge(placement, space);
  if (!better && (champion.found || !thorough)) return;
  champion.challenge(yield* improve(space, placement, movesFor(space)), space);
}

/** Where memory is short, lets a row of segments and what moves make of it challenge the champion. */
function* challengeSegments(
  space: SearchSpace,
  champion: Champion,
  table: CostTable,
): Generator<null, void> {
  if (space.problem.devices.every(({ memoryBytes: capacity }) => capacity === null)) return;
  const start = yield* cutSegments(space, table);
  if (start === null) return;
  champion.challenge(start, space);
  champion.challenge(yield* improve(space, start, movesFor(space)), space);
}

/**
 * How many moves are worth trying: all a few times over in small graphs, fewer in large ones, where
 * each takes longer and there are more of them.
 */
function movesFor({ nodes, units }: SearchSpace): number {
  return Math.min(
    Math.ceil(4e5 / (1 + nodes)),
    Math.ceil(2e8 / (1 + nodes) ** 2),
    40 * units.length,
  );
}

/** How much of each resource a placement uses beyond its capacity. */
function excessesOf(
  space: SearchSpace,
  placement: Placement,
  capacities: readonly number[],
): number[] {
  const domains = Int32Array.from(
    space.units,
    ([node]) => 1 << (placement[node as number] as number),
  );
  return space.resources.map((resource, at) => {
    const use = certainCost(space, resource, domains);
    return Number.isFinite(use) ? use - (capacities[at] as number) : 0;
  });
}

/**
 * The undecided unit on whose device the placements disagree, and of those the one whose devices
 * differ most in cost, resources at their prices; where they all agree, the latter alone.
 */
function chooseBranch(
  space: SearchSpace,
  domains: Domains,
  multipliers: readonly number[],
  raised: Raised | null,
): Bounded["branch"] {
  const table = priced(space, multipliers);
  let highest = Number.NEGATIVE_INFINITY;
  let branch = { unit: 0, favourite: 0 };
  domains.forEach((domain, unit) => {
    if (isDecided(domain)) return;
    const devices = devicesIn(domain);
    const costs = devices.map((device) => unitCost(space, table, unit, device));
    const least = Math.min(...costs);
    const width = Math.max(...costs) - least;
    const score = width * (1e-3 + (raised?.dissent[unit] ?? 0));
    if (score <= highest) return;
    highest = score;
    const cheapest = devices[costs.indexOf(least)] as number;
    const node = space.units[unit]?.[0] as number;
    branch = { unit, favourite: raised === null ? cheapest : (raised.placement[node] as number) };
  });
  return branch;
}

function placementOf({ unitOf }: SearchSpace, domains: Domains): Placement {
  return unitOf.map((unit) => 31 - Math.clz32(domains[unit] as number));
}
