import type { HopCosts } from "../exact-pieces/hops.ts";
import type { PiecesModel } from "../exact-pieces/model.ts";

/** What a device of a class is loaded with, at least, wherever it stands in a chain. */
export interface ClassLoads {
  /** How far a run that begins at a piece can go. */
  readonly reach: Int32Array;
  /** What the inputs load on their way to a device of the class, if it is the first. */
  readonly wireFromSource: number;
  /** What the answer loads on its way from it, if it is the last. */
  readonly wireToSink: number;
  /** The load of a source and sink that runs nothing, if the device is the last. */
  readonly bothEnds: number;
  /** Seconds with pieces from `start` up to and without `end`; `isFirst`: no device was used before. */
  of(start: number, end: number, isFirst: boolean): number;
  /** The part of these seconds that grows with the run. */
  work(start: number, end: number): number;
  /** What the tensors of a cut load on their way to another device. */
  wireTo(device: number, cut: number): number;
}

export function classLoads(model: PiecesModel, members: readonly number[]): ClassLoads {
  const { problem, cuts, answer } = model;
  const device = members[0] as number;
  const count = problem.devices.length;
  const pieces = model.starts.length - 1;
  const sums = model.seconds[device] as Float64Array;
  const { source, sink } = problem;
  const fromSource = source * count + device;
  const delivery = sink === null || sink === device ? null : answer;
  const toSink = device * count + (sink ?? 0);
  const received = Float64Array.from(cuts, (cut, piece) => {
    if (piece > 0) return cut.leastReceive[device] as number;
    return device === source ? 0 : (cut.receive[fromSource] as number);
  });
  const sent = Float64Array.from({ length: pieces + 1 }, (_, piece) => {
    if (piece === pieces) return (delivery?.send[toSink] as number | undefined) ?? 0;
    return (cuts[piece] as HopCosts).leastSend[device] as number;
  });
  const asSource = device === source ? (cuts[0]?.leastSend[device] ?? 0) : 0;
  const asSink = device === sink ? (answer?.leastReceive[device] ?? 0) : 0;
  const sends = cuts[0]?.leastSend[source] ?? 0;
  const receives = (delivery?.receive[toSink] as number | undefined) ?? 0;
  const work = (start: number, end: number): number =>
    (sums[end] as number) - (sums[start] as number);
  return {
    reach: model.reach[device] as Int32Array,
    wireFromSource: device === source ? 0 : (cuts[0]?.wire[fromSource] as number),
    wireToSink: (delivery?.wire[toSink] as number | undefined) ?? 0,
    bothEnds: sends + receives,
    of: (start, end, isFirst) =>
      work(start, end) +
      (received[start] as number) +
      (sent[end] as number) +
      (isFirst ? 0 : asSource) +
      (end < pieces ? asSink : 0),
    work,
    wireTo: (other, cut) => (cuts[cut] as HopCosts).wire[device * count + other] as number,
  };
}
