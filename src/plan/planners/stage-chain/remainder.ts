import type { Ideals } from "../../../graph/ideals.ts";
import type { StageGrowth } from "./growth.ts";
import type { StageModel } from "./model.ts";
import type { UsedCounts } from "./used.ts";

/** With more classes, which of them are left is not looked at. */
const mostClasses = 6;
/** A bit for each of any number of classes. */
const everything = -1;

/**
 * What is left to do behind an ideal, at least: the weighted mean of the loads of the devices left, with
 * every unit, and every flow that has to enter one of them, where it weighs least.
 */
export class Remainder {
  readonly #model: StageModel;
  readonly #ideals: Ideals;
  readonly #growth: StageGrowth;
  readonly #weights: readonly number[];
  readonly #tables = new Map<number, Float64Array>();

  constructor(model: StageModel, ideals: Ideals, growth: StageGrowth, weights: readonly number[]) {
    this.#model = model;
    this.#ideals = ideals;
    this.#growth = growth;
    this.#weights = weights;
  }

  /** No way to run the rest on the devices left has a smaller largest load. */
  seconds(ideal: number, used: number, mains: number, counts: UsedCounts): number {
    const { classes } = this.#model;
    let open = 0;
    let weight = 0;
    for (let one = 0; one < classes.length; one++) {
      const left = counts.left(one, used, mains);
      if (left === 0) continue;
      open |= 1 << one;
      const own = this.#weights[one] as number;
      weight += own === 0 ? 0 : left * own;
    }
    if (classes.length > mostClasses && open !== 0) open = everything;
    let table = this.#tables.get(open);
    if (table === undefined) {
      table = this.#tabulate(open);
      this.#tables.set(open, table);
    }
    const rest = table[ideal] as number;
    // Rounding must not turn down what fits exactly.
    return rest === 0 ? 0 : (rest / weight) * (1 - 1e-9);
  }

  #tabulate(open: number): Float64Array {
    const { classes, predecessors, flows } = this.#model;
    const members = classes.flatMap((deviceClass, one) =>
      ((open >> one) & 1) === 1 ? [{ ...deviceClass, weight: this.#weights[one] as number }] : [],
    );
    const units = predecessors.map((_, unit) =>
      members.reduce((least, { seconds, weight }) => {
        const own = seconds[unit] as number;
        return Number.isFinite(own) ? Math.min(least, own * weight) : least;
      }, Number.POSITIVE_INFINITY),
    );
    const entering = flows.map(({ producer, isDelivered }, flow) =>
      members.reduce((least, { terms, weight, isSource, isSink }) => {
        const isFree = (isSource && producer === null) || (isSink && isDelivered);
        return Math.min(least, isFree ? 0 : (terms[0]?.enter[flow] ?? 0) * weight);
      }, Number.POSITIVE_INFINITY),
    );
    const table = new Float64Array(this.#ideals.count);
    for (let ideal = 0; ideal < table.length; ideal++) {
      table[ideal] = this.#entered(ideal, entering);
    }
    return this.#addWork(table, units);
  }

  /** What flows cost that are made before an ideal and read behind it. */
  #entered(ideal: number, entering: readonly number[]): number {
    const { crossings, uses } = this.#growth;
    let sum = 0;
    const add = (flow: number): void => {
      const { consumers } = this.#model.flows[flow] as StageModel["flows"][number];
      for (const unit of consumers) {
        if (this.#ideals.has(ideal, unit)) continue;
        sum += entering[flow] as number;
        return;
      }
    };
    const end = crossings.starts[ideal + 1] as number;
    for (let at = crossings.starts[ideal] as number; at < end; at++) {
      add(crossings.flows[at] as number);
    }
    for (const flow of uses.inputs) add(flow);
    return sum;
  }

  #addWork(table: Float64Array, units: readonly number[]): Float64Array {
    const { whole } = this.#ideals;
    const work = new Float64Array(table.length);
    const unable = new Int32Array(table.length);
    for (let ideal = 1; ideal < table.length; ideal++) {
      const own = units[this.#ideals.added(ideal)] as number;
      const parent = this.#ideals.parent(ideal);
      work[ideal] = (work[parent] as number) + (Number.isFinite(own) ? own : 0);
      unable[ideal] = (unable[parent] as number) + (Number.isFinite(own) ? 0 : 1);
    }
    for (let ideal = 0; ideal < table.length; ideal++) {
      const isAble = unable[ideal] === unable[whole];
      const left = Math.max(0, (work[whole] as number) - (work[ideal] as number));
      table[ideal] = isAble ? (table[ideal] as number) + left : Number.POSITIVE_INFINITY;
    }
    return table;
  }
}
