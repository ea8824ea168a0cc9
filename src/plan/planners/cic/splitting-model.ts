/**
 * CIC's splitting model: what of a graph a decision needs, worked out before the link is known.
 *
 * @module
 */
import { nominalState, type State } from "../../../cost/state.ts";
import { articulationNodes } from "../../../graph/articulation.ts";
import { type CompressionStates, cutWeights, lineFromSource } from "../../compress/conditions.ts";
import { leastInside } from "../../compress/segment.ts";
import { type Compression, compress, type NotCompressed } from "../../compress.ts";
import { type CostLine, type CostTerms, costAt, costLine, costTerms } from "../../cost-line.ts";
import type { Line } from "../../line.ts";
import type { Placement, Problem } from "../../problem.ts";
import { CostSum } from "./cost-sum.ts";
import { createInteriorCut, type InteriorCut, type Segment } from "./interior-cut.ts";

/** The best one-way placement of a problem in any state, from groups of nodes. */
export interface SplittingModel {
  readonly type: "model";
  /** The problem with groups of nodes for nodes. */
  readonly problem: Problem;
  /** The nodes of each group, in graph order. */
  readonly groups: Compression["groups"];
  /** Placements none of which is better than the one decided on. */
  readonly covers: Compression["covers"];
  /** Between neighbouring articulation groups, where there are groups between. */
  readonly segments: readonly Segment[];
  /** Whether it holds at any bandwidth, or in the stated state alone. */
  readonly holds: "any-bandwidth" | "as-stated";
  /**
   * The largest slow-down of the server ÷ that of the source for which no node is slower on the
   * server, so that the model holds.
   */
  readonly mostSlowDown: number;
  /**
   * Scans the cuts behind articulation groups, and solves one minimum cut for each segment that may
   * hold a better one. O(groups) time where none may; no state that the problem itself was stated in
   * is assumed.
   *
   * @returns `null` in a state for which the model does not hold, or if no placement is allowed
   */
  decide(state: State): Decision | null;
  /** From groups to nodes. */
  expand(placement: Placement): Placement;
}

/** What a splitting model says for one state. */
export interface Decision {
  /** Device position by group. */
  readonly placement: Placement;
  /** Seconds or joules, up to rounding. */
  readonly cost: number;
}

/** Groups do not depend on loads, which are checked at each decision. */
const anyBandwidth: CompressionStates = { slowDown: [] };

/**
 * Builds the splitting model of an additive problem on two devices: groups by rules R0 to R3
 * (`compress`), segments by rule R4. Independent of bandwidths; memory is left aside.
 *
 * O(nodes + uses + groups²) time, and the maximum flows of `compress`.
 *
 * @param states default: all; `null`: the stated one alone, which allows codecs
 * @see Yang, Li, He and Zhang, "DNN real-time collaborative inference acceleration with mobile edge
 * computing", IJCNN 2022; Zhang, Li, Liu, Guo, Wang, Wang, Ding and Wu, "Towards real-time
 * cooperative deep inference over the cloud and edge end devices" (QDMP), IMWUT 4(2), 2020
 */
export function createSplittingModel(
  problem: Problem,
  states: CompressionStates | null = anyBandwidth,
): SplittingModel | NotCompressed {
  const line = lineFromSource(problem);
  if (problem.devices.length !== 2 || line === null) {
    const count = problem.devices.length;
    const reason = `it wants two devices that are linked, the source and one other, and there ${count === 1 ? "is 1" : `are ${count}`}`;
    return { type: "refused", reason };
  }
  const compressed = compress(problem, states);
  if (compressed.type === "refused") return compressed;
  const small = compressed.problem;
  const articulations = articulationNodes(small.index);
  const segments = findSegments(articulations, small.index.graph.nodes.length);
  const prefixes = findPrefixes(small, line, articulations);
  const interiors = segments.flatMap((segment) => createInterior(small, line, segment, states));
  const mostSlowDown = states === null ? 1 : findMostSlowDown(problem, line);
  const holdsIn = states === null ? isStated(problem) : isLoaded(line, mostSlowDown);
  return {
    type: "model",
    problem: small,
    groups: compressed.groups,
    covers: compressed.covers,
    segments,
    holds: states === null ? "as-stated" : "any-bandwidth",
    mostSlowDown,
    decide: (state) => (holdsIn(state) ? decideAmong(prefixes, interiors, state) : null),
    expand: compressed.expand,
  };
}

function isStated({ topology }: Problem): (state: State) => boolean {
  const stated = nominalState(topology);
  return ({ bandwidthBitsPerSecond, slowDown }) =>
    stated.bandwidthBitsPerSecond.every((rate, link) => rate === bandwidthBitsPerSecond[link]) &&
    stated.slowDown.every((load, device) => load === slowDown[device]);
}

function isLoaded({ devices }: Line, mostSlowDown: number): (state: State) => boolean {
  const [source, server] = devices as [number, number];
  return ({ slowDown }) =>
    (slowDown[server] as number) / (slowDown[source] as number) <= mostSlowDown;
}

/** Everything up to an articulation group on the source, the rest on the server. */
interface Prefix {
  readonly placement: Placement;
  readonly costs: CostLine;
}

/** A segment with groups of its own. */
interface Interior {
  readonly cut: InteriorCut;
  /** No cut inside costs less than this, in any state for which the model holds. */
  readonly floor: CostLine | null;
  /** What all cuts inside have in common. */
  readonly outside: CostLine;
  /** Where groups stand before and behind. */
  readonly before: Placement;
  readonly behind: Placement;
}

function decideAmong(
  prefixes: readonly Prefix[],
  interiors: readonly Interior[],
  state: State,
): Decision | null {
  let cost = Number.POSITIVE_INFINITY;
  let placement: Placement | null = null;
  for (const prefix of prefixes) {
    const own = costAt(prefix.costs, state);
    if (own >= cost) continue;
    cost = own;
    placement = prefix.placement;
  }
  for (const { cut, floor, outside, before, behind } of interiors) {
    if (floor !== null && costAt(floor, state) >= cost) continue;
    const found = cut.solve(state);
    if (found === null) continue;
    const own = costAt(outside, state) + found.cost;
    if (own >= cost) continue;
    cost = own;
    placement = [...before, ...found.placement, ...behind];
  }
  return placement === null ? null : { placement, cost };
}

/** Where groups stand between two articulation groups, before the first one or behind the last. */
function findSegments(articulations: readonly number[], count: number): Segment[] {
  const ends: (number | null)[] = [...articulations, null];
  return ends.flatMap((end, position) => {
    const entry = articulations[position - 1] ?? -1;
    return (end ?? count) > entry + 1 ? [{ entry, end }] : [];
  });
}

/** None if the answer cannot come back, so that such a cut is not allowed. */
function findPrefixes(problem: Problem, line: Line, articulations: readonly number[]): Prefix[] {
  return [-1, ...articulations].flatMap((last) => {
    const placement = splitBehind(problem, line, last);
    const costs = costLine(problem, placement);
    return costs === null ? [] : [{ placement, costs }];
  });
}

function splitBehind({ index }: Problem, { devices }: Line, last: number): Placement {
  const [source, server] = devices as [number, number];
  return index.graph.nodes.map((_, node) => (node <= last ? source : server));
}

function createInterior(
  problem: Problem,
  line: Line,
  segment: Segment,
  states: CompressionStates | null,
): Interior[] {
  const returned = problem.sink === line.devices[0] ? problem.index.outputs : [];
  const down = line.down[0] ?? null;
  if (returned.length > 0 && down === null) return [];
  const [source, server] = line.devices as [number, number];
  const count = problem.index.graph.nodes.length;
  const end = segment.end ?? count;
  const outside = new CostSum(problem);
  for (let node = 0; node <= segment.entry; node++) outside.addNode(source, node);
  for (let node = end; node < count; node++) outside.addNode(server, node);
  // What comes back is of the last node, which then stands behind the segment.
  for (const tensor of returned) outside.addHop(tensor, down as number);
  const around = splitBehind(problem, line, segment.entry);
  return [
    {
      cut: createInteriorCut(problem, line, segment),
      floor:
        segment.end === null || states === null
          ? null
          : floorOf(problem, line, segment.entry, segment.end),
      outside: outside.line(),
      before: around.slice(0, segment.entry + 1),
      behind: around.slice(end),
    },
  ];
}

/**
 * The computing of the cut at the segment's entry, which costs the least there, and the fewest bytes
 * and tensors that a cut strictly inside carries.
 */
function floorOf(problem: Problem, line: Line, entry: number, end: number): CostLine {
  const [source, server] = line.devices as [number, number];
  const weights = cutWeights(problem, line, anyBandwidth);
  const [, least] = leastInside(problem.index, { entry, end }, weights);
  const [bytes = 0, tensors = 1] = least();
  const sum = new CostSum(problem);
  problem.index.graph.nodes.forEach((_, node) => {
    sum.addNode(node <= entry ? source : server, node);
  });
  if (problem.sink === source) {
    for (const tensor of problem.index.outputs) sum.addHop(tensor, line.down[0] as number);
  }
  sum.addCargo(bytes, tensors, line.up[0] as number);
  return sum.line();
}

/** Least quotient of a node's costs; states are checked against it. */
function findMostSlowDown(problem: Problem, { devices }: Line): number {
  const [source, server] = devices as [number, number];
  const terms = costTerms(problem) as CostTerms;
  const ratios = problem.index.graph.nodes.map((_, node) => {
    const there = terms.node(server, node);
    return there === 0 || there === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : terms.node(source, node) / there;
  });
  return Math.min(...ratios);
}
