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

/**
 * Overhead per received tensor and seconds per byte, neither negative, that explain best what parts
 * took beyond their nodes: least squares, each residual divided by the part's measured time.
 * O(samples).
 */
export function fitBoundary(samples: readonly PartSample[]): BoundaryCost {
  const rows = samples.map(({ receivedTensors, bytes, nodeSeconds, measuredSeconds }) => ({
    tensors: receivedTensors / measuredSeconds,
    bytes: bytes / measuredSeconds,
    rest: (measuredSeconds - nodeSeconds) / measuredSeconds,
  }));
  const dot = (a: keyof (typeof rows)[0], b: keyof (typeof rows)[0]): number =>
    rows.reduce((sum, row) => sum + row[a] * row[b], 0);
  const [tt, bb, tb] = [dot("tensors", "tensors"), dot("bytes", "bytes"), dot("tensors", "bytes")];
  const [tr, br] = [dot("tensors", "rest"), dot("bytes", "rest")];
  const determinant = tt * bb - tb * tb;
  const candidates = [
    { overhead: (tr * bb - br * tb) / determinant, perByte: (br * tt - tr * tb) / determinant },
    { overhead: tr / tt, perByte: 0 },
    { overhead: 0, perByte: br / bb },
    { overhead: 0, perByte: 0 },
  ].filter(({ overhead, perByte }) => overhead >= 0 && perByte >= 0);
  const error = ({ overhead, perByte }: { overhead: number; perByte: number }): number =>
    rows.reduce(
      (sum, row) => sum + (row.rest - overhead * row.tensors - perByte * row.bytes) ** 2,
      0,
    );
  const best = candidates.reduce((a, b) => (error(b) < error(a) ? b : a));
  return {
    overheadSeconds: seconds(best.overhead),
    boundarySecondsPerByte: secondsPerByte(best.perByte),
  };
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
