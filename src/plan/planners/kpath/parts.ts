import type { Problem } from "../../problem.ts";
import { crossing, findStarts, memoryOfRuns } from "../exact-pieces/model.ts";
import { leastSumParts } from "./partition.ts";

/**
 * `published`: as the public code counts, faults included: a byte a parameter, the nodes between a
 * part's first cut and the one before it in no part, a tensor sent once for each of its consumers.
 * `mended`: as the cost model counts.
 */
export type PartRules = "published" | "mended";

/** A graph in parts for one device each. */
export interface Parts {
  /** The first node of each part. */
  readonly starts: readonly number[];
  /** What crosses before each part but the first. */
  readonly sizes: readonly number[];
  /**
   * The smallest and the largest size of any candidate cut; as published, the input and the output,
   * which nobody reads, are two of them.
   */
  readonly range: readonly [least: number, most: number];
}

/** The graph's candidate cuts: where one tensor crosses, behind nodes that all paths pass. */
export interface Candidates {
  /** The first node of each run between two cuts, and the number of nodes. */
  readonly starts: readonly number[];
  /** What crosses before each run; the first is of no cut. */
  readonly sizes: readonly number[];
  readonly range: readonly [least: number, most: number];
  /** Whether a part from one of the starts to another has room on every device. */
  fits(start: number, end: number): boolean;
}

/**
 * The parts of least total transfer, each within the smallest memory of the devices.
 *
 * @param members the devices that may run parts
 * @returns `null`: something between two cuts fits no part
 */
export function partition(
  problem: Problem,
  members: readonly number[],
  rules: PartRules,
): Parts | null {
  const { starts, sizes, range, fits } = candidateCuts(problem, members, rules);
  const begins = leastSumParts(starts.length - 1, (start) => sizes[start] as number, fits);
  if (begins === null) return null;
  return {
    starts: begins.map((start) => starts[start] as number),
    sizes: begins.slice(1).map((start) => sizes[start] as number),
    range,
  };
}

/** Where a graph may be cut, at what price, and what fits every member. */
export function candidateCuts(
  problem: Problem,
  members: readonly number[],
  rules: PartRules,
): Candidates {
  return rules === "mended"
    ? mendedCandidates(problem, members)
    : publishedCandidates(problem, members);
}

/** Bytes on a link without a codec, and all memory that `evaluate` counts. */
function mendedCandidates(problem: Problem, members: readonly number[]): Candidates {
  const starts = candidateStarts(problem);
  const { parameters, first, later } = memoryOfRuns(problem, starts);
  const rooms = members.map(
    (device) =>
      (problem.devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY) -
      (problem.kinds[device]?.overheadBytes ?? 0),
  );
  const room = Math.min(...rooms);
  const sizes = sizesBefore(problem, starts, (tensor) => problem.linkBytes[tensor] as number);
  return {
    starts,
    sizes,
    range: [Math.min(...sizes.slice(1)), Math.max(...sizes.slice(1))],
    fits: (start, end) => {
      let peak = first[start] as number;
      for (let piece = start + 1; piece < end; piece++) {
        peak = Math.max(peak, later[piece] as number);
      }
      return (parameters[end] as number) - (parameters[start] as number) + peak <= room;
    },
  };
}

const bytesOfElement = 8;
const bytesOfFloat = 4;

/** The input is no candidate before a part here: a part without nodes is none. */
function publishedCandidates(problem: Problem, members: readonly number[]): Candidates {
  const { index, devices } = problem;
  const starts = candidateStarts(problem);
  const { nodes, tensors } = index.graph;
  const elements = (tensor: number): number =>
    tensors[tensor]?.shape.reduce((product, extent) => product * extent, 1) ?? 0;
  const held = nodes.map(
    ({ parameterBytes }, node) =>
      parameterBytes / bytesOfFloat +
      (index.nodeOutputs[node] ?? []).reduce((sum, tensor) => sum + 4 * elements(tensor), 0),
  );
  const sums = [0];
  for (const own of held) sums.push((sums.at(-1) as number) + own);
  const heldBefore = (start: number): number => sums[starts[start] as number] as number;
  const room = Math.min(
    ...members.map((device) => devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY),
  );
  const sent = (tensor: number): number =>
    (index.consumers[tensor] ?? []).length * elements(tensor) * bytesOfElement;
  const sizes = sizesBefore(problem, starts, sent);
  return {
    starts,
    sizes,
    range: [0, Math.max(...sizes, ...index.inputs.map(sent))],
    fits: (start, end) =>
      heldBefore(end) - heldBefore(start === 0 ? 0 : Math.min(start + 1, end)) < room,
  };
}

function candidateStarts(problem: Problem): number[] {
  const nodes = problem.index.graph.nodes.length;
  return findStarts(problem).filter(
    (start) => start === 0 || start === nodes || crossing(problem, start).length === 1,
  );
}

function sizesBefore(
  problem: Problem,
  starts: readonly number[],
  size: (tensor: number) => number,
): number[] {
  return starts
    .slice(0, -1)
    .map((start) =>
      start === 0 ? 0 : crossing(problem, start).reduce((sum, tensor) => sum + size(tensor), 0),
    );
}
