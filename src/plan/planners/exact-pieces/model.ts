import { memoryBytes } from "../../../cost/memory.ts";
import { articulationNodes } from "../../../graph/articulation.ts";
import type { Placement, Problem } from "../../problem.ts";
import { createHopCosts, type HopCosts } from "./hops.ts";
import { findTwins } from "./twins.ts";

/**
 * A problem as a chain of pieces: the nodes between two articulation nodes, the later one included.
 * Whatever crosses a cut between two pieces is made by the last node of the earlier one and read in
 * the later one.
 */
export interface PiecesModel {
  readonly problem: Problem;
  /** The first node of each piece, and the number of nodes. */
  readonly starts: readonly number[];
  /** Devices that can run some piece. */
  readonly runners: readonly number[];
  /** Seconds of the first i pieces, at [device][i]; pieces that a device cannot run count nothing. */
  readonly seconds: readonly Float64Array[];
  /** How far a run of pieces that begins at piece i can go: able and with room for it. */
  readonly reach: readonly Int32Array[];
  /** What the tensors cost that cross before piece i, at [i]; at 0 the inputs, from the source. */
  readonly cuts: readonly HopCosts[];
  /** What the answers of the last piece cost, to the sink; `null`: they may stay. */
  readonly answer: HopCosts | null;
  /** For each device one that has to be used before it, since they are alike; -1: none. */
  readonly twinBefore: readonly number[];
}

/** O(pieces · (nodes + pieces) + cuts of different cargo · devices²) time; yields while it works. */
export function* piecesModel(problem: Problem): Generator<null, PiecesModel> {
  const starts = findStarts(problem);
  const count = starts.length - 1;
  const costsOf = createHopCosts(problem);
  const seconds = problem.devices.map((_, device) => sumUp(problem, starts, device));
  const runners = seconds.flatMap(({ isAble }, device) => (isAble.includes(1) ? [device] : []));
  const room = memoryOfRuns(problem, starts);
  const answers = answersOf(problem, starts[count - 1] ?? 0);
  const cargo = Array.from({ length: count }, (_, piece) =>
    piece === 0 ? inputsOf(problem) : crossing(problem, starts[piece] as number),
  );
  const cuts: HopCosts[] = [];
  for (const tensors of cargo) cuts.push(yield* costsOf(tensors));
  return {
    problem,
    starts,
    runners,
    seconds: seconds.map(({ sums }) => sums),
    reach: problem.devices.map((_, device) =>
      findReach(problem, device, seconds[device]?.isAble as Uint8Array, room),
    ),
    cuts,
    answer: answers === null ? null : yield* costsOf(answers),
    twinBefore: findTwins(problem, [...cargo.flat(), ...(answers ?? [])]),
  };
}

/** The placement of runs: the piece behind the last of each, and its device. */
export function placeRuns(
  { starts }: PiecesModel,
  ends: readonly number[],
  devices: readonly number[],
): Placement {
  const placement: number[] = [];
  ends.forEach((end, run) => {
    const until = starts[end] as number;
    while (placement.length < until) placement.push(devices[run] as number);
  });
  return placement;
}

/** Cuts behind articulation nodes, but for those that would part a group. */
export function findStarts({ index, groups }: Problem): number[] {
  const nodes = index.graph.nodes.length;
  const isWithin = (start: number): boolean =>
    groups.some((group) => Math.min(...group) < start && start <= Math.max(...group));
  const inner = articulationNodes(index)
    .map((node) => node + 1)
    .filter((start) => start < nodes && !isWithin(start));
  return nodes === 0 ? [0] : [0, ...inner, nodes];
}

function sumUp(
  problem: Problem,
  starts: readonly number[],
  device: number,
): { sums: Float64Array; isAble: Uint8Array } {
  const count = starts.length - 1;
  const sums = new Float64Array(count + 1);
  const isAble = new Uint8Array(count).fill(1);
  for (let piece = 0; piece < count; piece++) {
    let own = 0;
    for (let node = starts[piece] as number; node < (starts[piece + 1] as number); node++) {
      const isBarred = problem.pinned.has(node) && device !== problem.source;
      own += isBarred ? Number.POSITIVE_INFINITY : problem.seconds.get(device, node);
    }
    if (!Number.isFinite(own)) isAble[piece] = 0;
    sums[piece + 1] = (sums[piece] as number) + (Number.isFinite(own) ? own : 0);
  }
  return { sums, isAble };
}

/**
 * The bytes of a run are its parameters and the most that is alive in one of its pieces. A piece holds
 * more where it is not the first, since what it reads is then alive from its making.
 */
export interface RunMemory {
  readonly parameters: Float64Array;
  readonly first: Float64Array;
  readonly later: Float64Array;
}

export function memoryOfRuns({ index }: Problem, starts: readonly number[]): RunMemory {
  const count = starts.length - 1;
  const parameters = new Float64Array(count + 1);
  const first = new Float64Array(count);
  const later = new Float64Array(count);
  const parametersOf = (node: number): number => index.graph.nodes[node]?.parameterBytes ?? 0;
  for (let piece = 0; piece < count; piece++) {
    const start = starts[piece] as number;
    const nodes = Array.from(
      { length: (starts[piece + 1] as number) - start },
      (_, offset) => start + offset,
    );
    const own = nodes.reduce((sum, node) => sum + parametersOf(node), 0);
    parameters[piece + 1] = (parameters[piece] as number) + own;
    first[piece] = memoryBytes(index, nodes, 0) - own;
    if (piece === 0) continue;
    later[piece] = memoryBytes(index, [start - 1, ...nodes], 0) - own - parametersOf(start - 1);
  }
  return { parameters, first, later };
}

function findReach(
  problem: Problem,
  device: number,
  isAble: Uint8Array,
  { parameters, first, later }: RunMemory,
): Int32Array {
  const overhead = problem.kinds[device]?.overheadBytes ?? 0;
  const room = (problem.devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY) - overhead;
  return Int32Array.from(isAble, (_, start) => {
    let end = start;
    let peak = first[start] as number;
    while (end < isAble.length && isAble[end] === 1) {
      if (end > start) peak = Math.max(peak, later[end] as number);
      if ((parameters[end + 1] as number) - (parameters[start] as number) + peak > room) break;
      end++;
    }
    return end;
  });
}

/** Inputs that some node reads. */
export function inputsOf({ index }: Problem): number[] {
  return index.inputs.filter((tensor) => (index.consumers[tensor] ?? []).length > 0);
}

/** What is made before a piece and read in it: of the node in front of it. */
export function crossing({ index }: Problem, start: number): number[] {
  return (index.nodeOutputs[start - 1] ?? []).filter(
    (tensor) => (index.consumers[tensor] ?? []).length > 0,
  );
}

/** The outputs that the last piece makes. */
export function answersOf({ index, sink }: Problem, start: number): number[] | null {
  if (sink === null) return null;
  return index.outputs.filter((tensor) => (index.producer[tensor] ?? -1) >= start);
}
