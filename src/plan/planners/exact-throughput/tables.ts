import { memoryBytes } from "../../../cost/memory.ts";
import type { Ideals } from "../../../graph/ideals.ts";
import {
  type Border,
  borderOf,
  inflow,
  outflow,
  type Passage,
  type Port,
  passageOf,
  portOf,
  type Share,
} from "./borders.ts";
import { type Crossings, findCrossings, StageFlows } from "./flows.ts";
import { Loads } from "./loads.ts";
import type { Flow, ThroughputModel } from "./model.ts";

/** The ideals that a set of devices may hold, by the least period that is known to be needed. */
export interface Table {
  /** The runner of the last stage; `null` if there is no stage. */
  readonly last: number | null;
  readonly ideals: Int32Array;
  /** Ascending; parallel to `ideals`. No way to run the ideal on exactly this set has a smaller period. */
  readonly least: Float64Array;
}

/** A stage on a runner, the last of a set, behind what an earlier table holds. */
export interface Step {
  readonly set: number;
  readonly runner: number;
  readonly earlier: Table;
}

/** Work counted in comparisons, so that searches end alike on every machine. */
export interface Effort {
  steps: number;
  readonly most: number;
}

/** How many steps pass between two occasions for the caller to stop. */
export const pause = 1_000_000;

/** Stages whose memory is remembered. */
const mostStages = 1_000_000;

/** Bounds on the loads of stages, for one list of ideals. */
export class Tables {
  readonly model: ThroughputModel;
  readonly ideals: Ideals;
  readonly crossings: Crossings;
  readonly flows: StageFlows;
  /** By set of runners, a bit each, for each last stage; only sets that hold no device before its twin. */
  readonly tables: Map<number, readonly Table[]> = new Map();
  readonly #unable: readonly Float64Array[];
  readonly #compute: readonly Float64Array[];
  readonly #parameters: Float64Array;
  readonly #stageBytes = new Map<number, number>();
  readonly #ports = new Map<number, Port>();
  readonly #known: Loads;
  readonly #borders = new Map<number, Border>();
  readonly #passages = new Map<number, Passage>();

  constructor(model: ThroughputModel, ideals: Ideals) {
    this.model = model;
    this.ideals = ideals;
    this.crossings = findCrossings(model, ideals);
    this.flows = new StageFlows(model, ideals, this.crossings);
    // Apart from each other, since differences of infinite sums mean nothing.
    this.#unable = model.seconds.map((seconds) =>
      sumOver(ideals, (unit) => (Number.isFinite(seconds[unit]) ? 0 : 1)),
    );
    this.#compute = model.seconds.map((seconds) =>
      sumOver(ideals, (unit) => (Number.isFinite(seconds[unit]) ? (seconds[unit] as number) : 0)),
    );
    this.#parameters = sumOver(ideals, (unit) => model.parameterBytes[unit] as number);
    this.#known = new Loads(model);
  }

  /** Whether no device of a set stands in for a twin that comes before it. */
  isCanonical(set: number): boolean {
    return this.model.twins.every(
      (twins, runner) =>
        ((set >> runner) & 1) === 0 || twins.every((twin) => ((set >> twin) & 1) === 1),
    );
  }

  /** Fills `tables` with all that stays below `cut`; pauses now and then. */
  *fill(cut: number, effort: Effort): Generator<void, void> {
    this.tables.set(0, [{ last: null, ideals: Int32Array.of(0), least: Float64Array.of(0) }]);
    for (let set = 1; set < 2 ** this.model.runners.length; set++) {
      if (!this.isCanonical(set)) continue;
      const rows = this.#candidates(set, cut);
      effort.steps += this.ideals.count;
      const tables: Table[] = [];
      for (const runner of this.#removable(set)) {
        const least = Float64Array.from(rows, () => cut);
        for (const earlier of this.before(set, runner)) {
          yield* this.#extend({ set, runner, earlier }, rows, least, effort);
          if (effort.steps > effort.most) return;
        }
        tables.push(sorted(runner, rows, this.#withBorder(set, rows, least), cut));
      }
      this.tables.set(set, tables);
    }
  }

  /** The tables of what may stand in front of the last stage of a set. */
  before(set: number, runner: number): readonly Table[] {
    return this.tables.get(set ^ (1 << runner)) ?? [];
  }

  /** The devices that may run the last stage of a set. */
  #removable(set: number): number[] {
    return [...this.model.runners.keys()].filter(
      (runner) => ((set >> runner) & 1) === 1 && this.isCanonical(set ^ (1 << runner)),
    );
  }

  /** The least that links carry between a set that holds an ideal and everything else. */
  borderSeconds(set: number, ideal: number): number {
    const border = this.#border(set);
    const out = outflow(border, this.crossings, 2 * ideal + 1);
    const into = inflow(border, this.crossings, 2 * ideal + 1);
    return Math.max(
      outflow(border, this.crossings, 2 * ideal) > 0 ? times(out, border.secondsPerByteOut) : 0,
      inflow(border, this.crossings, 2 * ideal) > 0 ? times(into, border.secondsPerByteIn) : 0,
    );
  }

  computeSeconds(runner: number, before: number, after: number): number {
    const sums = this.#compute[runner] as Float64Array;
    return (sums[after] as number) - (sums[before] as number);
  }

  /** Whether a stage may run on a device, memory apart. */
  canRun(runner: number, before: number, after: number): boolean {
    const counts = this.#unable[runner] as Float64Array;
    return counts[after] === counts[before];
  }

  /** Whether the memory of a device holds a stage; the peak of its tensors is counted once a stage. */
  fits(runner: number, before: number, after: number, effort: Effort): boolean {
    const { problem, runners } = this.model;
    const device = runners[runner] as number;
    const room = problem.devices[device]?.memoryBytes ?? null;
    if (room === null) return true;
    const left = room - (problem.kinds[device]?.overheadBytes ?? 0);
    const sums = this.#parameters;
    if ((sums[after] as number) - (sums[before] as number) > left) return false;
    const key = before * this.ideals.count + after;
    let needed = this.#stageBytes.get(key);
    if (needed === undefined) {
      needed = this.#countBytes(before, after);
      if (this.#stageBytes.size >= mostStages) this.#stageBytes.clear();
      this.#stageBytes.set(key, needed);
      effort.steps += 32 * this.model.contraction.units.length;
    }
    return needed <= left;
  }

  #countBytes(before: number, after: number): number {
    const { problem, contraction } = this.model;
    const nodes: number[] = [];
    contraction.units.forEach((members, unit) => {
      if (this.ideals.has(after, unit) && !this.ideals.has(before, unit)) nodes.push(...members);
    });
    nodes.sort((a, b) => a - b);
    return memoryBytes(problem.index, nodes, 0);
  }

  /**
   * What a stage loads its device and its links by, at least; exact for a line in order and a hub.
   * Counts no further than to `cut`.
   */
  stageSeconds(step: Step, before: number, after: number, cut: number): number {
    const { set, runner } = step;
    const { last } = step.earlier;
    const { flows, model } = this;
    const port = this.#port(set, runner);
    flows.measure(before, after, model.runners[runner] as number);
    const { entering, leaving } = flows;
    const passage = this.#passage(set, runner);
    const earlier = this.#border(set ^ (1 << runner));
    const all = this.#border(set);
    const c = this.crossings;
    const receive = Math.max(
      priced(port.receive, entering.count, entering.bytes),
      priced(
        passage.receiveFromEarlier,
        outflow(earlier, c, 2 * before),
        outflow(earlier, c, 2 * before + 1),
      ) +
        priced(passage.receiveFromOnward, inflow(all, c, 2 * after), inflow(all, c, 2 * after + 1)),
    );
    const send = Math.max(
      priced(port.send, leaving.count, leaving.bytes),
      priced(
        passage.sendToEarlier,
        inflow(earlier, c, 2 * before),
        inflow(earlier, c, 2 * before + 1),
      ) + priced(passage.sendOnward, outflow(all, c, 2 * after), outflow(all, c, 2 * after + 1)),
    );
    const seconds = Math.max(
      this.computeSeconds(runner, before, after) + receive + send,
      times(entering.bytes, port.secondsPerByteIn),
      times(leaving.bytes, port.secondsPerByteOut),
    );
    if (last === null || seconds >= cut) return seconds;
    return Math.max(seconds, this.#knownSeconds(set, runner, last, before, after));
  }

  /** The loads by those tensors that surely come from the device of the stage in front. */
  #knownSeconds(set: number, runner: number, last: number, before: number, after: number): number {
    const { runners, flows, problem } = this.model;
    const device = runners[runner] as number;
    const top = this.crossings.tops[before] as number;
    const isOnly = (set ^ (1 << runner)) === 1 << last;
    if (!isOnly && top < 0) return 0;
    this.#known.reset();
    this.#known.addCompute(device, this.computeSeconds(runner, before, after));
    for (const position of this.crossings.crossing[before] as readonly number[]) {
      const flow = flows[position] as Flow;
      if (!isOnly && flow.producer !== top) continue;
      const isWanted = device === problem.sink && flow.isDelivered;
      if (!isWanted && !this.flows.isReadBetween(flow, before, after)) continue;
      const isThere = this.#known.addDirect(position, runners[last] as number, device);
      if (!isThere) return Number.POSITIVE_INFINITY;
    }
    return this.#known.max();
  }

  /** Lowers the least periods of `rows`, where a step from an earlier table allows it. */
  *#extend(
    step: Step,
    rows: readonly number[],
    least: Float64Array,
    effort: Effort,
  ): Generator<void, void> {
    for (let row = 0; row < rows.length; row++) {
      const steps = effort.steps;
      least[row] = this.#improve(step, rows[row] as number, least[row] as number, effort);
      if (effort.steps > effort.most) return;
      if (Math.floor(steps / pause) !== Math.floor(effort.steps / pause)) yield;
    }
  }

  /** The least period with `ideal` behind a step, if that is below `best`. */
  #improve(step: Step, ideal: number, best: number, effort: Effort): number {
    const { runner } = step;
    const { ideals, least } = step.earlier;
    const sums = this.#compute[runner] as Float64Array;
    const whole = sums[ideal] as number;
    let found = best;
    let row = 0;
    for (; row < ideals.length && (least[row] as number) < found; row++) {
      const before = ideals[row] as number;
      if (before === ideal || whole - (sums[before] as number) >= found) continue;
      if (!this.canRun(runner, before, ideal) || !this.ideals.isSubset(before, ideal)) continue;
      effort.steps += 64;
      const seconds = Math.max(this.stageSeconds(step, before, ideal, found), least[row] as number);
      if (seconds < found && this.fits(runner, before, ideal, effort)) found = seconds;
    }
    effort.steps += row + 1;
    return found;
  }

  #candidates(set: number, cut: number): number[] {
    const rest = (2 ** this.model.runners.length - 1) ^ set;
    const inside = workBound(this.model, this.ideals, set);
    const outside = workBound(this.model, this.ideals, rest);
    const { whole } = this.ideals;
    const all = outside[whole] as number;
    const rows: number[] = [];
    // Without a device left, everything has to be placed.
    for (let ideal = rest === 0 ? whole : 1; ideal < this.ideals.count; ideal++) {
      if (!((inside[ideal] as number) < cut)) continue;
      if (all - (outside[ideal] as number) >= cut) continue;
      if (this.borderSeconds(set, ideal) < cut) rows.push(ideal);
    }
    return rows;
  }

  #withBorder(set: number, rows: readonly number[], least: Float64Array): Float64Array {
    return least.map((seconds, row) =>
      Math.max(seconds, this.borderSeconds(set, rows[row] as number)),
    );
  }

  #border(set: number): Border {
    let border = this.#borders.get(set);
    if (border === undefined) {
      border = borderOf(this.model, set);
      this.#borders.set(set, border);
    }
    return border;
  }

  #port(set: number, runner: number): Port {
    const key = set * 32 + runner;
    let port = this.#ports.get(key);
    if (port === undefined) {
      port = portOf(this.model, set ^ (1 << runner), runner);
      this.#ports.set(key, port);
    }
    return port;
  }

  #passage(set: number, runner: number): Passage {
    const key = set * 32 + runner;
    let passage = this.#passages.get(key);
    if (passage === undefined) {
      passage = passageOf(this.model, set ^ (1 << runner), runner);
      this.#passages.set(key, passage);
    }
    return passage;
  }
}

/**
 * A bound on the largest compute load when each ideal runs on a set: no convex combination of loads
 * is above the largest, and each unit adds to it what its cheapest device weighs.
 */
function workBound(model: ThroughputModel, ideals: Ideals, set: number): Float64Array {
  const members = model.seconds.filter((_, runner) => ((set >> runner) & 1) === 1);
  const speeds = members.map((seconds) => {
    const total = seconds.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0);
    return total > 0 ? 1 / total : 0;
  });
  const sum = speeds.reduce((total, speed) => total + speed, 0);
  return sumOver(ideals, (unit) => {
    const isAble = members.some((seconds) => Number.isFinite(seconds[unit]));
    if (!isAble) return Number.POSITIVE_INFINITY;
    // A device that does everything in no time takes all of the weight, and the bound is nothing.
    if (speeds.includes(0)) return 0;
    return Math.min(
      ...members.map(
        (seconds, member) => ((seconds[unit] as number) * (speeds[member] as number)) / sum,
      ),
    );
  });
}

function sumOver(ideals: Ideals, value: (unit: number) => number): Float64Array {
  const sums = new Float64Array(ideals.count);
  for (let ideal = 1; ideal < ideals.count; ideal++) {
    sums[ideal] = (sums[ideals.parent(ideal)] as number) + value(ideals.added(ideal));
  }
  return sums;
}

function sorted(last: number, rows: readonly number[], least: Float64Array, cut: number): Table {
  const kept = [...rows.keys()]
    .filter((row) => (least[row] as number) < cut)
    .sort((a, b) => (least[a] as number) - (least[b] as number) || a - b);
  return {
    last,
    ideals: Int32Array.from(kept, (row) => rows[row] as number),
    least: Float64Array.from(kept, (row) => least[row] as number),
  };
}

function priced({ fixed, slope }: Share, count: number, bytes: number): number {
  return times(count, fixed) + times(bytes, slope);
}

/** Nothing times an impossible price is nothing. */
function times(amount: number, price: number): number {
  return amount === 0 ? 0 : amount * price;
}
