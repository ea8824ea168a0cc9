import type { Placement } from "../../problem.ts";
import type { SearchSpace, TableResource } from "../../search-space.ts";
import type { Champion } from "./champion.ts";
import type { FrontierArcs, FrontierGraph } from "./frontier.ts";

/** What the way from a state to the end costs at least, resources at some prices. */
export interface Completion {
  readonly prices: Float64Array;
  /** Σ price · capacity. */
  readonly paid: number;
  /** Of each state: objective plus prices · use; `Infinity`: no way. */
  readonly costs: Float64Array;
}

export interface PricedFrontier {
  readonly graph: FrontierGraph;
  /** Of the best prices first; the last has prices of 0. */
  readonly completions: readonly Completion[];
  /** The least of each resource on the way from a state to the end: shape [resources, states]. */
  readonly leastUse: readonly Float64Array[];
  /** No placement below the cutoff is below this. */
  readonly bound: number;
}

/** Small graphs are swept faster than they are priced; in large ones a round takes long. */
const roundsFor = (nodes: number, arcs: number): number =>
  Math.min(150, 10 + 2 * nodes, Math.max(40, Math.ceil(4e7 / arcs)));
/** Of one price at a time. */
const variations = [0.3, 0.6, 1.5, 3];
const mostVariations = 24;
const patience = 6;
/** Steps shorter than this part of the first lead nowhere. */
const leastBoldness = 0.005;
const arcsPerYield = 1e6;
/** Arcs are copied only if fewer than this part of them is left. */
const worthSelecting = 0.9;
/** A price is a difference of large sums: it is believed only this far. */
const doubt = 1e-12;

/**
 * Raises prices of the resources by the subgradient method, on shortest paths, and leaves out every
 * arc that no placement below the cutoff uses: those whose best path costs more, and those whose
 * path of least use breaks a capacity.
 *
 * For prices μ ≥ 0 a path's objective plus Σ μ · (use − capacity) never exceeds the objective of a
 * placement that keeps the capacities (Lagrange). O(arcs · resources) time a round.
 *
 * @see Handler and Zang, "A dual algorithm for the constrained shortest path problem", Networks 10, 1980
 */
export function* priceFrontier(
  graph: FrontierGraph,
  space: SearchSpace,
  champion: Champion,
  bound: number,
): Generator<number, PricedFrontier> {
  const { resources } = space;
  const pricing = new Pricing(graph, resources);
  for (const at of resources.keys()) {
    pricing.dropBroken(at);
    yield bound;
  }
  const free = pricing.price(new Float64Array(resources.length));
  challengeWith(pricing, space, champion);
  let best = free;
  const kept: Completion[] = [];
  let least = Math.max(bound, free.bound);
  let boldness = 1;
  let stale = 0;
  const rounds = roundsFor(graph.steps.length, graph.arcs.count);
  for (let round = 0; round < rounds && boldness > leastBoldness; round++) {
    if (least >= champion.cutoff) break;
    const from = stale === 0 ? pricing.last : best;
    const hoped = Math.min(champion.cutoff - from.bound, Math.abs(from.bound) / 2);
    const prices = stepFrom(from, resources, boldness * hoped);
    if (prices === null) break;
    const tried = pricing.price(prices);
    challengeWith(pricing, space, champion);
    if (tried.bound > best.bound) {
      if (tried.bound > best.bound + 0.02 * Math.abs(best.bound)) kept.push(completionOf(best));
      best = tried;
      stale = 0;
      pricing.dropDear(champion.cutoff);
    } else if (++stale === patience) {
      stale = 0;
      boldness /= 2;
    }
    least = Math.max(least, best.bound);
    if (pricing.isDue) yield Math.min(least, champion.cutoff);
  }
  const varied = yield* varyPrices(pricing, best, champion, least);
  const leastUse: Float64Array[] = [];
  for (const at of resources.keys()) {
    leastUse.push(pricing.leastUse(at));
    yield Math.min(least, champion.cutoff);
  }
  const completions = [
    completionOf(best),
    ...varied,
    ...kept.reverse().slice(0, 2),
    completionOf(free),
  ];
  return {
    graph: { ...graph, arcs: pricing.arcs },
    completions,
    leastUse,
    bound: least,
  };
}

/**
 * Prices around the best ones, since a partial placement that has used up one resource is bounded
 * best by a higher price of it, and one that has spared it by a lower one.
 */
function* varyPrices(
  pricing: Pricing,
  best: Tried,
  champion: Champion,
  bound: number,
): Generator<number, Completion[]> {
  const varied: Completion[] = [];
  for (const [at, price] of best.prices.entries()) {
    for (const factor of price === 0 ? [] : variations) {
      if (varied.length === mostVariations) break;
      const prices = best.prices.slice();
      prices[at] = price * factor;
      varied.push(completionOf(pricing.price(prices)));
      pricing.dropDear(champion.cutoff);
      yield Math.min(bound, champion.cutoff);
    }
  }
  return varied;
}

/** The same with the arcs that a lower cutoff leaves. */
export function* withoutDear(
  priced: PricedFrontier,
  cutoff: number,
): Generator<null, PricedFrontier> {
  const { graph, completions } = priced;
  const states = graph.firstState.at(-1) as number;
  const resources = completions[0]?.prices.length ?? 0;
  const open = new Uint8Array(graph.arcs.count).fill(1);
  for (const { prices, paid, costs } of completions) {
    const reached = forward(graph.arcs, prices, states, null);
    for (let arc = 0; arc < graph.arcs.count; arc++) {
      const through =
        (reached[graph.arcs.from[arc] as number] as number) +
        pricedCost(graph.arcs, arc, prices) +
        (costs[graph.arcs.to[arc] as number] as number);
      if (!(through - paid - doubt * (through + paid) < cutoff)) open[arc] = 0;
    }
    yield null;
  }
  return { ...priced, graph: { ...graph, arcs: select(graph.arcs, open, resources) } };
}

interface Tried {
  readonly prices: Float64Array;
  readonly paid: number;
  readonly bound: number;
  readonly completion: Float64Array;
  /** Of each resource, on the best path. */
  readonly use: Float64Array;
}

function completionOf({ prices, paid, completion }: Tried): Completion {
  return { prices, paid, costs: completion };
}

class Pricing {
  readonly #resources: readonly TableResource[];
  readonly #states: number;
  #arcs: FrontierArcs;
  #last: Tried | null = null;
  #reached: Float64Array = new Float64Array(0);
  #placement: Placement | null = null;
  #worked = 0;

  constructor(graph: FrontierGraph, resources: readonly TableResource[]) {
    this.#resources = resources;
    this.#arcs = graph.arcs;
    this.#states = graph.firstState.at(-1) as number;
  }

  get arcs(): FrontierArcs {
    return this.#arcs;
  }

  get last(): Tried {
    return this.#last as Tried;
  }

  /** The path of the last prices; `null`: there is none. */
  get placement(): Placement | null {
    return this.#placement;
  }

  get isDue(): boolean {
    if (this.#worked < arcsPerYield) return false;
    this.#worked = 0;
    return true;
  }

  price(prices: Float64Array): Tried {
    const arcs = this.#arcs;
    const last = this.#states - 1;
    this.#worked += arcs.count * (2 + prices.length);
    const before = new Int32Array(this.#states).fill(-1);
    this.#reached = forward(arcs, prices, this.#states, before);
    const completion = backward(arcs, this.#states, (arc) => pricedCost(arcs, arc, prices));
    const paid = prices.reduce(
      (sum, price, at) => sum + price * (this.#resources[at]?.capacity as number),
      0,
    );
    const total = this.#reached[last] as number;
    const use = new Float64Array(prices.length);
    this.#placement = total === Number.POSITIVE_INFINITY ? null : this.#trace(before, use);
    const bound = total - paid - (paid === 0 ? 0 : doubt * (total + paid));
    this.#last = { prices, paid, bound, completion, use };
    return this.#last;
  }

  /** Leaves out the arcs that are on no path below the cutoff, at the last prices. */
  dropDear(cutoff: number): void {
    const { prices, paid, completion } = this.last;
    this.#keep((arc, from, to) => {
      const through =
        (this.#reached[from] as number) +
        pricedCost(this.#arcs, arc, prices) +
        (completion[to] as number);
      return through - paid - doubt * (through + paid) < cutoff;
    });
  }

  /** Leaves out the arcs that are on no path which keeps a capacity. */
  dropBroken(at: number): void {
    const most = (this.#resources[at]?.capacity as number) * (1 + doubt);
    const behind = this.#forwardUse(at);
    const ahead = this.leastUse(at);
    const width = this.#resources.length;
    this.#keep((arc, from, to) => {
      const own = this.#arcs.use[arc * width + at] as number;
      return (behind[from] as number) + own + (ahead[to] as number) <= most;
    });
  }

  /** The least of a resource on the way from each state to the end. */
  leastUse(at: number): Float64Array {
    const width = this.#resources.length;
    const { use } = this.#arcs;
    return backward(this.#arcs, this.#states, (arc) => use[arc * width + at] as number);
  }

  #forwardUse(at: number): Float64Array {
    const { count, from, to, use } = this.#arcs;
    const width = this.#resources.length;
    const least = new Float64Array(this.#states).fill(Number.POSITIVE_INFINITY);
    least[0] = 0;
    for (let arc = 0; arc < count; arc++) {
      const total = (least[from[arc] as number] as number) + (use[arc * width + at] as number);
      const end = to[arc] as number;
      if (total < (least[end] as number)) least[end] = total;
    }
    return least;
  }

  #trace(before: Int32Array, use: Float64Array): Placement {
    const placement: number[] = [];
    const width = use.length;
    for (let state = this.#states - 1; (before[state] as number) >= 0; ) {
      const arc = before[state] as number;
      placement.push(this.#arcs.device[arc] as number);
      for (let at = 0; at < width; at++) {
        use[at] = (use[at] as number) + (this.#arcs.use[arc * width + at] as number);
      }
      state = this.#arcs.from[arc] as number;
    }
    return placement.reverse();
  }

  #keep(isOpen: (arc: number, from: number, to: number) => boolean): void {
    const { count, from, to } = this.#arcs;
    const open = new Uint8Array(count);
    let left = 0;
    for (let arc = 0; arc < count; arc++) {
      if (!isOpen(arc, from[arc] as number, to[arc] as number)) continue;
      open[arc] = 1;
      left++;
    }
    if (left < worthSelecting * count)
      this.#arcs = select(this.#arcs, open, this.#resources.length);
  }
}

function challengeWith({ placement }: Pricing, space: SearchSpace, champion: Champion): void {
  if (placement !== null) champion.challenge(placement, space);
}

/** Prices a step uphill; `null` if there is no hill. */
function stepFrom(
  { prices, use }: Tried,
  resources: readonly TableResource[],
  length: number,
): Float64Array | null {
  const excess = use.map((used, at) => used - (resources[at]?.capacity as number));
  const slope = excess.reduce(
    (sum, over, at) => sum + (over > 0 || (prices[at] as number) > 0 ? over ** 2 : 0),
    0,
  );
  if (slope === 0 || !Number.isFinite(length)) return null;
  return prices.map((price, at) => Math.max(0, price + (length / slope) * (excess[at] as number)));
}

function pricedCost({ cost, use }: FrontierArcs, arc: number, prices: Float64Array): number {
  let total = cost[arc] as number;
  const width = prices.length;
  for (let at = 0; at < width; at++) {
    total += (prices[at] as number) * (use[arc * width + at] as number);
  }
  return total;
}

function forward(
  arcs: FrontierArcs,
  prices: Float64Array,
  states: number,
  before: Int32Array | null,
): Float64Array {
  const least = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
  least[0] = 0;
  for (let arc = 0; arc < arcs.count; arc++) {
    const total = (least[arcs.from[arc] as number] as number) + pricedCost(arcs, arc, prices);
    const end = arcs.to[arc] as number;
    if (total >= (least[end] as number)) continue;
    least[end] = total;
    if (before !== null) before[end] = arc;
  }
  return least;
}

function backward(
  { count, from, to }: FrontierArcs,
  states: number,
  cost: (arc: number) => number,
): Float64Array {
  const least = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
  least[states - 1] = 0;
  for (let arc = count - 1; arc >= 0; arc--) {
    const total = (least[to[arc] as number] as number) + cost(arc);
    const start = from[arc] as number;
    if (total < (least[start] as number)) least[start] = total;
  }
  return least;
}

function select(arcs: FrontierArcs, open: Uint8Array, resources: number): FrontierArcs {
  const kept = new Int32Array(open.reduce((count, isOpen) => count + isOpen, 0));
  let count = 0;
  open.forEach((isOpen, arc) => {
    if (isOpen === 1) kept[count++] = arc;
  });
  const use = new Float64Array(count * resources);
  kept.forEach((arc, at) => {
    use.set(arcs.use.subarray(arc * resources, (arc + 1) * resources), at * resources);
  });
  return {
    count,
    from: kept.map((arc) => arcs.from[arc] as number),
    to: kept.map((arc) => arcs.to[arc] as number),
    device: Uint8Array.from(kept, (arc) => arcs.device[arc] as number),
    cost: Float64Array.from(kept, (arc) => arcs.cost[arc] as number),
    use,
  };
}
