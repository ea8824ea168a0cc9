import { type Burden, findBurdens, roomLeft } from "./exact-pieces-burdens.ts";
import type { HopCosts } from "./exact-pieces-hops.ts";
import type { PiecesModel } from "./exact-pieces-model.ts";
import { findWalks, type Walks } from "./exact-pieces-walk.ts";

/** Where chains of runs on some devices, one after the other, can end, by the end of the last run. */
export interface Runs {
  readonly devices: readonly number[];
  /** Ascending; the number of pieces: all of them are placed. */
  readonly ends: readonly number[];
  /** The least load of the last device for each end, without what it sends. */
  readonly loads: readonly number[];
  /** The least seconds on the shared medium for each end. */
  readonly shared: readonly number[];
}

/** How much may be done, and was: counted in steps, so that every machine ends alike. */
export interface Effort {
  steps: number;
  readonly most: number;
}

/**
 * Lengthens chains of runs below a period, one device at a time and for all cuts at once.
 *
 * What it counts, every plan pays: the work of each device with what it receives and sends for its
 * neighbours in the chain, each hop by itself, and the sum on the medium of most links. Hops that
 * meet elsewhere, and the limits of other figures, are left to `evaluate`. A chain is dropped where
 * even devices that take several turns could not finish it, or where those not used yet are too few
 * or, all together, too slow.
 */
export class RunExtender {
  readonly model: PiecesModel;
  readonly period: number;
  readonly #effort: Effort;
  readonly #walks: Walks;
  readonly #burdens: readonly Burden[];
  readonly #loads: Float64Array;
  readonly #shared: Float64Array;

  constructor(model: PiecesModel, period: number, effort: Effort) {
    this.model = model;
    this.period = period;
    this.#effort = effort;
    this.#walks = findWalks(model, period);
    this.#burdens = findBurdens(model, period);
    this.#loads = new Float64Array(model.cuts.length + 1).fill(Number.POSITIVE_INFINITY);
    this.#shared = new Float64Array(model.cuts.length + 1).fill(Number.POSITIVE_INFINITY);
  }

  /** The chain before the first device: it is at the source, and has placed nothing. */
  root(): Runs {
    return { devices: [], ends: [0], loads: [0], shared: [0] };
  }

  /** The chains with one more run, on a device that they do not use; `null`: there are none. */
  extend(runs: Runs, device: number): Runs | null {
    const from = runs.devices.at(-1);
    const devices = [...runs.devices, device];
    const base = this.#shareAsSource(runs, device);
    const left = this.#burdens.map((burden) => roomLeft(burden, devices));
    const { wire, send, receive, medium } = this.#hop(from, device);
    let lowest = this.#loads.length;
    let highest = 0;
    runs.ends.forEach((cut, position) => {
      this.#effort.steps++;
      const sent = (runs.loads[position] as number) + send(cut) + this.#shareAsSink(from);
      const air = (runs.shared[position] as number) + medium(cut);
      if (wire(cut) > this.period || sent > this.period || air > this.period) return;
      const end = this.#advance({
        device,
        cut,
        load: base + receive(cut),
        air,
        used: devices.length,
        left,
      });
      lowest = Math.min(lowest, cut + 1);
      highest = Math.max(highest, end);
    });
    return this.#collect(devices, lowest, highest);
  }

  /** The loads of a run from a cut to each end that it can have; returns the last one tried. */
  #advance(run: {
    device: number;
    cut: number;
    load: number;
    air: number;
    used: number;
    left: readonly number[];
  }): number {
    const { device, cut, air } = run;
    const { cuts, problem } = this.model;
    const sums = this.model.seconds[device] as Float64Array;
    const start = run.load - (sums[cut] as number);
    const last = this.model.reach[device]?.[cut] as number;
    const reserve = this.#shareAsSink(device);
    for (let end = cut + 1; end <= last; end++) {
      this.#effort.steps++;
      const load = start + (sums[end] as number);
      if (load > this.period) return end;
      if (end === cuts.length) {
        this.#finish(device, load, air);
        break;
      }
      const at = end * problem.devices.length + device;
      const sent = load + reserve + (cuts[end]?.leastSend[device] as number);
      if (sent > this.period) continue;
      if (run.used + (this.#walks.runs[at] as number) > this.model.runners.length) continue;
      if (air + (this.#walks.shared[at] as number) > this.period) continue;
      if (
        this.#burdens.some(({ weights }, at) => (weights[end] as number) > (run.left[at] as number))
      )
        continue;
      this.#keep(end, load, air);
    }
    return last;
  }

  #finish(device: number, load: number, air: number): void {
    const { problem, answer, cuts } = this.model;
    const { sink } = problem;
    if (sink === null || sink === device || answer === null) {
      this.#keep(cuts.length, load, air);
      return;
    }
    const at = device * problem.devices.length + sink;
    const whole = air + (answer.shared?.[at] ?? 0);
    if ((answer.wire[at] as number) > this.period || whole > this.period) return;
    if (load + (answer.send[at] as number) <= this.period) this.#keep(cuts.length, load, whole);
  }

  #keep(end: number, load: number, air: number): void {
    this.#loads[end] = Math.min(this.#loads[end] as number, load);
    this.#shared[end] = Math.min(this.#shared[end] as number, air);
  }

  #collect(devices: readonly number[], lowest: number, highest: number): Runs | null {
    const ends: number[] = [];
    const loads: number[] = [];
    const shared: number[] = [];
    for (let end = lowest; end <= highest; end++) {
      const load = this.#loads[end] as number;
      if (load === Number.POSITIVE_INFINITY) continue;
      ends.push(end);
      loads.push(load);
      shared.push(this.#shared[end] as number);
      this.#loads[end] = Number.POSITIVE_INFINITY;
      this.#shared[end] = Number.POSITIVE_INFINITY;
    }
    return ends.length === 0 ? null : { devices, ends, loads, shared };
  }

  /** The costs of the cuts from one device to the next; at the source, nothing before. */
  #hop(from: number | undefined, to: number): HopOf {
    const { problem, cuts } = this.model;
    if (from === undefined && to === problem.source) {
      return { wire: () => 0, send: () => 0, receive: () => 0, medium: () => 0 };
    }
    const at = (from ?? problem.source) * problem.devices.length + to;
    const of = (cut: number): HopCosts => cuts[cut] as HopCosts;
    return {
      wire: (cut) => of(cut).wire[at] as number,
      send: (cut) => of(cut).send[at] as number,
      receive: (cut) => of(cut).receive[at] as number,
      medium: (cut) => of(cut).shared?.[at] ?? 0,
    };
  }

  /** What the source sends to the first device, where it runs a later part itself. */
  #shareAsSource({ devices }: Runs, device: number): number {
    const { problem, cuts } = this.model;
    const first = devices[0];
    if (first === undefined || device !== problem.source) return 0;
    return cuts[0]?.send[problem.source * problem.devices.length + first] as number;
  }

  /** What the sink receives at least, where it is not the last device. */
  #shareAsSink(device: number | undefined): number {
    const { problem, answer } = this.model;
    if (device === undefined || device !== problem.sink) return 0;
    return answer?.leastReceive[device] ?? 0;
  }
}

interface HopOf {
  wire(cut: number): number;
  send(cut: number): number;
  receive(cut: number): number;
  medium(cut: number): number;
}
