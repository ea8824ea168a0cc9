import { extentsOf, heightOf } from "../../../graph/tile.ts";
import type { Rows } from "../../../graph/window.ts";
import { answersOf, crossing, inputsOf } from "../exact-pieces/model.ts";
import type { GroupModel } from "../pso/group-model.ts";
import { RowWork, type RunRows } from "../pso/row-work.ts";
import { type Shelf, Shipping } from "./shipping.ts";

/** Who has what crosses a cut: one device all of it, or several their rows, one below the other, or their tiles. */
export interface Holding {
  readonly devices: readonly number[];
  /** The row behind the last of each. */
  readonly ends: readonly number[];
  /** The columns of each; left out: all. Members that have columns share the rows with those beside them. */
  readonly columns?: readonly Rows[];
}

/** The row that a member begins with: those beside each other begin with the same. */
export function startOf({ ends, columns }: Holding, member: number): number {
  let above = member - 1;
  if (columns !== undefined) while (above >= 0 && ends[above] === ends[member]) above--;
  return ends[above] ?? 0;
}

/** Who has which region of what crosses a cut, tensor by tensor. */
export type Homes = readonly (readonly Shelf[])[];

/** What the members of a shared run compute, and what they read, tensor by tensor. */
export interface SharedWork {
  readonly seconds: readonly number[];
  /** The most of these. */
  readonly longest: number;
  needs(): readonly (readonly Shelf[])[];
}

/** Seconds of an inference on a chain of pieces, stage by stage, as the cost model has them. */
export class ChainCosts {
  readonly model: GroupModel;
  readonly #rows: RowWork;
  readonly #work: (RunRows | undefined)[] = [];
  readonly #inTurn = new Map<string, number>();
  readonly #tiles = new Map<string, number>();
  /** The extents of tensors. */
  readonly #known: (readonly number[])[] = [];
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

  /** Columns of the same. */
  width(cut: number): number {
    const { problem, starts } = this.model.pieces;
    const last = (starts[cut] as number) - 1;
    return this.#extents(problem.index.nodeOutputs[last]?.[0] as number)[1] ?? 1;
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
    const needs = (this.#cargo[cut] ?? []).map((tensor) => {
      const [height = 1, width = 1] = this.#extents(tensor);
      return [{ device: to, from: 0, to: height, left: 0, right: width }];
    });
    const waits = new Float64Array(1);
    const isSent = this.#send(cut, this.homes(cut, from), needs, waits, Infinity);
    return isSent ? (waits[0] as number) : Number.POSITIVE_INFINITY;
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

  /** What the members of a run compute and read. */
  work(first: number, end: number, holding: Holding): SharedWork {
    const { devices, ends, columns } = holding;
    const seconds = devices.map((_, member) => this.#own(first, end, holding, member));
    const table = this.model.rows(end - 1);
    const reads = (tensor: number): Shelf[] => {
      const { from, to, across } = table.reads(tensor);
      const wide = columns === undefined ? null : this.model.columns(end - 1).reads(tensor);
      return devices.map((device, member) => ({
        device,
        from: from[startOf(holding, member)] as number,
        to: to[(ends[member] as number) - 1] as number,
        left: wide?.from[columns?.[member]?.from ?? 0] ?? across.from,
        right: wide?.to[(columns?.[member]?.to ?? 0) - 1] ?? across.to,
      }));
    };
    let needs: readonly (readonly Shelf[])[] | null = null;
    return {
      seconds,
      longest: Math.max(...seconds),
      needs: () => {
        needs ??= (this.#cargo[first] ?? []).map(reads);
        return needs;
      },
    };
  }

  /**
   * The longest that a member of a run receives and computes.
   *
   * @param most seconds that are too many: then `Infinity` may be the answer
   */
  shared(first: number, homes: Homes, { seconds, needs }: SharedWork, most: number): number {
    const ready = Float64Array.from(seconds);
    const isSent = this.#send(first, homes, needs(), ready, most);
    return isSent ? Math.max(...ready) : Number.POSITIVE_INFINITY;
  }

  /** Where the tensors that cross a cut are, one by one. */
  homes(cut: number, holding: Holding): Homes {
    const { devices, ends, columns } = holding;
    return (this.#cargo[cut] ?? []).map((tensor) => {
      const [height = 1, width = 1] = this.#extents(tensor);
      if (devices.length === 1) {
        return [{ device: devices[0] as number, from: 0, to: height, left: 0, right: width }];
      }
      return devices.map((device, member) => ({
        device,
        from: startOf(holding, member),
        to: ends[member] as number,
        left: columns?.[member]?.from ?? 0,
        right: columns?.[member]?.to ?? width,
      }));
    });
  }

  /** What brings a device all that it reads for some rows from one that has it. */
  fetch(
    first: number,
    home: number,
    end: number,
    device: number,
    from: number,
    to: number,
  ): number {
    if (home === device) return 0;
    const table = this.model.rows(end - 1);
    return (this.#cargo[first] ?? []).reduce((sum, tensor) => {
      const { from: starts, to: stops, columns } = table.reads(tensor);
      const rows = (stops[to - 1] as number) - (starts[from] as number);
      const share = (rows / (this.#extents(tensor)[0] ?? 1)) * columns;
      return rows > 0 ? sum + this.#shipping.between(home, device, tensor, share) : sum;
    }, 0);
  }

  /** Adds to the times of some devices what they wait for; `false`: no route, or too long. */
  #send(
    cut: number,
    homes: Homes,
    needs: readonly (readonly Shelf[])[],
    ready: Float64Array,
    most: number,
  ): boolean {
    const cargo = this.#cargo[cut] ?? [];
    for (let at = 0; at < cargo.length; at++) {
      const tensor = cargo[at] as number;
      const [height = 1, width = 1] = this.#extents(tensor);
      const goods = { tensor, height, width };
      for (const home of homes[at] ?? []) {
        if (!this.#shipping.send(goods, home, needs[at] as readonly Shelf[], ready)) return false;
        for (const time of ready) if (time > most) return false;
      }
    }
    return true;
  }

  #extents(tensor: number): readonly number[] {
    const { index } = this.model.pieces.problem;
    this.#known[tensor] ??= extentsOf(index, tensor);
    return this.#known[tensor];
  }

  /** What a member computes. */
  #own(first: number, end: number, holding: Holding, member: number): number {
    const device = holding.devices[member] as number;
    const from = startOf(holding, member);
    const to = holding.ends[member] as number;
    const columns = holding.columns?.[member];
    if (columns === undefined) return this.member(first, end, device, from, to);
    const key = `${first} ${end} ${device} ${from} ${to} ${columns.from} ${columns.to}`;
    const known = this.#tiles.get(key) ?? this.#tile(first, end, device, { from, to }, columns);
    this.#tiles.set(key, known);
    return known;
  }

  /** Seconds that a device computes for a tile: of each node its rows times its columns. */
  #tile(first: number, end: number, device: number, rows: Rows, columns: Rows): number {
    if ((this.model.ableReach[device]?.[first] as number) < end) return Number.POSITIVE_INFINITY;
    const { problem, starts } = this.model.pieces;
    const tables = [this.model.rows(end - 1), this.model.columns(end - 1)];
    let sum = 0;
    for (let node = starts[first] as number; node < (starts[end] as number); node++) {
      let own = problem.seconds.get(device, node);
      tables.forEach(({ from, to, heights, first: start }, axis) => {
        const span = axis === 0 ? rows : columns;
        const made =
          (to[node - start]?.[span.to - 1] as number) - (from[node - start]?.[span.from] as number);
        own *= made / (heights[node - start] as number);
      });
      sum += own;
    }
    return sum;
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
