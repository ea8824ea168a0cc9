import { type Burden, findBurdens, roomLeft } from "./burdens.ts";
import type { HopCosts } from "./hops.ts";
import type { PiecesModel } from "./model.ts";
import { findWalks, noWay, type Walks } from "./walk.ts";
import { LeastInWindow } from "./window.ts";

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

/** What a device costs besides the cuts and ends that are looked at. */
const stepsPerDevice = 10;

/** How much may be done, and was: counted in steps, so that every machine ends alike. */
export interface Effort {
  steps: number;
  readonly most: number;
}

/** What every chain below a period keeps. */
export interface Relaxed {
  readonly model: PiecesModel;
  readonly period: number;
  readonly walks: Walks;
  readonly burdens: readonly Burden[];
}

/** With more pieces than this each part is followed by a pause. */
const manyPieces = 300;

export function* relaxChains(model: PiecesModel, period: number): Generator<null, Relaxed> {
  const walks = findWalks(model, period);
  if (model.cuts.length > manyPieces) yield null;
  const burdens = findBurdens(model, period);
  if (model.cuts.length > manyPieces) yield null;
  return { model, period, walks, burdens };
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
  readonly mostRuns: number;
  readonly #effort: Effort;
  readonly #walks: Walks;
  readonly #burdens: readonly Burden[];

  /** @param mostRuns longer chains are left out */
  constructor({ model, period, walks, burdens }: Relaxed, effort: Effort, mostRuns: number) {
    this.mostRuns = Math.min(mostRuns, model.runners.length);
    this.model = model;
    this.period = period;
    this.#effort = effort;
    this.#walks = walks;
    this.#burdens = burdens;
  }

  /** The chain before the first device: it is at the source, and has placed nothing. */
  root(): Runs {
    return { devices: [], ends: [0], loads: [0], shared: [0] };
  }

  /** The chains with one more run, on a device that they do not use; `null`: there are none. */
  extend(runs: Runs, device: number): Runs | null {
    this.#effort.steps += stepsPerDevice;
    if (!this.#isLinked(runs, device)) return null;
    const count = this.model.cuts.length;
    const sums = this.model.seconds[device] as Float64Array;
    const devices = [...runs.devices, device];
    const longer = new Longer(devices);
    const mayEnd = this.#endings(devices);
    const window = this.#openWindow(runs, device);
    for (let end = (runs.ends[0] as number) + 1; end <= count; end++) {
      this.#effort.steps++;
      const isLast = window.admit(end);
      const load = window.loads.at(end) + (sums[end] as number);
      if (load > this.period || load === Number.POSITIVE_INFINITY) {
        // From here on loads only grow.
        if (isLast) break;
        continue;
      }
      const air = window.airs.at(end);
      if (end === count) this.#finish(longer, load, air);
      else if (mayEnd(end, load, air)) longer.add(end, load, air);
    }
    return longer.ends.length === 0 ? null : longer;
  }

  /** The fewest runs of any chain, if devices might take several turns. */
  fewestRuns(): number {
    const begun = this.model.runners.map((device) => this.extend(this.root(), device));
    const fewest = begun.map((runs) => (runs === null ? noWay : 1 + this.furtherRuns(runs)));
    return Math.min(noWay, ...fewest);
  }

  /** The fewest runs that could follow, if devices might take several turns. */
  furtherRuns({ ends, devices }: Pick<Runs, "ends" | "devices">): number {
    const { cuts, problem } = this.model;
    const device = devices.at(-1) as number;
    return ends.reduce((fewest, end) => {
      if (end === cuts.length) return 0;
      return Math.min(fewest, this.#walks.runs[end * problem.devices.length + device] as number);
    }, Number.POSITIVE_INFINITY);
  }

  /** Whether any of the chains can send its cut to a device at all. */
  #isLinked({ devices, ends }: Runs, device: number): boolean {
    const from = devices.at(-1);
    if (from === undefined) return true;
    const { cuts, problem } = this.model;
    const at = from * problem.devices.length + device;
    return ends.some((cut) => (cuts[cut]?.wire[at] as number) <= this.period);
  }

  /** The beginnings of a run, as they come within reach of its ends. */
  #openWindow(runs: Runs, device: number): Window {
    const from = runs.devices.at(-1);
    const base = this.#shareAsSource(runs, device);
    const reserve = this.#shareAsSink(from);
    const { wire, send, receive, medium } = this.#hop(from, device);
    const sums = this.model.seconds[device] as Float64Array;
    const reach = this.model.reach[device] as Int32Array;
    const loads = new LeastInWindow();
    const airs = new LeastInWindow();
    let next = 0;
    const admit = (end: number): boolean => {
      for (; next < runs.ends.length && (runs.ends[next] as number) < end; next++) {
        this.#effort.steps++;
        const cut = runs.ends[next] as number;
        const sent = (runs.loads[next] as number) + send(cut) + reserve;
        const air = (runs.shared[next] as number) + medium(cut);
        if (wire(cut) > this.period || sent > this.period || air > this.period) continue;
        const until = reach[cut] as number;
        loads.push(base + receive(cut) - (sums[cut] as number), until);
        airs.push(air, until);
      }
      return next === runs.ends.length;
    };
    return { loads, airs, admit };
  }

  /** Whether a run can end somewhere, for all that is left to do behind it. */
  #endings(devices: readonly number[]): (end: number, load: number, air: number) => boolean {
    const { cuts, problem } = this.model;
    const device = devices.at(-1) as number;
    const reserve = this.#shareAsSink(device);
    const spare = this.mostRuns - devices.length;
    const left = this.#burdens.map((burden) => roomLeft(burden, devices));
    return (end, load, air) => {
      const at = end * problem.devices.length + device;
      if (load + reserve + (cuts[end]?.leastSend[device] as number) > this.period) return false;
      if ((this.#walks.runs[at] as number) > spare) return false;
      if (air + (this.#walks.shared[at] as number) > this.period) return false;
      return this.#burdens.every(
        ({ weights }, position) => (weights[end] as number) <= (left[position] as number),
      );
    };
  }

  /** The last run has the answer to deliver. */
  #finish(longer: Longer, load: number, air: number): void {
    const { problem, answer, cuts } = this.model;
    const { sink } = problem;
    const device = longer.devices.at(-1) as number;
    if (sink === null || sink === device || answer === null) {
      longer.add(cuts.length, load, air);
      return;
    }
    const at = device * problem.devices.length + sink;
    const whole = air + (answer.shared?.[at] ?? 0);
    if ((answer.wire[at] as number) > this.period || whole > this.period) return;
    if (load + (answer.send[at] as number) <= this.period) longer.add(cuts.length, load, whole);
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

/** Chains under construction. */
class Longer implements Runs {
  readonly devices: readonly number[];
  readonly ends: number[] = [];
  readonly loads: number[] = [];
  readonly shared: number[] = [];

  constructor(devices: readonly number[]) {
    this.devices = devices;
  }

  add(end: number, load: number, air: number): void {
    this.ends.push(end);
    this.loads.push(load);
    this.shared.push(air);
  }
}

interface Window {
  /** The least load without the work of the pieces before the run. */
  readonly loads: LeastInWindow;
  readonly airs: LeastInWindow;
  /** Admits what begins before an end; returns whether that was all. */
  admit(end: number): boolean;
}

interface HopOf {
  wire(cut: number): number;
  send(cut: number): number;
  receive(cut: number): number;
  medium(cut: number): number;
}
