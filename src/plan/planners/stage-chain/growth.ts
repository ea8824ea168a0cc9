import type { Ideals, Lattice } from "../../../graph/ideals.ts";
import {
  type DeviceClass,
  type FlowUses,
  type LoadTerm,
  type StageModel,
  usesOf,
} from "./model.ts";

/** What crosses the border of each ideal. */
export interface Crossings {
  /** Where the flows of each ideal begin in `flows`; one more than ideals. */
  readonly starts: Int32Array;
  /** Flows made inside that are read outside or delivered. */
  readonly flows: Int32Array;
}

/** What the stages of one class cost, summed over ideals. */
interface ClassTable {
  readonly compute: Float64Array;
  readonly terms: readonly LoadTerm[];
  /** `enter` without what this class never receives, or always does. */
  readonly enter: readonly Float64Array[];
  /** At ideal · terms + term: what leaves the ideal if all of it is one stage. */
  readonly need: Float64Array;
  /** Alike: what is delivered to this class whatever it runs, less what the ideal makes of it. */
  readonly delivered: Float64Array | null;
  /** For each term what it sends as the source when it runs nothing. */
  readonly sent: readonly number[];
}

/**
 * The loads of all stages behind one ideal, unit by unit: each from that of a stage with one unit
 * less, in O(flows that the unit reads) time.
 */
export class StageGrowth {
  readonly crossings: Crossings;
  readonly uses: FlowUses;
  readonly #model: StageModel;
  readonly #ideals: Ideals;
  /** Made when a class is first grown. */
  readonly #tables: (ClassTable | undefined)[];
  readonly #bytes: Float64Array;
  readonly #mostTerms: number;
  readonly #producers: Int32Array;
  /** By ideal and term, for the stage that ends there: what has entered, and what does not leave. */
  readonly #entered: Float64Array;
  readonly #rest: Float64Array;
  /** By flow, the stage that it may enter. */
  readonly #entering: Float64Array;
  #stage = 0;
  #before = 0;
  #table: ClassTable;
  #class: DeviceClass;

  constructor(model: StageModel, { ideals }: Lattice) {
    this.#model = model;
    this.#ideals = ideals;
    this.uses = usesOf(model);
    this.crossings = findCrossings(model, this.uses, ideals);
    this.#class = model.classes[0] as DeviceClass;
    this.#table = tabulate(model, this.#class, ideals, this.crossings);
    this.#tables = [this.#table];
    this.#bytes = sumOver(ideals, model.unitBytes);
    this.#mostTerms = Math.max(1, ...model.classes.map(({ terms }) => terms.length));
    this.#producers = Int32Array.from(model.flows, ({ producer }) => producer ?? -1);
    this.#entered = new Float64Array(ideals.count * this.#mostTerms);
    this.#rest = new Float64Array(ideals.count * this.#mostTerms);
    this.#entering = new Float64Array(model.flows.length);
  }

  /** Begins with the empty stage of a class behind an ideal. */
  start(deviceClass: number, before: number): void {
    this.#before = before;
    this.#stage++;
    this.#class = this.#model.classes[deviceClass] as DeviceClass;
    this.#table =
      this.#tables[deviceClass] ?? tabulate(this.#model, this.#class, this.#ideals, this.crossings);
    this.#tables[deviceClass] = this.#table;
    const { starts, flows } = this.crossings;
    for (let at = starts[before] as number; at < (starts[before + 1] as number); at++) {
      this.#entering[flows[at] as number] = this.#stage;
    }
    for (const flow of this.uses.inputs) this.#entering[flow] = this.#stage;
    const { need, sent } = this.#table;
    const terms = sent.length;
    for (let term = 0; term < terms; term++) {
      this.#entered[before * this.#mostTerms + term] = 0;
      this.#rest[before * this.#mostTerms + term] =
        (sent[term] as number) - (need[before * terms + term] as number);
    }
  }

  /**
   * Adds a unit to the stage that ends with `via`.
   *
   * @returns what all stages with these units cost at least; `Infinity`: they cannot run there
   */
  add(via: number, unit: number, after: number): number {
    const { compute, terms } = this.#table;
    const { roomBytes, seconds } = this.#class;
    if (seconds[unit] === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    const bytes = (this.#bytes[after] as number) - (this.#bytes[this.#before] as number);
    if (roomBytes !== null && bytes > roomBytes) return Number.POSITIVE_INFINITY;
    const from = via * this.#mostTerms;
    const to = after * this.#mostTerms;
    for (let term = 0; term < terms.length; term++) {
      this.#entered[to + term] = this.#entered[from + term] as number;
      this.#rest[to + term] = this.#rest[from + term] as number;
    }
    if (terms.length > 0) this.#read(via, unit, to);
    const own = (compute[after] as number) - (compute[this.#before] as number);
    let least = 0;
    for (let term = 0; term < terms.length; term++) {
      const entered = this.#entered[to + term] as number;
      const load = (terms[term] as LoadTerm).isComputing ? own + entered : entered;
      if (load > least) least = load;
    }
    return least;
  }

  /** The load of the stage that ends with an ideal. */
  seconds(after: number): number {
    const { compute, terms, need, delivered } = this.#table;
    const own = (compute[after] as number) - (compute[this.#before] as number);
    let most = 0;
    for (let term = 0; term < terms.length; term++) {
      const at = after * this.#mostTerms + term;
      let load = (this.#entered[at] as number) + (this.#rest[at] as number);
      load += need[after * terms.length + term] as number;
      if ((terms[term] as LoadTerm).isComputing) load += own;
      if (delivered !== null) {
        load += delivered[after * terms.length + term] as number;
        load += delivered[term] as number;
        load -= delivered[this.#before * terms.length + term] as number;
      }
      if (load > most) most = load;
    }
    return most;
  }

  /** Whether the memory of the class holds the stage that ends with an ideal. */
  fits(after: number): boolean {
    const { roomBytes } = this.#class;
    const { alive, predecessors } = this.#model;
    if (roomBytes === null || alive === null) return true;
    const left = roomBytes - (this.#bytes[after] as number) + (this.#bytes[this.#before] as number);
    const units: number[] = [];
    let most = 0;
    for (let unit = 0; unit < predecessors.length; unit++) {
      if (!this.#ideals.has(after, unit) || this.#ideals.has(this.#before, unit)) continue;
      units.push(unit);
      most += alive.most[unit] as number;
    }
    return most <= left || alive.of(units) <= left;
  }

  #read(via: number, unit: number, to: number): void {
    const { terms, enter } = this.#table;
    for (const flow of this.uses.read[unit] as readonly number[]) {
      if (this.#entering[flow] !== this.#stage) continue;
      if (this.#isFirst(flow, via, unit)) {
        for (let term = 0; term < terms.length; term++) {
          (this.#entered[to + term] as number) += (enter[term] as Float64Array)[flow] as number;
        }
      }
      const isInput = (this.#producers[flow] as number) < 0;
      if ((isInput && !this.#class.isSource) || this.#isKept(flow)) continue;
      if (!this.#isLast(flow, via, unit, isInput)) continue;
      for (let term = 0; term < terms.length; term++) {
        const seconds = (terms[term] as LoadTerm).leave[flow] as number;
        (this.#rest[to + term] as number) += isInput ? -seconds : seconds;
      }
    }
  }

  /** Whether a flow leaves whoever reads it. */
  #isKept(flow: number): boolean {
    return !this.#class.isSink && (this.#model.flows[flow] as { isDelivered: boolean }).isDelivered;
  }

  #isFirst(flow: number, via: number, unit: number): boolean {
    const consumers = this.#consumersOf(flow);
    if (consumers.length === 1) return true;
    for (const other of consumers) {
      if (other === unit || !this.#ideals.has(via, other)) continue;
      if (!this.#ideals.has(this.#before, other)) return false;
    }
    return true;
  }

  /** Whether nobody else reads a flow later; of an input, whether it is read in this stage only. */
  #isLast(flow: number, via: number, unit: number, isInput: boolean): boolean {
    for (const other of this.#consumersOf(flow)) {
      if (other === unit) continue;
      if (!this.#ideals.has(via, other)) return false;
      if (isInput && this.#ideals.has(this.#before, other)) return false;
    }
    return true;
  }

  #consumersOf(flow: number): readonly number[] {
    return (this.#model.flows[flow] as { consumers: readonly number[] }).consumers;
  }
}

/** Sums of a value over the units of each ideal; what is infinite counts as nothing. */
export function sumOver(ideals: Ideals, values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(ideals.count);
  for (let ideal = 1; ideal < ideals.count; ideal++) {
    const value = values[ideals.added(ideal)] as number;
    const before = sums[ideals.parent(ideal)] as number;
    sums[ideal] = before + (Number.isFinite(value) ? value : 0);
  }
  return sums;
}

/** O(ideals · flows that cross · consumers) time. */
export function findCrossings(
  { flows }: Pick<StageModel, "flows">,
  { made }: FlowUses,
  ideals: Ideals,
): Crossings {
  const starts = new Int32Array(ideals.count + 1);
  let found = new Int32Array(1024);
  let count = 0;
  const keep = (flow: number, ideal: number): void => {
    const { consumers, isDelivered } = flows[flow] as StageModel["flows"][number];
    if (!isDelivered && consumers.every((unit) => ideals.has(ideal, unit))) return;
    if (count === found.length) {
      const larger = new Int32Array(2 * count);
      larger.set(found);
      found = larger;
    }
    found[count++] = flow;
  };
  for (let ideal = 1; ideal < ideals.count; ideal++) {
    starts[ideal] = count;
    const parent = ideals.parent(ideal);
    const end = starts[parent + 1] as number;
    for (let at = starts[parent] as number; at < end; at++) keep(found[at] as number, ideal);
    for (const flow of made[ideals.added(ideal)] as readonly number[]) keep(flow, ideal);
    starts[ideal + 1] = count;
  }
  return { starts, flows: found.slice(0, count) };
}

function tabulate(
  model: StageModel,
  deviceClass: DeviceClass,
  ideals: Ideals,
  crossings: Crossings,
): ClassTable {
  const { flows } = model;
  const { terms, isSource, isSink, seconds } = deviceClass;
  const isNever = ({ producer, isDelivered }: StageModel["flows"][number]): boolean =>
    (isSource && producer === null) || (isSink && isDelivered);
  const count = terms.length;
  const need = new Float64Array(ideals.count * count);
  for (let ideal = 0; ideal < ideals.count; ideal++) {
    const end = crossings.starts[ideal + 1] as number;
    for (let at = crossings.starts[ideal] as number; at < end; at++) {
      const flow = crossings.flows[at] as number;
      const { consumers } = flows[flow] as StageModel["flows"][number];
      if (isSink && consumers.every((unit) => ideals.has(ideal, unit))) continue;
      terms.forEach(({ leave }, term) => {
        (need[ideal * count + term] as number) += leave[flow] as number;
      });
    }
  }
  return {
    compute: sumOver(ideals, seconds),
    terms,
    enter: terms.map(({ enter }) =>
      enter.map((price, flow) => (isNever(flows[flow] as (typeof flows)[number]) ? 0 : price)),
    ),
    need,
    delivered: isSink ? deliveriesTo(model, deviceClass, ideals) : null,
    sent: terms.map(({ leave }) =>
      flows.reduce((sum, { producer, consumers, isDelivered }, flow) => {
        const isSent = consumers.length > 0 || (isDelivered && !isSink);
        return isSource && producer === null && isSent ? sum + (leave[flow] as number) : sum;
      }, 0),
    ),
  };
}

/** All that is delivered from outside of each ideal, so that differences are what a stage makes. */
function deliveriesTo(
  { flows, predecessors }: StageModel,
  { terms, isSource }: DeviceClass,
  ideals: Ideals,
): Float64Array {
  const count = terms.length;
  const delivered = new Float64Array(ideals.count * count);
  terms.forEach(({ enter }, term) => {
    const byUnit = predecessors.map(() => 0);
    let total = 0;
    flows.forEach(({ producer, isDelivered }, flow) => {
      if (!isDelivered || (isSource && producer === null)) return;
      total += enter[flow] as number;
      if (producer !== null) (byUnit[producer] as number) += enter[flow] as number;
    });
    const made = sumOver(ideals, byUnit);
    made.forEach((seconds, ideal) => {
      delivered[ideal * count + term] = total - seconds;
    });
  });
  return delivered;
}
