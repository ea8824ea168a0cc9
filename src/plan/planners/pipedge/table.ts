import type { PiecesModel } from "../exact-pieces/model.ts";
import { countStates, type DeviceClass } from "./classes.ts";
import { type ClassLoads, classLoads } from "./loads.ts";

/** A chain of runs: the piece behind the last of each, its device, and what the table says of it. */
export interface ChainOfRuns {
  readonly ends: readonly number[];
  readonly devices: readonly number[];
  /** No chain through these states has a shorter period. */
  readonly period: number;
}

/** Steps between two occasions to stop. */
const stepsPerPause = 1_000_000;

/** A full chain: the devices used, by counts, and the class of the last. */
interface End {
  readonly used: number;
  readonly last: number;
  readonly period: number;
}

/**
 * The dynamic programme of PipeEdge: the least period of the first i pieces on the devices of a set,
 * with the next run on a device of class u.
 *
 * h(j, S ∪ {u}, v) = min over i < j of max(h(i, S, u), load of u with pieces i to j, cut j from u to v).
 * Devices that are alike count as one class, so that a set is a number in mixed radix. What depends
 * on both neighbours of a device (who sends to it, over which route) is counted at its least, so that
 * no chain is faster than the table says. O(sets · classes · (pieces² + pieces · classes)) time,
 * O(sets · classes · pieces) memory.
 *
 * @see Hu et al., "PipeEdge: pipeline parallelism for large-scale model inference on heterogeneous
 * edge devices", DSD 2022, and its public code
 */
export class PipelineTable {
  readonly #model: PiecesModel;
  readonly #classes: readonly DeviceClass[];
  readonly #loads: readonly ClassLoads[];
  readonly #strides: readonly number[];
  readonly #sets: number;
  readonly #width: number;
  readonly #least: Float64Array;
  readonly #ceiling: number;
  readonly #ends: End[] = [];

  /** @param ceiling chains above this period are left out */
  constructor(model: PiecesModel, classes: readonly DeviceClass[], ceiling: number) {
    this.#model = model;
    this.#classes = classes;
    this.#ceiling = ceiling * (1 + 1e-9);
    this.#loads = classes.map((members) => classLoads(model, members));
    let product = 1;
    this.#strides = classes.map(({ length }) => {
      const stride = product;
      product *= length + 1;
      return stride;
    });
    this.#sets = product;
    this.#width = model.starts.length;
    this.#least = new Float64Array(countStates(classes, this.#width - 1)).fill(
      Number.POSITIVE_INFINITY,
    );
  }

  /** Fills the table, small sets first; yields now and then. */
  *fill(): Generator<null, void> {
    this.#loads.forEach(({ wireFromSource }, first) => {
      const state = this.#state(this.#strides[first] as number, first);
      if (wireFromSource <= this.#ceiling) this.#least[state] = wireFromSource;
    });
    let steps = 0;
    for (let set = 1; set < this.#sets; set++) {
      for (let last = 0; last < this.#classes.length; last++) {
        if (this.#countOf(set, last) > 0) steps += this.#lengthen(set, last);
      }
      if (steps < stepsPerPause) continue;
      steps = 0;
      yield null;
    }
  }

  /** The best chains of different sets and last devices, best first, of equal ones the shortest. */
  *best(most: number): Generator<ChainOfRuns, void> {
    this.#ends.sort((a, b) => a.period - b.period || this.#sizeOf(a.used) - this.#sizeOf(b.used));
    for (const end of this.#ends.slice(0, most)) yield this.#trace(end);
  }

  /** Ends the run of the last device everywhere, and begins one on each class behind it. */
  #lengthen(set: number, last: number): number {
    const pieces = this.#width - 1;
    const { done, steps } = this.#endRuns(set, last);
    const whole = Math.max(done[pieces] as number, this.#costAtEnd(set, last));
    if (whole <= this.#ceiling) this.#ends.push({ used: set, last, period: whole });
    const { wireTo } = this.#loads[last] as ClassLoads;
    this.#classes.forEach((members, next) => {
      if (this.#countOf(set, next) >= members.length) return;
      const state = this.#state(set + (this.#strides[next] as number), next);
      for (let cut = 1; cut < pieces; cut++) {
        if ((done[cut] as number) > this.#ceiling) continue;
        const period = Math.max(done[cut] as number, wireTo(this.#hopTo(last, next), cut));
        if (period > this.#ceiling || period >= (this.#least[state + cut] as number)) continue;
        this.#least[state + cut] = period;
      }
    });
    return steps + pieces * this.#classes.length;
  }

  /** The least period with the last run done, by its end. */
  #endRuns(set: number, last: number): { done: Float64Array; steps: number } {
    const done = new Float64Array(this.#width).fill(Number.POSITIVE_INFINITY);
    const state = this.#state(set, last);
    const isFirst = set === this.#strides[last];
    const loads = this.#loads[last] as ClassLoads;
    let steps = 0;
    for (let start = 0; start < this.#width - 1; start++) {
      const before = this.#least[state + start] as number;
      if (before > this.#ceiling) continue;
      const until = loads.reach[start] as number;
      for (let end = start + 1; end <= until; end++) {
        steps++;
        if (loads.work(start, end) > this.#ceiling) break;
        const load = loads.of(start, end, isFirst);
        const period = Math.max(load, before);
        if (period < (done[end] as number)) done[end] = period;
      }
    }
    return { done, steps };
  }

  /** What the answer costs on its way, and a device that only is source and sink. */
  #costAtEnd(set: number, last: number): number {
    const { problem, runners } = this.#model;
    const { wireToSink, bothEnds } = this.#loads[last] as ClassLoads;
    const { source, sink } = problem;
    if (source !== sink) return wireToSink;
    const own = this.#classes.findIndex((members) => members.includes(source));
    const isUsed = runners.includes(source) && this.#countOf(set, own) > 0;
    return isUsed ? wireToSink : Math.max(wireToSink, bothEnds);
  }

  #trace({ used, last, period }: End): ChainOfRuns {
    const ends: number[] = [];
    const classes: number[] = [];
    let set = used;
    let current: number | undefined = last;
    let end = this.#width - 1;
    while (current !== undefined) {
      const start = this.#startOf(set, current, end);
      ends.unshift(end);
      classes.unshift(current);
      set -= this.#strides[current] as number;
      end = start;
      current = this.#classBefore(set, current, end);
    }
    const taken = this.#classes.map(() => 0);
    const devices = classes.map((own) => {
      const position = taken[own] as number;
      taken[own] = position + 1;
      return this.#classes[own]?.[position] as number;
    });
    return { ends, devices, period };
  }

  /** Where the last run begins, if it ends there. */
  #startOf(set: number, last: number, end: number): number {
    const isFirst = set === this.#strides[last];
    const loads = this.#loads[last] as ClassLoads;
    const state = this.#state(set, last);
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let start = 0; start < end; start++) {
      if ((loads.reach[start] as number) < end) continue;
      const before = this.#least[state + start] as number;
      const period = Math.max(before, loads.of(start, end, isFirst));
      if (period >= least) continue;
      best = start;
      least = period;
    }
    return best;
  }

  /** The class of the device before one that begins at a cut; `undefined`: there is none. */
  #classBefore(set: number, next: number, cut: number): number | undefined {
    let best: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    if (set === 0) return best;
    this.#classes.forEach((_, last) => {
      if (this.#countOf(set, last) === 0) return;
      const done = this.#endRuns(set, last).done[cut] as number;
      const wire = this.#loads[last]?.wireTo(this.#hopTo(last, next), cut) as number;
      const period = Math.max(done, wire);
      if (period >= least) return;
      best = last;
      least = period;
    });
    return best;
  }

  /** A device of the next class, another one if both are of one class. */
  #hopTo(last: number, next: number): number {
    const members = this.#classes[next] as DeviceClass;
    return members[last === next ? 1 : 0] ?? -1;
  }

  #state(set: number, last: number): number {
    return (set * this.#classes.length + last) * this.#width;
  }

  #countOf(set: number, own: number): number {
    const radix = (this.#classes[own]?.length ?? 0) + 1;
    return Math.floor(set / (this.#strides[own] as number)) % radix;
  }

  #sizeOf(set: number): number {
    return this.#classes.reduce((sum, _, own) => sum + this.#countOf(set, own), 0);
  }
}
