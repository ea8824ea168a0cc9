/**
 * A bound for any topology: its devices put in a row, every boundary at most as dear as it really is.
 *
 * @module
 */

import { cutBoundaries } from "./planners/exact-line.ts";
import type { Placement } from "./problem.ts";
import {
  type CostTable,
  type Domains,
  deliveryCost,
  destinationsOf,
  devicesIn,
  homesOf,
  type SearchSpace,
} from "./search-space.ts";

export interface Relaxed {
  readonly placement: Placement;
  /** No placement within the domains has a smaller objective and keeps the capacities. */
  readonly bound: number;
}

/**
 * The least objective within the domains if every capacity is a price instead of a limit.
 *
 * For multipliers μ ≥ 0 the objective plus Σ μ · (use − capacity) never exceeds the objective of a
 * placement that keeps the capacities, so that its minimum is a bound (Lagrange). That sum in turn is
 * bounded by one minimum cut over the devices in the given order, see `boundaryCosts`; if the
 * devices are a line in that order, the cut is the minimum itself.
 *
 * @param capacities of the resources, as far as they are open within the domains
 * @returns `null` if no placement within the domains has finite costs
 */
export function relax(
  space: SearchSpace,
  order: readonly number[],
  domains: Domains,
  multipliers: readonly number[],
  capacities: readonly number[],
): Relaxed | null {
  const table = priced(space, multipliers);
  const { up, down } = boundaryCosts(space, order, domains, table);
  const boundaries = order.length - 1;
  const cut = cutBoundaries(space.problem, {
    devices: order,
    node: (device, node) => {
      const open = ((domains[space.unitOf[node] as number] as number) >> device) & 1;
      return open === 1
        ? (table.node[device * space.nodes + node] as number)
        : Number.POSITIVE_INFINITY;
    },
    up: (tensor, boundary) => up[tensor * boundaries + boundary] as number,
    down: (tensor, boundary) => down[tensor * boundaries + boundary] as number,
  });
  if (cut === null) return null;
  const paid = multipliers.reduce(
    (sum, multiplier, resource) => sum + multiplier * (capacities[resource] as number),
    0,
  );
  // Prices and their sums are rounded: a difference of two large numbers is believed only this far.
  const doubt = paid === 0 ? 0 : 1e-12 * (cut.bound + paid);
  return { placement: cut.placement, bound: cut.bound - paid - doubt };
}

/** The objective with every resource at its price. */
export function priced(space: SearchSpace, multipliers: readonly number[]): CostTable {
  if (multipliers.every((multiplier) => multiplier === 0)) return space.objective;
  const node = space.objective.node.slice();
  const hop = space.objective.hop.slice();
  multipliers.forEach((multiplier, resource) => {
    const table = space.resources[resource];
    if (multiplier === 0 || table === undefined) return;
    for (let at = 0; at < node.length; at++) {
      node[at] = (node[at] as number) + multiplier * (table.node[at] as number);
    }
    for (let at = 0; at < hop.length; at++) {
      hop[at] = (hop[at] as number) + multiplier * (table.hop[at] as number);
    }
  });
  return { node, hop };
}

/**
 * For each tensor and boundary a price for crossing it up or down such that, wherever in its domain
 * the tensor is made and needed, the prices of the boundaries between sum to no more than its hops.
 *
 * A tensor crosses the boundaries between its home and its furthest destinations on either side. It
 * is enough that those two alone cost no less than the prices on the way, since more destinations
 * never take fewer links. So: start with the price of going to the neighbour, and scale down the
 * prices of every pair of furthest destinations that would be overcharged; scaling others down
 * later breaks nothing. O(tensors · devices³) time.
 */
function boundaryCosts(
  space: SearchSpace,
  order: readonly number[],
  domains: Domains,
  table: CostTable,
): { up: Float64Array; down: Float64Array } {
  const boundaries = order.length - 1;
  const tensors = space.sinks.length;
  const up = new Float64Array(tensors * boundaries);
  const down = new Float64Array(tensors * boundaries);
  const place = new Map(order.map((device, position) => [device, position]));
  const positionsOf = (set: number): number[] =>
    devicesIn(set).map((device) => place.get(device) as number);
  for (let tensor = 0; tensor < tensors; tensor++) {
    const homes = positionsOf(homesOf(space, domains, tensor));
    const needs = positionsOf(destinationsOf(space, domains, tensor, true));
    const cost = (home: number, ...furthest: readonly number[]): number =>
      deliveryCost(
        space,
        table,
        tensor,
        order[home] as number,
        furthest.reduce((set, position) => set | (1 << (order[position] as number)), 0),
      );
    const prices = new Prices(
      up.subarray(tensor * boundaries, (tensor + 1) * boundaries),
      down.subarray(tensor * boundaries, (tensor + 1) * boundaries),
    );
    prices.start(homes, needs, cost);
    for (const home of homes) {
      const above = needs.filter((need) => need > home);
      const below = needs.filter((need) => need < home);
      for (const high of above) prices.limit(home, high, home, cost(home, high));
      for (const low of below) prices.limit(home, home, low, cost(home, low));
      for (const high of above) {
        for (const low of below) prices.limit(home, high, low, cost(home, high, low));
      }
    }
  }
  return { up, down };
}

/** Prices of the boundaries for one tensor. Boundary k lies between positions k and k + 1. */
class Prices {
  readonly #up: Float64Array;
  readonly #down: Float64Array;

  constructor(up: Float64Array, down: Float64Array) {
    this.#up = up;
    this.#down = down;
  }

  /** The price of a step to the neighbour; where there is no way, the cheapest way over the boundary. */
  start(
    homes: readonly number[],
    needs: readonly number[],
    cost: (home: number, need: number) => number,
  ): void {
    for (let at = 0; at < this.#up.length; at++) {
      this.#up[at] = cost(at, at + 1);
      this.#down[at] = cost(at + 1, at);
    }
    if (Number.isFinite(sumOf(this.#up) + sumOf(this.#down))) return;
    const stepped = { up: this.#up.map(isFinitely), down: this.#down.map(isFinitely) };
    for (const home of homes) {
      for (const need of needs) {
        const [prices, known] =
          home < need ? [this.#up, stepped.up] : ([this.#down, stepped.down] as const);
        const price = cost(home, need);
        for (let at = Math.min(home, need); at < Math.max(home, need); at++) {
          if (known[at] === 0) prices[at] = Math.min(prices[at] as number, price);
        }
      }
    }
  }

  /** Scales the prices between `low`, `home` and `high` down to a sum of at most `most`. */
  limit(home: number, high: number, low: number, most: number): void {
    if (most === Number.POSITIVE_INFINITY) return;
    let total = 0;
    for (let at = home; at < high; at++) total += this.#up[at] as number;
    for (let at = low; at < home; at++) total += this.#down[at] as number;
    if (total <= most) return;
    const factor = most / total;
    for (let at = home; at < high; at++) this.#up[at] = (this.#up[at] as number) * factor;
    for (let at = low; at < home; at++) this.#down[at] = (this.#down[at] as number) * factor;
  }
}

function isFinitely(price: number): number {
  return Number.isFinite(price) ? 1 : 0;
}

function sumOf(prices: Float64Array): number {
  return prices.reduce((sum, price) => sum + price, 0);
}

/**
 * The order of the devices whose relaxation is the tightest at the root: all orders of up to four
 * devices; of more some that start somewhere and go on to the nearest device. Yields after each.
 */
export function* chooseOrder(space: SearchSpace): Generator<null, readonly number[]> {
  const devices = space.problem.devices.map((_, device) => device);
  const none = space.resources.map(() => 0);
  const orders = devices.length <= 4 ? halfOfOrders(devices) : nearestOrders(space, devices);
  let best = orders[0] ?? devices;
  let highest = Number.NEGATIVE_INFINITY;
  for (const order of orders) {
    const bound = relax(space, order, space.domains, none, none)?.bound ?? Number.POSITIVE_INFINITY;
    yield null;
    if (bound <= highest) continue;
    highest = bound;
    best = order;
  }
  return best;
}

/** Every order but not its reverse. */
function halfOfOrders(devices: readonly number[]): number[][] {
  if (devices.length <= 1) return [[...devices]];
  const permute = (rest: readonly number[]): number[][] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((first) =>
          permute(rest.filter((device) => device !== first)).map((later) => [first, ...later]),
        );
  return permute(devices).filter(
    (order) => (order[0] as number) < (order[order.length - 1] as number),
  );
}

/** A cut for each start is made before anything else is done. */
const mostStarts = 8;

function nearestOrders(space: SearchSpace, devices: readonly number[]): number[][] {
  const { linkBytes } = space.problem;
  const largest = linkBytes.indexOf(Math.max(...linkBytes));
  const distance = (from: number, to: number): number => {
    const route = space.problem.hops.route(from, to, largest);
    if (route === null) return Number.POSITIVE_INFINITY;
    return route.reduce(
      (sum, link) => sum + (space.objective.hop[largest * space.links + link] as number),
      0,
    );
  };
  return devices.slice(0, mostStarts).map((start) => {
    const order = [start];
    while (order.length < devices.length) {
      const last = order[order.length - 1] as number;
      const rest = devices.filter((device) => !order.includes(device));
      order.push(rest.reduce((a, b) => (distance(last, b) < distance(last, a) ? b : a)));
    }
    return order;
  });
}
