import { heightOf } from "../../../graph/tile.ts";
import type { GroupModel } from "./group-model.ts";
import type { RowTable } from "./row-table.ts";

/** Pieces `first` to `lastShared` shared by some members, those behind on one of these. */
export interface SharedRun {
  readonly first: number;
  readonly lastShared: number;
  readonly last: number;
  /** Rows of what is made together. */
  readonly height: number;
  /** Positions in the context's members, in the order of their rows. */
  readonly positions: readonly number[];
  /** Who runs the pieces behind. */
  readonly keeper: number;
}

/** For rows from a to b: `to[b - 1] - from[a]`. */
export interface Interval {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Seconds of a device for rows of a shared run, and the part of the run's inputs that they read. */
export interface RunRows extends Interval {
  readonly input: Interval;
}

/** Work by rows, for all runs of pieces that may be shared. */
export class RowWork {
  readonly #model: GroupModel;
  readonly #inputs = new Map<string, Interval>();
  readonly #known = new Map<string, RunRows>();

  constructor(model: GroupModel) {
    this.#model = model;
  }

  /** O(nodes of the run · rows) time the first time for a run and a device. */
  of(device: number, first: number, last: number): RunRows {
    const key = `${device} ${first} ${last}`;
    const known = this.#known.get(key) ?? this.#sumUp(device, first, last);
    this.#known.set(key, known);
    return known;
  }

  /** Whether a device has room for its rows of a run; `null` if it has, whatever they are. */
  room(
    device: number,
    run: SharedRun,
    keepsRest: boolean,
  ): ((from: number, to: number) => boolean) | null {
    const { problem, reach } = this.#model.pieces;
    const memory = problem.devices[device]?.memoryBytes ?? null;
    const last = keepsRest ? run.last : run.lastShared;
    if (memory === null || (reach[device]?.[run.first] as number) > last) return null;
    const { graph } = problem.index;
    const nodesFrom = this.#start(run.first);
    const bytes = (from: number, to: number): number =>
      graph.nodes.slice(from, to).reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
    const held =
      bytes(nodesFrom, this.#start(last + 1)) + (problem.kinds[device]?.overheadBytes ?? 0);
    const table = this.#model.rows(run.lastShared);
    const peaks = this.#peaks(run);
    return (from, to) =>
      peaks.every((peak, offset) => {
        const node = nodesFrom + offset;
        return held + peak * partOf(table, node, from, to) <= memory;
      });
  }

  /** Bytes of what each node reads and makes. */
  #peaks({ first, lastShared }: SharedRun): number[] {
    const { index } = this.#model.pieces.problem;
    const nodes = index.graph.nodes.slice(this.#start(first), this.#start(lastShared + 1));
    return nodes.map((_, offset) => {
      const node = this.#start(first) + offset;
      const used = [...(index.nodeInputs[node] ?? []), ...(index.nodeOutputs[node] ?? [])];
      return used.reduce((sum, tensor) => sum + (index.graph.tensors[tensor]?.bytes ?? 0), 0);
    });
  }

  #start(piece: number): number {
    return this.#model.pieces.starts[piece] as number;
  }

  #sumUp(device: number, first: number, last: number): RunRows {
    const { problem } = this.#model.pieces;
    const table = this.#model.rows(last);
    const from = new Float64Array(table.height);
    const to = new Float64Array(table.height);
    for (let node = this.#start(first); node <= table.last; node++) {
      const offset = node - table.first;
      const pace =
        (problem.seconds.get(device, node) * (table.columns[offset] as number)) /
        (table.heights[offset] as number);
      const [starts, ends] = [table.from[offset], table.to[offset]] as [Int32Array, Int32Array];
      for (let row = 0; row < table.height; row++) {
        from[row] = (from[row] as number) + pace * (starts[row] as number);
        to[row] = (to[row] as number) + pace * (ends[row] as number);
      }
    }
    return { from, to, input: this.#input(first, last) };
  }

  /** Of several inputs all bytes together. */
  #input(first: number, last: number): Interval {
    const key = `${first} ${last}`;
    const known = this.#inputs.get(key);
    if (known !== undefined) return known;
    const { index, linkBytes } = this.#model.pieces.problem;
    const table = this.#model.rows(last);
    const start = this.#start(first);
    const from = new Float64Array(table.height);
    const to = new Float64Array(table.height);
    const nodes = Array.from({ length: table.last - start + 1 }, (_, offset) => start + offset);
    const read = new Set(nodes.flatMap((node) => index.nodeInputs[node] ?? []));
    const inputs = [...read].filter((tensor) => (index.producer[tensor] ?? -1) < start);
    const all = inputs.reduce((sum, tensor) => sum + (linkBytes[tensor] as number), 0);
    for (const tensor of inputs) {
      const rows = table.reads(tensor);
      const extent = heightOf(index, tensor);
      const weight = all > 0 ? ((linkBytes[tensor] as number) * rows.columns) / all : 0;
      for (let row = 0; row < table.height; row++) {
        from[row] = (from[row] as number) + weight * ((rows.from[row] as number) / extent);
        to[row] = (to[row] as number) + weight * ((rows.to[row] as number) / extent);
      }
    }
    const interval = { from, to };
    this.#inputs.set(key, interval);
    return interval;
  }
}

/** The part of a node's rows that rows of the output need. */
function partOf(table: RowTable, node: number, from: number, to: number): number {
  const offset = node - table.first;
  const rows = (table.to[offset]?.[to - 1] as number) - (table.from[offset]?.[from] as number);
  return Math.max(0, rows) / (table.heights[offset] as number);
}
