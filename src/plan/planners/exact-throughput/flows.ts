import type { Ideals } from "../../../graph/ideals.ts";
import type { Flow, ThroughputModel } from "./model.ts";

/** Tensors summed up; every own share and wire time is linear in both. */
export interface Amount {
  count: number;
  bytes: number;
}

/** What crosses the border of each ideal, summed up: count at 2i, bytes at 2i + 1. */
export interface Crossings {
  /** Flows made inside and read outside. */
  readonly crossing: readonly (readonly number[])[];
  /** The only unit of an ideal that nothing in it reads, and which so is in its last stage; else -1. */
  readonly tops: Int32Array;
  readonly crossingSum: Float64Array;
  /** Flows made inside, to be delivered, and not read outside. */
  readonly deliveredInside: Float64Array;
  /** Flows made outside that are to be delivered. */
  readonly deliveredOutside: Float64Array;
  /** Graph inputs read outside. */
  readonly inputsOutside: Float64Array;
  /** Graph inputs read outside or to be delivered. */
  readonly inputsOutsideOrDelivered: Float64Array;
  /** Graph inputs read inside. */
  readonly inputsInside: Float64Array;
  /** Graph inputs read inside or to be delivered. */
  readonly inputsInsideOrDelivered: Float64Array;
}

/** O(ideals · (crossing flows + graph inputs and outputs) · consumers) time. */
export function findCrossings(model: ThroughputModel, ideals: Ideals): Crossings {
  const { flows, inputs, delivered } = model;
  const crossing = crossingFlows(model, ideals);
  const sums = (chosen: (ideal: number) => readonly number[]): Float64Array => {
    const sum = new Float64Array(2 * ideals.count);
    for (let ideal = 0; ideal < ideals.count; ideal++) {
      for (const flow of chosen(ideal)) {
        (sum[2 * ideal] as number) += 1;
        (sum[2 * ideal + 1] as number) += flows[flow]?.bytes as number;
      }
    }
    return sum;
  };
  const made = delivered.filter((flow) => flows[flow]?.producer !== null);
  const at = (flow: number): Flow => flows[flow] as Flow;
  const isMadeInside = (ideal: number, flow: number): boolean =>
    ideals.has(ideal, at(flow).producer as number);
  const readOutside = (ideal: number, flow: number): boolean =>
    at(flow).consumers.some((unit) => !ideals.has(ideal, unit));
  const readInside = (ideal: number, flow: number): boolean =>
    at(flow).consumers.some((unit) => ideals.has(ideal, unit));
  return {
    crossing,
    tops: findTops(model, ideals),
    crossingSum: sums((ideal) => crossing[ideal] as readonly number[]),
    deliveredInside: sums((ideal) =>
      made.filter((flow) => isMadeInside(ideal, flow) && !readOutside(ideal, flow)),
    ),
    deliveredOutside: sums((ideal) => made.filter((flow) => !isMadeInside(ideal, flow))),
    inputsOutside: sums((ideal) => inputs.filter((flow) => readOutside(ideal, flow))),
    inputsOutsideOrDelivered: sums((ideal) =>
      inputs.filter((flow) => at(flow).isDelivered || readOutside(ideal, flow)),
    ),
    inputsInside: sums((ideal) => inputs.filter((flow) => readInside(ideal, flow))),
    inputsInsideOrDelivered: sums((ideal) =>
      inputs.filter((flow) => at(flow).isDelivered || readInside(ideal, flow)),
    ),
  };
}

function crossingFlows({ flows, made }: ThroughputModel, ideals: Ideals): number[][] {
  const crossing: number[][] = [[]];
  for (let ideal = 1; ideal < ideals.count; ideal++) {
    const candidates = [
      ...(crossing[ideals.parent(ideal)] as number[]),
      ...(made[ideals.added(ideal)] as readonly number[]),
    ];
    crossing.push(
      candidates.filter((flow) =>
        flows[flow]?.consumers.some((consumer) => !ideals.has(ideal, consumer)),
      ),
    );
  }
  return crossing;
}

function findTops({ contraction }: ThroughputModel, ideals: Ideals): Int32Array {
  const ends: number[][] = [[]];
  for (let ideal = 1; ideal < ideals.count; ideal++) {
    const added = ideals.added(ideal);
    const before = contraction.predecessors[added] as readonly number[];
    const others = (ends[ideals.parent(ideal)] as number[]).filter(
      (unit) => !before.includes(unit),
    );
    ends.push([...others, added]);
  }
  return Int32Array.from(ends, (units) => (units.length === 1 ? (units[0] as number) : -1));
}

/** What a stage, the nodes of `after` that `before` lacks, takes in and gives out. */
export class StageFlows {
  readonly entering: Amount = { count: 0, bytes: 0 };
  readonly leaving: Amount = { count: 0, bytes: 0 };
  readonly #model: ThroughputModel;
  readonly #ideals: Ideals;
  readonly #crossings: Crossings;

  constructor(model: ThroughputModel, ideals: Ideals, crossings: Crossings) {
    this.#model = model;
    this.#ideals = ideals;
    this.#crossings = crossings;
  }

  /** Sums up `entering` and `leaving` for a stage on the device at a position. */
  measure(before: number, after: number, device: number): void {
    this.entering.count = this.entering.bytes = 0;
    this.leaving.count = this.leaving.bytes = 0;
    this.#measureMade(before, after, device);
    this.#measureInputs(before, after, device);
  }

  #measureMade(before: number, after: number, device: number): void {
    const { crossing, deliveredInside, deliveredOutside } = this.#crossings;
    const { flows } = this.#model;
    const isSink = device === this.#model.problem.sink;
    for (const position of crossing[before] as readonly number[]) {
      const flow = flows[position] as Flow;
      const wanted = isSink && flow.isDelivered;
      if (wanted || this.isReadBetween(flow, before, after)) add(this.entering, flow.bytes);
    }
    for (const position of crossing[after] as readonly number[]) {
      const flow = flows[position] as Flow;
      if (!this.#ideals.has(before, flow.producer as number)) add(this.leaving, flow.bytes);
    }
    if (isSink) {
      addSum(this.entering, deliveredInside, before);
      addSum(this.entering, deliveredOutside, after);
      return;
    }
    for (const position of this.#model.delivered) {
      const flow = flows[position] as Flow;
      if (flow.producer === null || this.#ideals.has(before, flow.producer)) continue;
      if (!this.#ideals.has(after, flow.producer)) continue;
      if (flow.consumers.every((unit) => this.#ideals.has(after, unit)))
        add(this.leaving, flow.bytes);
    }
  }

  #measureInputs(before: number, after: number, device: number): void {
    const { flows, inputs, problem } = this.#model;
    const isSink = device === problem.sink;
    for (const position of inputs) {
      const flow = flows[position] as Flow;
      const inside = flow.consumers.filter(
        (unit) => this.#ideals.has(after, unit) && !this.#ideals.has(before, unit),
      ).length;
      if (device !== problem.source) {
        if (inside > 0 || (isSink && flow.isDelivered)) add(this.entering, flow.bytes);
      } else if (inside < flow.consumers.length || (!isSink && flow.isDelivered)) {
        add(this.leaving, flow.bytes);
      }
    }
  }

  /** Whether a stage reads a flow. */
  isReadBetween(flow: Flow, before: number, after: number): boolean {
    for (const unit of flow.consumers) {
      if (this.#ideals.has(after, unit) && !this.#ideals.has(before, unit)) return true;
    }
    return false;
  }
}

function add(amount: Amount, bytes: number): void {
  amount.count += 1;
  amount.bytes += bytes;
}

function addSum(amount: Amount, sum: Float64Array, ideal: number): void {
  amount.count += sum[2 * ideal] as number;
  amount.bytes += sum[2 * ideal + 1] as number;
}
