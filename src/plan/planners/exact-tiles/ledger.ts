import { bytesOfSteps, memoryBytes, memoryStep } from "../../../cost/memory.ts";
import { extentsOf, leavingTensors } from "../../../graph/tile.ts";
import type { Rows } from "../../../graph/window.ts";
import { crossing, memoryOfRuns, type RunMemory } from "../exact-pieces/model.ts";
import type { GroupModel } from "../pso/group-model.ts";
import type { RowTable } from "../pso/row-table.ts";
import type { ChainStep } from "./chain.ts";
import { equalEnds, type Holding, startOf } from "./chain-costs.ts";
import { isShortOfMemory } from "./short-memory.ts";

/** Bytes of the devices that are short of memory: parameters and more for ever, then the most alive at once. */
export type MemoryUse = Float64Array;

/** Into how many tiles one device may cut a run. */
const tileCounts = [2, 3, 4, 6, 8, 12, 16, 24, 32] as const;
/** Of these the first that fit; more tiles than needed load more parameters. */
const keptCounts = 4;
/** More rows than any picture has. */
const rowsPerKey = 2 ** 16;

/**
 * What steps of a chain need of memory, as far as it can be told step by step: a tensor that a device
 * makes some rows of and later has all of is counted with some. `evaluate` knows what is needed in all.
 */
export class Ledger {
  readonly #model: GroupModel;
  readonly #isAlone: boolean;
  readonly #runs: RunMemory;
  /** Positions in a `MemoryUse`, halved; -1: the device is not short of memory. */
  readonly #places: Int32Array;
  readonly #limits: number[] = [];
  readonly #overheads: number[] = [];
  readonly #counts = new Map<string, readonly number[]>();
  readonly #peaks = new Map<number, number>();
  readonly #inTurn = new Map<string, number>();
  readonly #later: number[] = [];

  /** @param isAlone whether one device runs all pieces, and so holds all their parameters in the end */
  constructor(model: GroupModel, isAlone: boolean) {
    const { problem, starts } = model.pieces;
    this.#model = model;
    this.#isAlone = isAlone;
    this.#runs = memoryOfRuns(problem, starts);
    this.#places = Int32Array.from(problem.devices, ({ memoryBytes: limit }, device) => {
      if (limit === null || !isShortOfMemory(problem, device)) return -1;
      this.#overheads.push(problem.kinds[device]?.overheadBytes ?? 0);
      return this.#limits.push(limit) - 1;
    });
  }

  empty(): MemoryUse {
    return new Float64Array(2 * this.#limits.length);
  }

  isLimited(device: number): boolean {
    return (this.#places[device] as number) >= 0;
  }

  /** Whether the first asks for no more than the second, anywhere. */
  isWithin(one: MemoryUse, other: MemoryUse): boolean {
    return one.every((bytes, place) => bytes <= (other[place] as number));
  }

  /** Bytes of all devices together. */
  sum(use: MemoryUse): number {
    return use.reduce((total, bytes) => total + bytes, 0);
  }

  /** What is needed after another step; `null`: some device has no room for it. */
  after(use: MemoryUse, before: Holding, step: ChainStep): MemoryUse | null {
    const { devices, ends, columns } = step.holding;
    const next = Float64Array.from(use);
    for (const [member, device] of devices.entries()) {
      const place = this.#places[device] as number;
      if (place < 0) continue;
      const own = 2 * place;
      const from = startOf(step.holding, member);
      const peak =
        devices.length > 1
          ? this.#rowsPeak(step, from, ends[member] as number, columns?.[member])
          : this.#alonePeak(step, before.devices.includes(device));
      const overhead =
        use[own] === 0 && use[own + 1] === 0 ? (this.#overheads[place] as number) : 0;
      const parameters = step.tiles * this.#parameters(step.first, step.end);
      next[own] = (use[own] as number) + parameters + overhead;
      next[own + 1] = Math.max(use[own + 1] as number, peak);
      const bytes = (next[own] as number) + (next[own + 1] as number) + this.#toCome(step.end);
      if (bytes > (this.#limits[place] as number)) return null;
    }
    return next;
  }

  /** Numbers of tiles in which a device alone has room for a run. */
  tileCounts(device: number, first: number, end: number): readonly number[] {
    const key = `${device} ${first} ${end}`;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const place = this.#places[device] as number;
    const room = this.#roomOf(place, first, end);
    const { height } = this.#model.rows(end - 1);
    const kept: number[] = [];
    for (const tiles of tileCounts) {
      const parameters = tiles * this.#parameters(first, end);
      if (tiles > height || parameters > room || kept.length === keptCounts) break;
      if (parameters + this.#inTurnPeak(first, end, tiles) <= room) kept.push(tiles);
    }
    this.#counts.set(key, kept);
    return kept;
  }

  /** What a run may take: nobody else has room for the parameters of the other pieces of a device alone. */
  #roomOf(place: number, first: number, end: number): number {
    const all = (this.#limits[place] as number) - (this.#overheads[place] as number);
    return this.#isAlone ? all - this.#parameters(0, first) - this.#toCome(end) : all;
  }

  /** Parameters that a device alone will have to hold, too: without room for them nothing is gained by going on. */
  #toCome(end: number): number {
    return this.#isAlone ? this.#parameters(end, this.#model.count) : 0;
  }

  #parameters(first: number, end: number): number {
    const { parameters } = this.#runs;
    return (parameters[end] as number) - (parameters[first] as number);
  }

  #alonePeak({ first, end, tiles }: ChainStep, hasInput: boolean): number {
    if (tiles > 1) return this.#inTurnPeak(first, end, tiles);
    return hasInput && first > 0 ? this.#laterPeak(first) : (this.#runs.first[first] as number);
  }

  /** The most bytes alive in a piece on the device that holds what it reads, however that was made. */
  #laterPeak(piece: number): number {
    const known = this.#later[piece];
    if (known !== undefined) return known;
    const { problem } = this.#model.pieces;
    const { index } = problem;
    const nodes = this.#nodes(piece, piece + 1);
    const cargo = { tensors: crossing(problem, nodes[0] as number), parameterBytes: 0 };
    const steps = nodes.map((node) => memoryStep(index, node));
    const bytes = bytesOfSteps(
      [cargo, ...steps],
      (tensor) => index.graph.tensors[tensor]?.bytes ?? 0,
    );
    const peak = bytes - this.#parameters(piece, piece + 1);
    this.#later[piece] = peak;
    return peak;
  }

  #nodes(first: number, end: number): number[] {
    const { starts } = this.#model.pieces;
    const from = starts[first] as number;
    return Array.from({ length: (starts[end] as number) - from }, (_, offset) => from + offset);
  }

  /** The most bytes alive while a device makes some rows of a run, or some columns of these. */
  #rowsPeak(run: { first: number; end: number }, from: number, to: number, columns?: Rows): number {
    if (columns !== undefined) return this.#findPeak(run, { from, to }, columns);
    const { count } = this.#model;
    const key = ((run.first * (count + 1) + run.end) * rowsPerKey + from) * rowsPerKey + to;
    const known = this.#peaks.get(key) ?? this.#findPeak(run, { from, to });
    this.#peaks.set(key, known);
    return known;
  }

  #findPeak(
    { first, end }: { first: number; end: number },
    ...spans: readonly [rows: Rows, columns?: Rows]
  ): number {
    const { index } = this.#model.pieces.problem;
    const tables = [this.#model.rows(end - 1), this.#model.columns(end - 1)];
    const nodes = this.#nodes(first, end);
    const last = nodes.at(-1) as number;
    const bytesOf = (tensor: number): number => {
      const extents = extentsOf(index, tensor);
      const isLast = index.producer[tensor] === last;
      let own = index.graph.tensors[tensor]?.bytes ?? 0;
      spans.forEach((span, axis) => {
        if (span === undefined) return;
        const { from, to } = (tables[axis] as RowTable).reads(tensor);
        const held = isLast
          ? span.to - span.from
          : (to[span.to - 1] as number) - (from[span.from] as number);
        own *= Math.max(0, held) / (extents[axis] as number);
      });
      const isStrip = spans[1] === undefined && !isLast;
      return isStrip ? own * (tables[0] as RowTable).reads(tensor).columns : own;
    };
    return memoryBytes(index, nodes, 0, bytesOf) - this.#parameters(first, end);
  }

  /** What is read and made by all tiles, and what the largest of them holds. */
  #inTurnPeak(first: number, end: number, tiles: number): number {
    const key = `${first} ${end} ${tiles}`;
    const known = this.#inTurn.get(key) ?? this.#findInTurnPeak(first, end, tiles);
    this.#inTurn.set(key, known);
    return known;
  }

  #findInTurnPeak(first: number, end: number, tiles: number): number {
    const { index } = this.#model.pieces.problem;
    const { height } = this.#model.rows(end - 1);
    const nodes = this.#nodes(first, end);
    const start = nodes[0] as number;
    const read = new Set(nodes.flatMap((node) => index.nodeInputs[node] ?? []));
    const bytesOf = (tensor: number): number => index.graph.tensors[tensor]?.bytes ?? 0;
    let held = leavingTensors(index, nodes).reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    for (const tensor of read) {
      if ((index.producer[tensor] ?? -1) >= start) continue;
      const { from, to, columns } = this.#model.rows(end - 1).reads(tensor);
      const rows = (to[height - 1] as number) - (from[0] as number);
      held += (bytesOf(tensor) * columns * rows) / (extentsOf(index, tensor)[0] as number);
    }
    const peaks = equalEnds(height, tiles).map((to, tile, ends) =>
      this.#rowsPeak({ first, end }, ends[tile - 1] ?? 0, to),
    );
    return held + Math.max(...peaks);
  }
}
