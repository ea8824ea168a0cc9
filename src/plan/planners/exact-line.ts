/**
 * Additive objectives on devices in a row, for any DAG and any direction of flow: one minimum cut.
 *
 * @module
 */
import { FlowNetwork } from "../../graph/max-flow.ts";
import type { AdditiveCosts } from "../additive.ts";
import type { Line } from "../line.ts";
import type { Placement, Problem } from "../problem.ts";

/** The best placement where memory and limits are left aside. */
export interface LineCut {
  readonly placement: Placement;
  /** No placement costs less; below the cost of `placement` by no more than rounding. */
  readonly bound: number;
}

/**
 * Places every node at least cost, memory and limits left aside.
 *
 * Copy k of a node stands on the sink side of the cut if and only if the node's device lies beyond
 * boundary k of the line. One arc along a node's copies is cut: that of its device. A tensor has two
 * auxiliary vertices per boundary, one for each direction, so that a boundary is paid once however
 * many consumers lie behind it. One minimum cut on O(devices · (nodes + tensors)) vertices.
 *
 * @param costs finite or `Infinity`; need not be those of the problem's own objective
 * @returns `null` if every placement costs `Infinity`
 * @see Ishikawa, "Exact optimization for Markov random fields with convex priors", IEEE TPAMI
 * 25(10), 2003
 */
export function cutLine(problem: Problem, line: Line, costs: AdditiveCosts): LineCut | null {
  return cutBoundaries(problem, lineCosts(line, costs));
}

/** The costs of the links between neighbours; `Infinity` where there is none. */
export function lineCosts(line: Line, costs: AdditiveCosts): BoundaryCosts {
  const hop = (tensor: number, link: number | null | undefined): number =>
    typeof link === "number" ? costs.hop(tensor, link) : Number.POSITIVE_INFINITY;
  return {
    devices: line.devices,
    node: costs.node,
    up: (tensor, boundary) => hop(tensor, line.up[boundary]),
    down: (tensor, boundary) => hop(tensor, line.down[boundary]),
  };
}

/** What a row of devices costs: each device by its nodes, each boundary between two by its tensors. */
export interface BoundaryCosts {
  /** Device positions from one end of the row to the other. */
  readonly devices: readonly number[];
  node(device: number, node: number): number;
  /** Paid once by a tensor whose home is below a boundary and that some device above it needs. */
  up(tensor: number, boundary: number): number;
  down(tensor: number, boundary: number): number;
}

/** `cutLine` for any costs of the boundaries. */
export function cutBoundaries(problem: Problem, costs: BoundaryCosts): LineCut | null {
  return createRowCut(problem, costs).solve(costs);
}

/** The network of a cut, built once and solved for many costs. */
export interface RowCut {
  /** @param costs infinite exactly where those are that the network was built for */
  solve(costs: BoundaryCosts): LineCut | null;
}

/**
 * `up`: no node runs on an earlier device of the row than what it reads was made on. Graph inputs
 * and what is delivered to the sink go either way, and are paid for.
 */
export type RowFlow = "both" | "up";

/** Builds the network in which `cutBoundaries` cuts. O(devices · (nodes + uses of tensors)) time. */
export function createRowCut(
  problem: Problem,
  costs: BoundaryCosts,
  flow: RowFlow = "both",
): RowCut {
  const { devices } = costs;
  const nodes = problem.index.graph.nodes.length;
  if (devices.length === 1) {
    return { solve: (given) => onlyPlacement(problem, given, devices[0] as number) };
  }
  const tensors = problem.linkBytes.length;
  const arcs = new CutArcs(nodes * (devices.length - 1) + 2, devices.length, nodes, tensors);
  const able = ableRows(costs, nodes);
  if (flow === "up") keepOrder(problem, able);
  if (able.some((row) => !row.includes(true))) return { solve: () => null };
  const copies = able.map((row) => copiesOf(row, arcs));
  for (let node = 0; node < nodes; node++) addNode(node, copies[node] as number[], devices, arcs);
  for (let tensor = 0; tensor < tensors; tensor++) {
    addTensor(problem, tensor, copies, devices, arcs, flow);
  }
  if (flow === "up") addOrder(problem, copies, arcs);
  for (const group of problem.groups) addGroup(group, copies, arcs);
  return {
    solve: (given) => {
      const cut = arcs.solve(given);
      if (cut === null) return null;
      const placement = copies.map((vertices) => {
        let beyond = 0;
        for (const vertex of vertices) beyond += cut.onSinkSide[vertex] as number;
        return devices[beyond] as number;
      });
      return { placement, bound: cut.bound };
    },
  };
}

const source = 0;
const sink = 1;

/** Costs that are the same whatever the problem. */
const none = 0;
const infinite = 1;

/**
 * Arcs that know which cost is theirs; costs are turned into whole numbers once all are known. The
 * scale that keeps all flow below 2^52 is a power of two, so that whole costs stay whole.
 */
class CutArcs {
  #vertices: number;
  readonly #boundaries: number;
  readonly #nodes: number;
  readonly #tensors: number;
  readonly #ends: number[] = [];
  /** Two for each arc, positions in the costs: its own and its opposite's. */
  readonly #keys: number[] = [];
  readonly #costs: Float64Array;
  #network: FlowNetwork | null = null;

  constructor(vertices: number, devices: number, nodes: number, tensors: number) {
    this.#vertices = vertices;
    this.#boundaries = devices - 1;
    this.#nodes = nodes;
    this.#tensors = tensors;
    this.#costs = new Float64Array(2 + devices * nodes + 2 * this.#boundaries * tensors);
  }

  vertex(): number {
    return this.#vertices++;
  }

  /** @param position of the device in the row */
  node(position: number, node: number): number {
    return 2 + position * this.#nodes + node;
  }

  up(tensor: number, boundary: number): number {
    return this.node(this.#boundaries + 1, 0) + boundary * this.#tensors + tensor;
  }

  down(tensor: number, boundary: number): number {
    return this.up(tensor, boundary + this.#boundaries);
  }

  /** @param cost its position, as `node`, `up` and `down` say it */
  add(from: number, to: number, cost: number, opposite: number = none): void {
    if (from === to) return;
    this.#ends.push(from, to);
    this.#keys.push(cost, opposite);
  }

  /**
   * Capacities are rounded down, so that the cut's value is a bound. No arc can carry more than all
   * flow, so that larger ones need not be told apart and the scale can be fine.
   */
  solve(given: BoundaryCosts): { onSinkSide: Uint8Array; bound: number } | null {
    this.#fill(given);
    const costs = this.#costs;
    const keys = this.#keys;
    const leaving = this.#costsAt(source, 0);
    let finite = 0;
    for (const key of keys) {
      const cost = costs[key] as number;
      if (cost < Number.POSITIVE_INFINITY) finite += cost;
    }
    const limit = Math.min(
      ...[leaving, this.#costsAt(sink, 1)].map(sum).filter(Number.isFinite),
      finite,
    );
    const flood = sum(leaving.map((cost) => Math.min(cost, limit)));
    // Where nothing can flow, every cost above zero must still be told from zero.
    const factor =
      limit === 0 ? 2 ** 1023 : 2 ** (51 - Math.ceil(Math.log2(Math.max(flood, limit))));
    const unlimited = Math.ceil(limit * factor) + 1;
    const network = this.#network ?? this.#connect();
    for (let arc = 0; 2 * arc < keys.length; arc++) {
      const cost = costs[keys[2 * arc] as number] as number;
      const opposite = costs[keys[2 * arc + 1] as number] as number;
      network.setCapacity(
        arc,
        Math.min(unlimited, Math.floor(cost * factor)),
        Math.min(unlimited, Math.floor(opposite * factor)),
      );
    }
    const { value, onSinkSide } = network.minCut(source, sink);
    return value >= unlimited ? null : { onSinkSide, bound: value / factor };
  }

  #connect(): FlowNetwork {
    const network = new FlowNetwork(this.#vertices);
    for (let arc = 0; arc < this.#ends.length; arc += 2) {
      network.arc(this.#ends[arc] as number, this.#ends[arc + 1] as number, 0);
    }
    this.#network = network;
    return network;
  }

  #fill(given: BoundaryCosts): void {
    const costs = this.#costs;
    costs[none] = 0;
    costs[infinite] = Number.POSITIVE_INFINITY;
    given.devices.forEach((device, position) => {
      const first = this.node(position, 0);
      for (let node = 0; node < this.#nodes; node++) costs[first + node] = given.node(device, node);
    });
    for (let boundary = 0; boundary < this.#boundaries; boundary++) {
      for (let tensor = 0; tensor < this.#tensors; tensor++) {
        costs[this.up(tensor, boundary)] = given.up(tensor, boundary);
        costs[this.down(tensor, boundary)] = given.down(tensor, boundary);
      }
    }
  }

  /** Costs of all arcs out of the source (end 0), or into the sink (end 1). */
  #costsAt(terminal: number, end: 0 | 1): number[] {
    const found: number[] = [];
    for (let arc = 0; arc < this.#ends.length; arc += 2) {
      const own = this.#ends[arc + end] === terminal;
      if (own || this.#ends[arc + 1 - end] === terminal) {
        found.push(this.#costs[this.#keys[own ? arc : arc + 1] as number] as number);
      }
    }
    return found;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function onlyPlacement(problem: Problem, costs: BoundaryCosts, device: number): LineCut | null {
  const placement = problem.index.graph.nodes.map(() => device);
  const bound = placement.reduce((sum, _, node) => sum + costs.node(device, node), 0);
  return Number.isFinite(bound) ? { placement, bound } : null;
}

/** By node: which devices of the row can run it. */
function ableRows({ devices, node: cost }: BoundaryCosts, nodes: number): boolean[][] {
  return Array.from({ length: nodes }, (_, node) =>
    devices.map((device) => Number.isFinite(cost(device, node))),
  );
}

/** Strikes out where a node cannot run since what it reads is made further on, or the reverse. */
function keepOrder({ index }: Problem, able: readonly boolean[][]): void {
  able.forEach((row, node) => {
    const firsts = (index.predecessors[node] ?? []).map((before) => able[before]?.indexOf(true));
    const first = Math.max(0, ...firsts.map((position) => position ?? 0));
    row.fill(false, 0, first);
  });
  for (let node = able.length - 1; node >= 0; node--) {
    const lasts = (index.successors[node] ?? []).map((next) => able[next]?.lastIndexOf(true) ?? 0);
    const row = able[node] as boolean[];
    row.fill(false, 1 + Math.min(row.length - 1, ...lasts));
  }
}

/** A node whose copy is beyond a boundary is read beyond it. */
function addOrder({ index }: Problem, copies: readonly (readonly number[])[], arcs: CutArcs): void {
  copies.forEach((own, node) => {
    for (const before of index.predecessors[node] ?? []) {
      own.forEach((vertex, boundary) => {
        const other = copies[before]?.[boundary] as number;
        // What is certain is so for both, or keeps the order by itself.
        if (vertex !== sink && other !== source) arcs.add(vertex, other, infinite);
      });
    }
  });
}

/**
 * The vertices of a node's copies. A copy whose side is certain, since no device on its other side
 * can run the node, is the source or the sink itself: infinite arcs out of the source would
 * outweigh everything else in the sums.
 */
function copiesOf(able: readonly boolean[], arcs: CutArcs): number[] {
  return able.slice(1).map((_, boundary) => {
    if (!able.slice(boundary + 1).includes(true)) return source;
    if (!able.slice(0, boundary + 1).includes(true)) return sink;
    return arcs.vertex();
  });
}

function addNode(
  node: number,
  copies: readonly number[],
  devices: readonly number[],
  arcs: CutArcs,
): void {
  const last = copies.length - 1;
  devices.forEach((_, position) => {
    const above = position > last ? source : (copies[position] as number);
    const below = position === 0 ? sink : (copies[position - 1] as number);
    arcs.add(above, below, arcs.node(position, node));
    if (position > 0 && position <= last) arcs.add(below, above, infinite);
  });
}

/** A place that is certain, in copies. */
function pinnedCopies(devices: readonly number[], device: number): number[] {
  const position = devices.indexOf(device);
  return devices.slice(1).map((_, boundary) => (position > boundary ? sink : source));
}

function addTensor(
  problem: Problem,
  tensor: number,
  copies: readonly (readonly number[])[],
  devices: readonly number[],
  arcs: CutArcs,
  flow: RowFlow,
): void {
  const { producer, consumers, outputs } = problem.index;
  const made = producer[tensor] ?? null;
  const home = made === null ? pinnedCopies(devices, problem.source) : (copies[made] as number[]);
  const readers = (consumers[tensor] ?? []).map((node) => copies[node] as readonly number[]);
  const isDelivered = problem.sink !== null && outputs.includes(tensor);
  const delivery = isDelivered ? [pinnedCopies(devices, problem.sink as number)] : [];
  const above = [...readers, ...delivery];
  const below = flow === "up" && made !== null ? delivery : above;
  home.forEach((from, boundary) => {
    // A tensor's producer is on its own side of whatever it shares a copy with.
    if (above.length > 0) {
      const ends = endsAt(above, boundary);
      arcs.add(from, gather(ends, sink, arcs, "out"), arcs.up(tensor, boundary));
    }
    if (below.length > 0) {
      const ends = endsAt(below, boundary);
      arcs.add(gather(ends, source, arcs, "in"), from, arcs.down(tensor, boundary));
    }
  });
}

function endsAt(users: readonly (readonly number[])[], boundary: number): number[] {
  return [...new Set(users.map((user) => user[boundary] as number))];
}

/**
 * One vertex for all consumers of a tensor at a boundary: `out` leads to each of them, `in` comes
 * from each. A single consumer, or a certain one, stands for itself.
 */
function gather(
  ends: readonly number[],
  terminal: number,
  arcs: CutArcs,
  direction: "in" | "out",
): number {
  if (ends.includes(terminal)) return terminal;
  if (ends.length === 1) return ends[0] as number;
  const vertex = arcs.vertex();
  for (const end of ends) {
    if (direction === "out") arcs.add(vertex, end, infinite);
    else arcs.add(end, vertex, infinite);
  }
  return vertex;
}

function addGroup(
  [first, ...others]: readonly number[],
  copies: readonly (readonly number[])[],
  arcs: CutArcs,
): void {
  for (const other of others) {
    copies[first as number]?.forEach((vertex, boundary) => {
      const twin = copies[other]?.[boundary] as number;
      arcs.add(vertex, twin, infinite, infinite);
    });
  }
}
