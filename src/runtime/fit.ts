/**
 * From measured times to what a profile says: pure arithmetic.
 *
 * @module
 */
import { type Seconds, type SecondsPerByte, seconds, secondsPerByte } from "../base/units.ts";
import type { GraphIndex } from "../graph/graph.ts";

/** What crosses the border of a part, the graph's own inputs and outputs left out. */
export interface PartBoundary {
  /** Tensors that the part receives. */
  readonly receivedTensors: number;
  /** Bytes of tensors that it receives or sends. */
  readonly bytes: number;
}

/** A part that was measured, beside what the profile of the whole says about its nodes. */
export interface PartSample extends PartBoundary {
  readonly nodeSeconds: number;
  readonly measuredSeconds: number;
}

/** What entering and leaving a device costs it. */
export interface BoundaryCost {
  readonly overheadSeconds: Seconds;
  readonly boundarySecondsPerByte: SecondsPerByte;
}

/**
 * Seconds of each node such that they add up to a whole run: kernel times leave out what the runtime
 * does between kernels. O(nodes).
 *
 * @param kernelSeconds the least time that the kernel of each node took
 */
export function scaleToWhole(kernelSeconds: readonly number[], wholeSeconds: number): Seconds[] {
  const total = kernelSeconds.reduce((sum, value) => sum + value, 0);
  if (total === 0) return kernelSeconds.map(() => seconds(wholeSeconds / kernelSeconds.length));
  return kernelSeconds.map((value) => seconds((value * wholeSeconds) / total));
}

/** Boundary costs, and a factor on all node seconds that goes with them. */
export interface PartFit extends BoundaryCost {
  readonly nodeScale: number;
}

/** Columns of the fit that may be left out: a cost that would be negative is none. */
const choices: readonly (readonly (keyof Row)[])[] = [
  ["nodes", "tensors", "bytes"],
  ["nodes", "tensors"],
  ["nodes", "bytes"],
  ["nodes"],
];

/** A sample, each amount divided by the measured seconds. */
interface Row {
  readonly nodes: number;
  readonly tensors: number;
  readonly bytes: number;
}

/**
 * The factor on node seconds, the overhead per received tensor and the seconds per byte, none of them
 * negative, that explain best what parts took: least squares of the relative errors. O(samples).
 *
 * @param samples parts, and the whole graph among them: without it the factor would fit only parts
 * @returns factor 1 and no costs if there is nothing to fit
 */
export function fitParts(samples: readonly PartSample[]): PartFit {
  const rows = samples.map(
    ({ receivedTensors, bytes, nodeSeconds, measuredSeconds }): Row => ({
      nodes: nodeSeconds / measuredSeconds,
      tensors: receivedTensors / measuredSeconds,
      bytes: bytes / measuredSeconds,
    }),
  );
  let best: Row = { nodes: 1, tensors: 0, bytes: 0 };
  let least = Number.POSITIVE_INFINITY;
  for (const columns of choices) {
    const weights = leastSquares(rows, columns);
    const error = rows.reduce((sum, row) => sum + (1 - weighted(row, weights)) ** 2, 0);
    const isPossible = Object.values(weights).every((weight) => weight >= 0);
    if (!isPossible || error >= least) continue;
    [best, least] = [weights, error];
  }
  return {
    nodeScale: best.nodes,
    overheadSeconds: seconds(best.tensors),
    boundarySecondsPerByte: secondsPerByte(best.bytes),
  };
}

function weighted(row: Row, weights: Row): number {
  return row.nodes * weights.nodes + row.tensors * weights.tensors + row.bytes * weights.bytes;
}

/** Weights of the columns whose sum comes closest to 1 in every row; not finite if there are many such. */
function leastSquares(rows: readonly Row[], columns: readonly (keyof Row)[]): Row {
  const total = (value: (row: Row) => number): number =>
    rows.reduce((sum, row) => sum + value(row), 0);
  // Columns of like size, lest seconds per byte drown in rounding.
  const sizes = columns.map((column) => Math.sqrt(total((row) => row[column] ** 2)));
  const system = columns.map((a, i) => [
    ...columns.map((b, j) =>
      total((row) => (row[a] / (sizes[i] ?? 1)) * (row[b] / (sizes[j] ?? 1))),
    ),
    total((row) => row[a] / (sizes[i] ?? 1)),
  ]);
  const solution = solve(system);
  const weightOf = (column: keyof Row): number => {
    const position = columns.indexOf(column);
    return position < 0 ? 0 : (solution[position] ?? 0) / (sizes[position] ?? 1);
  };
  return { nodes: weightOf("nodes"), tensors: weightOf("tensors"), bytes: weightOf("bytes") };
}

/** Gauss and Jordan without pivoting: the system is symmetric and positive, or has no one solution. */
function solve(system: readonly (readonly number[])[]): number[] {
  const rows = system.map((row) => [...row]);
  rows.forEach((pivotRow, pivot) => {
    const divisor = pivotRow[pivot] ?? 0;
    const scaled = pivotRow.map((value) =>
      Math.abs(divisor) < 1e-9 ? Number.NaN : value / divisor,
    );
    rows[pivot] = scaled;
    rows.forEach((row, position) => {
      if (position === pivot) return;
      const factor = row[pivot] ?? 0;
      rows[position] = row.map((value, column) => value - factor * (scaled[column] ?? 0));
    });
  });
  return rows.map((row) => row.at(-1) ?? Number.NaN);
}

/** What a part will take, by the formula for the hops of a plan. */
export function predictPart(
  nodeSeconds: number,
  { receivedTensors, bytes }: PartBoundary,
  { overheadSeconds, boundarySecondsPerByte }: BoundaryCost,
): Seconds {
  return seconds(nodeSeconds + receivedTensors * overheadSeconds + bytes * boundarySecondsPerByte);
}

/** What crosses the border of a set of nodes. O(nodes + uses). */
export function boundaryOf(index: GraphIndex, nodes: ReadonlySet<number>): PartBoundary {
  const received = new Set<number>();
  const sent = new Set<number>();
  for (const node of nodes) {
    for (const tensor of index.nodeInputs[node] ?? []) {
      const producer = index.producer[tensor] ?? null;
      if (producer !== null && !nodes.has(producer)) received.add(tensor);
    }
    for (const tensor of index.nodeOutputs[node] ?? []) {
      if (index.consumers[tensor]?.some((consumer) => !nodes.has(consumer))) sent.add(tensor);
    }
  }
  const bytes = [...received, ...sent].reduce(
    (sum, tensor) => sum + (index.graph.tensors[tensor]?.bytes ?? 0),
    0,
  );
  return { receivedTensors: received.size, bytes };
}

/** The value that the fraction `at` of all values does not exceed; sorts a copy. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN;
}
