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
  const hop = (tensor: number, link: number | null | undefined): number =>
    typeof link === "number" ? costs.hop(tensor, link) : Number.POSITIVE_INFINITY;
  return cutBoundaries(problem, {
    devices: line.devices,
    node: costs.node,
    up: (tensor, boundary) => hop(tensor, line.up[boundary]),
    down: (tensor, boundary) => hop(tensor, line.down[boundary]),
  });
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
  const { devices } = costs;
  const nodes = problem.index.graph.nodes.length;
  if (devices.length === 1) return onlyPlacement(problem, costs, devices[0] as number);
  const arcs = new CutArcs(nodes * (devices.length - 1) + 2);
  const copies = Array.from({ length: nodes }, (_, node) => copiesOf(node, costs, arcs));
  for (let node = 0; node < nodes; node++) addNode(node, copies[node] as number[], costs, arcs);
  for (let tensor = 0; tensor < problem.linkBytes.length; tensor++) {
    addTensor(problem, tensor, copies, costs, arcs);
  }
  for (const group of problem.groups) addGroup(group, copies, arcs);
  const cut = arcs.solve();
  if (cut === null) return null;
  const placement = copies.map((vertices) => {
    const beyond = vertices.filter((vertex) => cut.onSinkSide[vertex] === 1).length;
    return devices[beyond] as number;
  });
  return { placement, bound: cut.bound };
}

const source = 0;
const sink = 1;

/**
 * Arcs with real costs, turned into whole numbers once all are known. The scale that keeps all flow
 * below 2^52 is a power of two, so that whole costs stay whole.
 */
class CutArcs {
  #vertices: number;
  readonly #arcs: { from: number; to: number; cost: number; opposite: number }[] = [];

  constructor(vertices: number) {
    this.#vertices = vertices;
  }

  vertex(): number {
    return this.#vertices++;
  }

  add(from: number, to: number, cost: number, opposite = 0): void {
    this.#arcs.push({ from, to, cost, opposite });
  }

  /**
   * Capacities are rounded down, so that the cut's value is a bound. No arc can carry more than all
   * flow, so that larger ones need not be told apart and the scale can be fine.
   */
  solve(): { onSinkSide: Uint8Array; bound: number } | null {
    const leaving = this.#costs(source, "from");
    const limit = Math.min(
      ...[leaving, this.#costs(sink, "to")].map(sum).filter(Number.isFinite),
      sum(this.#arcs.flatMap(({ cost, opposite }) => [cost, opposite]).filter(Number.isFinite)),
    );
    const flood = sum(leaving.map((cost) => Math.min(cost, limit)));
    const factor = limit === 0 ? 1 : 2 ** (51 - Math.ceil(Math.log2(Math.max(flood, limit))));
    const unlimited = Math.ceil(limit * factor) + 1;
    const whole = (cost: number): number => Math.min(unlimited, Math.floor(cost * factor));
    const network = new FlowNetwork(this.#vertices);
    for (const { from, to, cost, opposite } of this.#arcs) {
      network.arc(from, to, whole(cost), whole(opposite));
    }
    const { value, onSinkSide } = network.minCut(source, sink);
    return value >= unlimited ? null : { onSinkSide, bound: value / factor };
  }

  /** Costs of all arcs out of the source, or into the sink. */
  #costs(terminal: number, end: "from" | "to"): number[] {
    const other = end === "from" ? "to" : "from";
    return this.#arcs.flatMap((arc) => {
      if (arc[end] === terminal) return [arc.cost];
      return arc[other] === terminal ? [arc.opposite] : [];
    });
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

/**
 * The vertices of a node's copies. A copy whose side is certain, since no device on its other side
 * can run the node, is the source or the sink itself: infinite arcs out of the source would
 * outweigh everything else in the sums.
 */
function copiesOf(node: number, costs: BoundaryCosts, arcs: CutArcs): number[] {
  const able = costs.devices.map((device) => Number.isFinite(costs.node(device, node)));
  return costs.devices.slice(1).map((_, boundary) => {
    if (!able.slice(boundary + 1).includes(true)) return source;
    if (!able.slice(0, boundary + 1).includes(true)) return sink;
    return arcs.vertex();
  });
}

function addNode(
  node: number,
  copies: readonly number[],
  costs: BoundaryCosts,
  arcs: CutArcs,
): void {
  const last = copies.length - 1;
  costs.devices.forEach((device, position) => {
    const above = position > last ? source : (copies[position] as number);
    const below = position === 0 ? sink : (copies[position - 1] as number);
    arcs.add(above, below, costs.node(device, node));
    if (position > 0 && position <= last) arcs.add(below, above, Number.POSITIVE_INFINITY);
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
  costs: BoundaryCosts,
  arcs: CutArcs,
): void {
  const { producer, consumers, outputs } = problem.index;
  const made = producer[tensor] ?? null;
  const home =
    made === null ? pinnedCopies(costs.devices, problem.source) : (copies[made] as number[]);
  const users = (consumers[tensor] ?? []).map((node) => copies[node] as readonly number[]);
  if (problem.sink !== null && outputs.includes(tensor)) {
    users.push(pinnedCopies(costs.devices, problem.sink));
  }
  if (users.length === 0) return;
  home.forEach((from, boundary) => {
    const ends = [...new Set(users.map((user) => user[boundary] as number))];
    // A tensor's producer is on its own side of whatever it shares a copy with.
    arcs.add(from, gather(ends, sink, arcs, "out"), costs.up(tensor, boundary));
    arcs.add(gather(ends, source, arcs, "in"), from, costs.down(tensor, boundary));
  });
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
    if (direction === "out") arcs.add(vertex, end, Number.POSITIVE_INFINITY);
    else arcs.add(end, vertex, Number.POSITIVE_INFINITY);
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
      arcs.add(vertex, twin, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    });
  }
}
