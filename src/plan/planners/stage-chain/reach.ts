import type { Lattice } from "../../../graph/ideals.ts";
import type { WeightedWork } from "./bounds.ts";
import { StageGrowth } from "./growth.ts";
import {
  type DeviceClass,
  type Stage,
  type StageChain,
  type StageModel,
  stageSeconds,
} from "./model.ts";
import { Remainder } from "./remainder.ts";
import { UsedCounts } from "./used.ts";

/** Work counted in stages looked at, so that searches end alike on every machine. */
export interface Effort {
  steps: number;
  readonly most: number;
}

/** How many steps pass between two occasions for the caller to stop. */
const pause = 50_000;
const nobody = 255;

/**
 * Answers whether a period can be kept, over the chains of one lattice.
 *
 * For each ideal and each count of devices used of all classes but the largest: the fewest devices
 * of the largest class with which some chain gets there, no load above the period. Ideals in order of
 * size; from each, stages of every class grow unit by unit as long as they stay below the period.
 * O(pairs of ideals within one stage · flows a unit reads) time, O(ideals · counts) memory.
 */
export class Reach {
  readonly #model: StageModel;
  readonly #lattice: Lattice;
  readonly #growth: StageGrowth;
  readonly #used: UsedCounts;
  readonly #remainder: Remainder;
  readonly #order: Int32Array;
  readonly #idle: readonly number[];
  /** At ideal · used + used. */
  readonly #fewest: Uint8Array;
  readonly #befores: Int32Array;
  readonly #classes: Uint8Array;
  readonly #seen: Int32Array;
  readonly #queue: Int32Array;
  #visit = 0;
  /** The least load, of those turned down by the last search, that a greater period would allow. */
  #turnedDown = 0;

  constructor(model: StageModel, lattice: Lattice, work: WeightedWork) {
    const { count } = lattice.ideals;
    this.#model = model;
    this.#lattice = lattice;
    this.#growth = new StageGrowth(model, lattice);
    this.#used = new UsedCounts(model.classes);
    this.#remainder = new Remainder(model, lattice.ideals, this.#growth, work.weights);
    this.#order = bySize(lattice);
    this.#idle = model.classes.map((one) =>
      one.isSource || one.isSink ? stageSeconds(model, one, []) : 0,
    );
    this.#fewest = new Uint8Array(count * this.#used.states);
    this.#befores = new Int32Array(count * this.#used.states);
    this.#classes = new Uint8Array(count * this.#used.states);
    this.#seen = new Int32Array(count);
    this.#queue = new Int32Array(count);
  }

  /** Bytes of what it holds for so many ideals and classes. */
  static bytesFor(classes: readonly DeviceClass[], ideals: number): number {
    const terms = Math.max(1, ...classes.map((one) => one.terms.length));
    const each = classes.reduce((sum, one) => sum + 8 * (one.terms.length + 2), 0);
    return ideals * (6 * UsedCounts.countOf(classes) + 16 * terms + each + 8);
  }

  /** No smaller period can be kept than that of the last search, which failed, or this one. */
  get nextSeconds(): number {
    return this.#turnedDown;
  }

  /**
   * Searches for a chain without a load above a period; yields now and then, so that the caller may
   * stop.
   *
   * @returns `null`: there is none, or the effort ran out
   */
  *search(seconds: number, effort: Effort): Generator<null, StageChain | null> {
    const { whole } = this.#lattice.ideals;
    const { states } = this.#used;
    const { constantSeconds } = this.#model;
    this.#turnedDown = constantSeconds > seconds ? constantSeconds : Number.POSITIVE_INFINITY;
    if (constantSeconds > seconds) return null;
    this.#fewest.fill(nobody);
    this.#fewest[0] = 0;
    let next = effort.steps + pause;
    for (const before of this.#order) {
      if (before === whole || effort.steps > effort.most) break;
      const alive = this.#aliveAt(before, seconds);
      if (alive.length === 0) continue;
      for (let one = 0; one < this.#model.classes.length; one++) {
        const open = alive.filter((used) =>
          this.#used.isLeft(one, used, this.#fewest[before * states + used] as number),
        );
        if (open.length === 0) continue;
        effort.steps += this.#grow(one, before, open, seconds);
        const end = this.#end(seconds);
        if (end >= 0) return this.#trace(end);
      }
      if (effort.steps < next) continue;
      next = effort.steps + pause;
      yield null;
    }
    return null;
  }

  /** The counts with which an ideal is reached, without those that need no fewer devices than another. */
  #aliveAt(ideal: number, seconds: number): number[] {
    const { states } = this.#used;
    const alive: number[] = [];
    for (let used = 0; used < states; used++) {
      const fewest = this.#fewest[ideal * states + used] as number;
      if (fewest === nobody) continue;
      const isWorse = this.#used
        .smaller(used)
        .some(
          ({ counts, deviceClass }) =>
            (this.#fewest[ideal * states + counts] as number) <= fewest &&
            (this.#idle[deviceClass] as number) <= seconds,
        );
      if (!isWorse) alive.push(used);
    }
    return alive;
  }

  /** Grows all stages of a class behind an ideal; returns how many it looked at. */
  #grow(deviceClass: number, before: number, open: readonly number[], seconds: number): number {
    const { starts, nodes, targets } = this.#lattice;
    const growth = this.#growth;
    const queue = this.#queue;
    const visit = ++this.#visit;
    growth.start(deviceClass, before);
    queue[0] = before;
    let tail = 1;
    for (let head = 0; head < tail; head++) {
      const via = queue[head] as number;
      const end = starts[via + 1] as number;
      for (let step = starts[via] as number; step < end; step++) {
        const after = targets[step] as number;
        if (this.#seen[after] === visit) continue;
        const least = growth.add(via, nodes[step] as number, after);
        // A unit that may not run here may come by no other way either.
        this.#seen[after] = visit;
        if (least > seconds) {
          this.#turnDown(least);
          continue;
        }
        queue[tail++] = after;
        this.#accept(deviceClass, before, after, open, seconds);
      }
    }
    return tail;
  }

  #accept(
    deviceClass: number,
    before: number,
    after: number,
    open: readonly number[],
    seconds: number,
  ): void {
    const load = this.#growth.seconds(after);
    if (load > seconds) {
      this.#turnDown(load);
      return;
    }
    const { states } = this.#used;
    let fits: boolean | null = null;
    for (const used of open) {
      const fewest = this.#fewest[before * states + used] as number;
      const then = this.#used.with(deviceClass, used);
      const devices = fewest + (deviceClass === this.#used.main ? 1 : 0);
      const at = after * states + then;
      if ((this.#fewest[at] as number) <= devices) continue;
      const left = this.#remainder.seconds(after, then, devices, this.#used);
      if (left > seconds) {
        this.#turnDown(left);
        continue;
      }
      fits ??= this.#growth.fits(after);
      if (!fits) return;
      this.#fewest[at] = devices;
      this.#befores[at] = before * states + used;
      this.#classes[at] = deviceClass;
    }
  }

  #turnDown(seconds: number): void {
    if (seconds < this.#turnedDown) this.#turnedDown = seconds;
  }

  /** Where everything is placed and no unused device is loaded too much; -1: nowhere yet. */
  #end(seconds: number): number {
    const { states } = this.#used;
    const { whole } = this.#lattice.ideals;
    for (let used = 0; used < states; used++) {
      const fewest = this.#fewest[whole * states + used] as number;
      if (fewest === nobody) continue;
      const idle = this.#model.classes.reduce(
        (most, _, one) =>
          this.#used.isUsed(one, used, fewest) ? most : Math.max(most, this.#idle[one] as number),
        0,
      );
      if (idle <= seconds) return whole * states + used;
      this.#turnDown(idle);
    }
    return -1;
  }

  #trace(end: number): StageChain {
    const { ideals } = this.#lattice;
    const { states } = this.#used;
    const chain: Stage[] = [];
    for (let at = end; at >= states; at = this.#befores[at] as number) {
      const after = Math.floor(at / states);
      const before = Math.floor((this.#befores[at] as number) / states);
      const units = this.#model.predecessors.flatMap((_, unit) =>
        ideals.has(after, unit) && !ideals.has(before, unit) ? [unit] : [],
      );
      chain.unshift({ deviceClass: this.#classes[at] as number, units });
    }
    return chain;
  }
}

/** Positions of the ideals, the smaller ones first. */
function bySize({ ideals }: Lattice): Int32Array {
  const order = Int32Array.from({ length: ideals.count }, (_, ideal) => ideal);
  return order.sort((a, b) => ideals.size(a) - ideals.size(b) || a - b);
}
