import { heightOf } from "../../../graph/tile.ts";
import { answersOf, crossing, inputsOf } from "../exact-pieces/model.ts";
import type { GroupModel } from "../pso/group-model.ts";
import { RowWork, type RunRows } from "../pso/row-work.ts";
import { Shipping } from "./shipping.ts";

/** Who has what crosses a cut: one device all of it, or several their rows, one below the other. */
export interface Holding {
  readonly devices: readonly number[];
  /** The row behind the last of each. */
  readonly ends: readonly number[];
}

/** Rows that are read. */
interface Span {
  readonly from: number;
  readonly to: number;
  /** The part of the columns, the same for all members. */
  readonly columns: number;
}

/** Seconds of an inference on a chain of pieces, stage by stage, as the cost model has them. */
export class ChainCosts {
  readonly model: GroupModel;
  readonly #rows: RowWork;
  readonly #work: (RunRows | undefined)[] = [];
  readonly #inTurn = new Map<string, number>();
  readonly #shipping: Shipping;
  /** What crosses before each piece; behind the last what the sink waits for. */
  readonly #cargo: readonly (readonly number[])[];

  constructor(model: GroupModel) {
    const { problem, starts } = model.pieces;
    this.model = model;
    this.#rows = new RowWork(model);
    this.#shipping = new Shipping(problem);
    this.#cargo = starts.map((start, piece) => {
      if (piece === model.count) return answersOf(problem, starts[piece - 1] ?? 0) ?? [];
      return piece === 0 ? inputsOf(problem) : crossing(problem, start);
    });
  }

  /** Rows of what is made by the piece before a cut. */
  height(cut: number): number {
    const { problem, starts } = this.model.pieces;
    const last = (starts[cut] as number) - 1;
    return heightOf(problem.index, problem.index.nodeOutputs[last]?.[0]);
  }

  /** Bytes that cross a cut. */
  bytes(cut: number): number {
    const { linkBytes } = this.model.pieces.problem;
    return (this.#cargo[cut] ?? []).reduce((sum, tensor) => sum + (linkBytes[tensor] as number), 0);
  }

  /** A piece on one device that has all of what it reads; `Infinity` where it cannot run. */
  alone(piece: number, device: number): number {
    const { ableReach, pieces } = this.model;
    if ((ableReach[device]?.[piece] as number) <= piece) return Number.POSITIVE_INFINITY;
    const sums = pieces.seconds[device] as Float64Array;
    return (sums[piece + 1] as number) - (sums[piece] as number);
  }

  /** What brings all that crosses a cut to one device. */
  gather(cut: number, from: Holding, to: number): number {
    if (from.devices.length === 1 && from.devices[0] === to) return 0;
    const waits = this.#bring(cut, from, [to], () => null);
    return waits === null ? Number.POSITIVE_INFINITY : (waits[0] as number);
  }

  /** What brings the answers to the sink. */
  deliver(from: Holding): number {
    const { sink } = this.model.pieces.problem;
    return sink === null ? 0 : this.gather(this.model.count, from, sink);
  }

  /** Seconds that a device computes for rows of what the pieces from `first` to before `end` make. */
  member(first: number, end: number, device: number, from: number, to: number): number {
    if ((this.model.ableReach[device]?.[first] as number) < end) return Number.POSITIVE_INFINITY;
    const rows = this.#workOf(first, end, device);
    return (rows.to[to - 1] as number) - (rows.from[from] as number);
  }

  /** Seconds that a device computes for all rows, cut into equal tiles that it runs one by one. */
  inTurn(first: number, end: number, device: number, tiles: number): number {
    const key = `${first} ${end} ${device} ${tiles}`;
    const known = this.#inTurn.get(key);
    if (known !== undefined) return known;
    const ends = equalEnds(this.model.rows(end - 1).height, tiles);
    const seconds = ends.reduce(
      (sum, to, tile) => sum + this.member(first, end, device, ends[tile - 1] ?? 0, to),
      0,
    );
    this.#inTurn.set(key, seconds);
    return seconds;
  }

  /** The longest that a member computes. */
  compute(first: number, end: number, { devices, ends }: Holding): number {
    let longest = 0;
    for (let member = 0; member < devices.length; member++) {
      const from = member === 0 ? 0 : (ends[member - 1] as number);
      const own = this.member(first, end, devices[member] as number, from, ends[member] as number);
      longest = Math.max(longest, own);
    }
    return longest;
  }

  /** The longest that a member receives and computes. */
  shared(first: number, before: Holding, end: number, after: Holding): number {
    const { devices, ends } = after;
    const table = this.model.rows(end - 1);
    const reads = (tensor: number): Span[] => {
      const { from, to, columns } = table.reads(tensor);
      return ends.map((stop, member) => ({
        columns,
        from: from[ends[member - 1] ?? 0] as number,
        to: to[stop - 1] as number,
      }));
    };
    const waits = this.#bring(first, before, devices, reads);
    if (waits === null) return Number.POSITIVE_INFINITY;
    let longest = 0;
    for (let member = 0; member < devices.length; member++) {
      const from = member === 0 ? 0 : (ends[member - 1] as number);
      const own = this.member(first, end, devices[member] as number, from, ends[member] as number);
      longest = Math.max(longest, own + (waits[member] as number));
    }
    return longest;
  }

  /** What brings a device all that it reads for some rows. */
  fetch(
    first: number,
    before: Holding,
    end: number,
    device: number,
    from: number,
    to: number,
  ): number {
    const table = this.model.rows(end - 1);
    const reads = (tensor: number) => {
      const { from: starts, to: stops, columns } = table.reads(tensor);
      return { from: starts[from] as number, to: stops[to - 1] as number, columns };
    };
    const waits = this.#bring(first, before, [device], (tensor) => [reads(tensor)]);
    return waits === null ? Number.POSITIVE_INFINITY : (waits[0] as number);
  }

  /** What each of some devices waits for in front of a cut; `null`: there is no route. */
  #bring(
    cut: number,
    before: Holding,
    devices: readonly number[],
    reads: (tensor: number) => readonly Span[] | null,
  ): Float64Array | null {
    const waits = new Float64Array(devices.length);
    for (const tensor of this.#cargo[cut] ?? []) {
      const height = heightOf(this.model.pieces.problem.index, tensor);
      const rows = reads(tensor);
      const needs = devices.map((device, member) => ({
        device,
        from: rows?.[member]?.from ?? 0,
        to: rows?.[member]?.to ?? height,
      }));
      const goods = { tensor, height, columns: rows?.[0]?.columns ?? 1 };
      const isOne = before.devices.length === 1;
      for (let home = 0; home < before.devices.length; home++) {
        const own = {
          device: before.devices[home] as number,
          from: isOne || home === 0 ? 0 : (before.ends[home - 1] as number),
          to: isOne ? height : (before.ends[home] as number),
        };
        if (!this.#shipping.send(goods, own, needs, waits)) return null;
      }
    }
    return waits;
  }

  #workOf(first: number, end: number, device: number): RunRows {
    const at = (device * (this.model.count + 1) + first) * (this.model.count + 1) + end;
    const known = this.#work[at] ?? this.#rows.of(device, first, end - 1);
    this.#work[at] = known;
    return known;
  }
}

/** The row behind the last of each of some tiles, as equal as can be. */
export function equalEnds(height: number, tiles: number): number[] {
  return Array.from({ length: tiles }, (_, tile) => Math.floor(((tile + 1) * height) / tiles));
}
