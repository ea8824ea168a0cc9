import { memoryBytes } from "../../cost/memory.ts";
import type { Placement } from "../problem.ts";
import { priced, relax } from "../relaxation.ts";
import {
  certainCost,
  type Domains,
  devicesIn,
  isDecided,
  type SearchSpace,
  unitCost,
} from "../search-space.ts";
import type { Champion } from "./branch-and-bound-champion.ts";
import { improve } from "./branch-and-bound-moves.ts";

/** What is known of a set of placements. */
export interface Bounded {
  readonly bound: number;
  readonly multipliers: readonly number[];
  /** The unit to divide by and the device where it is best. */
  readonly branch: { readonly unit: number; readonly favourite: number };
}

/** With fewer open units than this, dividing further is cheaper than a cut. */
const fewUnits = 2;
const rootRounds = 60;
const laterRounds = 4;

/**
 * Bounds the objective within the domains from below, cheapest bound first: certain costs, certain
 * use of every resource and memory, then the relaxed cut with multipliers that a few rounds of the
 * subgradient method raise. The placements of the cuts challenge the champion on the way.
 *
 * @returns `null` if the set holds nothing allowed, or has but one placement
 * @see Held, Wolfe, Crowder, "Validation of subgradient optimization", Mathematical Programming 6, 1974
 */
export function boundState(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
  state: { domains: Domains; multipliers: readonly number[]; bound: number },
  isRoot: boolean,
): Bounded | null {
  const { domains } = state;
  const open = domains.reduce((count, domain) => count + (isDecided(domain) ? 0 : 1), 0);
  if (open === 0) {
    champion.challenge(placementOf(space, domains));
    return null;
  }
  const certain = Math.max(state.bound, certainCost(space, space.objective, domains));
  if (certain >= champion.cutoff || !fits(space, domains)) return null;
  if (open <= fewUnits && !isRoot) {
    const branch = chooseBranch(space, domains, state.multipliers, null);
    return { bound: certain, multipliers: state.multipliers, branch };
  }
  const raised = raise(space, order, champion, state, isRoot ? rootRounds : laterRounds);
  if (raised === null) return null;
  const bound = Math.max(certain, raised.bound);
  const branch = chooseBranch(space, domains, raised.multipliers, raised.placement);
  return { bound, multipliers: raised.multipliers, branch };
}

/** Whether what is certain keeps every capacity. */
function fits(space: SearchSpace, domains: Domains): boolean {
  const { problem, resources } = space;
  if (resources.some((table) => certainCost(space, table, domains) > table.capacity)) {
    return false;
  }
  return problem.devices.every(({ memoryBytes: capacity }, device) => {
    if (capacity === null) return true;
    const own: number[] = [];
    space.unitOf.forEach((unit, node) => {
      if (domains[unit] === 1 << device) own.push(node);
    });
    return memoryBytes(problem.index, own, problem.kinds[device]?.overheadBytes ?? 0) <= capacity;
  });
}

interface Raised {
  readonly bound: number;
  readonly multipliers: readonly number[];
  readonly placement: Placement;
}

/** Subgradient rounds with steps after Polyak. */
function raise(
  space: SearchSpace,
  order: readonly number[],
  champion: Champion,
  { domains, multipliers: start }: { domains: Domains; multipliers: readonly number[] },
  rounds: number,
): Raised | null {
  let multipliers = start;
  let best: Raised | null = null;
  let boldness = 1;
  for (let round = 0; round < rounds; round++) {
    const relaxed = relax(space, order, domains, multipliers);
    if (relaxed === null) return null;
    challenge(space, champion, relaxed.placement, round === 0);
    if (best === null || relaxed.bound > best.bound) best = { ...relaxed, multipliers };
    else boldness /= 2;
    const target = champion.cutoff - relaxed.bound;
    if (best.bound >= champion.cutoff || boldness < 1e-3) break;
    const excesses = excessesOf(space, relaxed.placement);
    const slope = excesses.reduce(
      (sum, excess, at) => sum + (excess > 0 || (multipliers[at] as number) > 0 ? excess ** 2 : 0),
      0,
    );
    if (slope === 0) break;
    const step = (boldness * target) / slope;
    multipliers = multipliers.map((multiplier, at) =>
      Math.max(0, multiplier + step * (excesses[at] as number)),
    );
  }
  return best;
}

/** Lets the placement of a cut, and what moves make of it, challenge the champion. */
function challenge(
  space: SearchSpace,
  champion: Champion,
  placement: Placement,
  thorough: boolean,
): void {
  const better = champion.challenge(placement);
  if (!better && (champion.found || !thorough)) return;
  const budget = Math.ceil(4e5 / (1 + space.nodes));
  champion.challenge(improve(space, placement, Math.min(budget, 40 * space.units.length)));
}

/** How much of each resource a placement uses beyond its capacity. */
function excessesOf(space: SearchSpace, placement: Placement): number[] {
  const domains = Int32Array.from(
    space.units,
    ([node]) => 1 << (placement[node as number] as number),
  );
  return space.resources.map((resource) => {
    const use = certainCost(space, resource, domains);
    return Number.isFinite(use) ? use - resource.capacity : 0;
  });
}

/** The undecided unit whose devices differ most in cost, resources at their prices. */
function chooseBranch(
  space: SearchSpace,
  domains: Domains,
  multipliers: readonly number[],
  relaxed: Placement | null,
): Bounded["branch"] {
  const table = priced(space, multipliers);
  let widest = Number.NEGATIVE_INFINITY;
  let branch = { unit: 0, favourite: 0 };
  domains.forEach((domain, unit) => {
    if (isDecided(domain)) return;
    const devices = devicesIn(domain);
    const costs = devices.map((device) => unitCost(space, table, unit, device));
    const least = Math.min(...costs);
    const width = Math.max(...costs) - least;
    if (width <= widest) return;
    widest = width;
    const cheapest = devices[costs.indexOf(least)] as number;
    const node = space.units[unit]?.[0] as number;
    branch = { unit, favourite: relaxed === null ? cheapest : (relaxed[node] as number) };
  });
  return branch;
}

function placementOf({ unitOf }: SearchSpace, domains: Domains): Placement {
  return unitOf.map((unit) => 31 - Math.clz32(domains[unit] as number));
}
