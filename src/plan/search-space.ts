/**
 * A problem with an additive objective, prepared for searching: costs as tables, nodes that share a
 * device as one unit, and the hops of every possible delivery.
 *
 * @module
 */
import { memoryBytes } from "../cost/memory.ts";
import type { AdditiveCosts } from "./additive.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import type { Infeasible } from "./feasibility.ts";
import type { Placement, Problem } from "./problem.ts";
import { type Resource, resourcesOf } from "./resources.ts";

/** Costs of nodes at [device · nodes + node] and of hops at [tensor · links + link]. */
export interface CostTable {
  readonly node: Float64Array;
  readonly hop: Float64Array;
}

/** A resource in units of its capacity, so that multipliers of different resources compare. */
export interface TableResource extends CostTable {
  readonly capacity: number;
  /** What one stands for. */
  readonly unit: number;
  readonly memoryOf: number | null;
}

/** For each unit the devices that are still open to it, as a bit set. */
export type Domains = Int32Array;

export interface SearchSpace {
  readonly problem: Problem;
  readonly nodes: number;
  readonly links: number;
  readonly units: readonly (readonly number[])[];
  readonly unitOf: readonly number[];
  readonly objective: CostTable;
  readonly resources: readonly TableResource[];
  /** What every unit can do by itself. */
  readonly domains: Domains;
  /** The devices that certainly need a tensor, whatever the placement, as a bit set. */
  readonly sinks: Int32Array;
  /** The links that carry a tensor from its home to a set of devices; `null`: one has no route. */
  delivery(tensor: number, home: number, destinations: number): readonly number[] | null;
  /** `null`: the placement stands for none of the problem that was asked. */
  judge(placement: Placement): Judged | null;
}

/** A placement in the problem that was asked, and what it is worth there. */
export interface Judged {
  readonly placement: Placement;
  readonly found: Evaluation | Infeasible;
}

/** How a space differs from that of its problem, if it stands for another. */
export interface SpaceParts {
  readonly resources?: readonly Resource[];
  readonly judge?: SearchSpace["judge"];
}

/** More devices than this do not fit into the bit sets. */
export const mostDevices = 30;

export function createSearchSpace(
  problem: Problem,
  costs: AdditiveCosts,
  { resources = resourcesOf(problem), judge }: SpaceParts = {},
): SearchSpace {
  const nodes = problem.index.graph.nodes.length;
  const grouped = new Set(problem.groups.flat());
  const units = [
    ...problem.groups,
    ...Array.from({ length: nodes }, (_, node) => [node]).filter(
      ([node]) => !grouped.has(node as number),
    ),
  ].sort((a, b) => (a[0] as number) - (b[0] as number));
  const unitOf: number[] = [];
  units.forEach((members, unit) => {
    for (const node of members) unitOf[node] = unit;
  });
  const sinks = new Int32Array(problem.linkBytes.length);
  if (problem.sink !== null) {
    for (const tensor of problem.index.outputs) sinks[tensor] = 1 << problem.sink;
  }
  const objective = tabulate(problem, costs);
  return {
    problem,
    nodes,
    links: problem.hops.links.length,
    units,
    unitOf,
    objective,
    resources: resources.map((resource) => normalise(problem, resource)),
    domains: domainsOf(problem, units, objective),
    sinks,
    delivery: createDelivery(problem),
    judge: judge ?? ((placement) => ({ placement, found: evaluate(problem, placement) })),
  };
}

function tabulate(problem: Problem, costs: AdditiveCosts): CostTable {
  const nodes = problem.index.graph.nodes.length;
  const links = problem.hops.links.length;
  const node = new Float64Array(problem.devices.length * nodes);
  const hop = new Float64Array(problem.linkBytes.length * links);
  for (let at = 0; at < node.length; at++)
    node[at] = costs.node(Math.floor(at / nodes), at % nodes);
  for (let at = 0; at < hop.length; at++) hop[at] = costs.hop(Math.floor(at / links), at % links);
  return { node, hop };
}

function normalise(problem: Problem, resource: Resource): TableResource {
  const { capacity, memoryOf } = resource;
  const unit = capacity > 0 ? capacity : 1;
  return {
    ...tabulate(problem, {
      node: (device, node) => finite(resource.node(device, node)) / unit,
      hop: (tensor, link) => finite(resource.hop(tensor, link)) / unit,
    }),
    capacity: (capacity / unit) * slack,
    unit,
    memoryOf: memoryOf ?? null,
  };
}

/** A limit counts as kept within 1e-9, and sums of floating-point numbers miss by less than that. */
const slack = 1 + 2e-9;

/** What is forbidden has an infinite objective: here it need not be said again. */
function finite(cost: number): number {
  return Number.isFinite(cost) ? cost : 0;
}

function domainsOf(
  problem: Problem,
  units: readonly (readonly number[])[],
  { node }: CostTable,
): Domains {
  const { devices, index, kinds } = problem;
  const nodes = index.graph.nodes.length;
  return Int32Array.from(units, (members) => {
    let able = 0;
    devices.forEach(({ memoryBytes: capacity }, device) => {
      if (members.some((member) => node[device * nodes + member] === Number.POSITIVE_INFINITY))
        return;
      const needed = memoryBytes(index, members, kinds[device]?.overheadBytes ?? 0);
      if (needed <= (capacity ?? Number.POSITIVE_INFINITY)) able |= 1 << device;
    });
    return able;
  });
}

function createDelivery(problem: Problem): SearchSpace["delivery"] {
  const { hops } = problem;
  const found = new Map<number, Map<number, readonly number[] | null>>();
  return (tensor, home, destinations) => {
    const sample = hops.sampleOf(tensor);
    let known = found.get(sample);
    if (known === undefined) {
      known = new Map();
      found.set(sample, known);
    }
    const key = home * 2 ** mostDevices + destinations;
    const links = known.get(key);
    if (links !== undefined) return links;
    const union = new Set<number>();
    let reachable = true;
    for (const to of devicesIn(destinations)) {
      const route = hops.route(home, to, tensor);
      if (route === null) reachable = false;
      else for (const link of route) union.add(link);
    }
    const delivered = reachable ? [...union] : null;
    known.set(key, delivered);
    return delivered;
  };
}

/** The members of a bit set, ascending. */
export function devicesIn(set: number): number[] {
  const devices: number[] = [];
  for (let rest = set; rest !== 0; rest &= rest - 1) devices.push(31 - Math.clz32(rest & -rest));
  return devices;
}

/** Whether a bit set has one member at most. */
export function isDecided(set: number): boolean {
  return (set & (set - 1)) === 0;
}

/** The devices where a tensor may be made. */
export function homesOf(space: SearchSpace, domains: Domains, tensor: number): number {
  const producer = space.problem.index.producer[tensor] ?? null;
  return producer === null
    ? 1 << space.problem.source
    : (domains[space.unitOf[producer] as number] as number);
}

/** The devices that certainly need a tensor, `possible` ones included or not. */
export function destinationsOf(
  space: SearchSpace,
  domains: Domains,
  tensor: number,
  possible: boolean,
): number {
  let set = space.sinks[tensor] as number;
  for (const node of space.problem.index.consumers[tensor] ?? []) {
    const domain = domains[space.unitOf[node] as number] as number;
    if (possible || isDecided(domain)) set |= domain;
  }
  return set;
}

/**
 * A sum that no placement within the domains undercuts: every unit at its cheapest device, and the
 * hops to devices that certainly need a tensor. Exact once every unit is decided.
 *
 * O(units · devices + uses of tensors) time.
 */
export function certainCost(space: SearchSpace, table: CostTable, domains: Domains): number {
  let total = 0;
  for (let unit = 0; unit < space.units.length; unit++) {
    let least = Number.POSITIVE_INFINITY;
    for (let rest = domains[unit] as number; rest !== 0; rest &= rest - 1) {
      least = Math.min(least, unitCost(space, table, unit, 31 - Math.clz32(rest & -rest)));
    }
    total += least;
  }
  for (let tensor = 0; tensor < space.sinks.length; tensor++) {
    const needed = destinationsOf(space, domains, tensor, false);
    const homes = homesOf(space, domains, tensor);
    if (needed === 0 || ((needed & homes) === needed && isDecided(needed))) continue;
    let least = Number.POSITIVE_INFINITY;
    for (let rest = homes; rest !== 0; rest &= rest - 1) {
      const home = 31 - Math.clz32(rest & -rest);
      least = Math.min(least, deliveryCost(space, table, tensor, home, needed & ~(1 << home)));
    }
    total += least;
  }
  return total;
}

export function unitCost(
  space: SearchSpace,
  table: CostTable,
  unit: number,
  device: number,
): number {
  let total = 0;
  for (const node of space.units[unit] as readonly number[]) {
    total += table.node[device * space.nodes + node] as number;
  }
  return total;
}

/** What the hops of a tensor to a set of devices cost. */
export function deliveryCost(
  space: SearchSpace,
  table: CostTable,
  tensor: number,
  home: number,
  destinations: number,
): number {
  if (destinations === 0) return 0;
  const links = space.delivery(tensor, home, destinations);
  if (links === null) return Number.POSITIVE_INFINITY;
  let total = 0;
  for (const link of links) total += table.hop[tensor * space.links + link] as number;
  return total;
}
