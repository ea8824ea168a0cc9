import type { Ideals, Lattice } from "../../../graph/ideals.ts";
import type { Line } from "../../line.ts";
import type { Placement } from "../../problem.ts";
import { type Crossings, findCrossings, sumOver } from "../stage-chain/growth.ts";
import { usesOf } from "../stage-chain/model.ts";
import type { Effort } from "../stage-chain/reach.ts";
import type { UnitModel } from "./model.ts";

/** What passes between two neighbours while an ideal stands in front, by ideal. */
interface Boundary {
  /** The larger load of the two links, or of the medium that both share. */
  readonly wire: Float64Array;
  /** The own work of the device in front and of that behind. */
  readonly front: Float64Array;
  readonly behind: Float64Array;
}

const pause = 50_000;

/**
 * Pipelines over devices in a row whose stages stand in the order of the row. What passes a boundary then
 * hangs on the ideal in front of it alone, relayed tensors and devices without nodes included: whether
 * a period can be kept is a search over (device, ideal). O(pairs of ideals within one stage) time for
 * each device.
 */
export class LineReach {
  readonly #model: UnitModel;
  readonly #lattice: Lattice;
  readonly #row: readonly number[];
  readonly #boundaries: readonly Boundary[];
  readonly #compute: readonly Float64Array[];
  /** What the devices behind each have to do at least, with the ideal in front. */
  readonly #rest: readonly Float64Array[];
  /** At device · ideals + ideal: the ideal in front of the device's stage, plus one; 0: not reached. */
  readonly #befores: Int32Array;
  readonly #seen: Int32Array;
  readonly #queue: Int32Array;
  #visit = 0;

  /** @param line devices from the first stage to the last */
  constructor(model: UnitModel, lattice: Lattice, line: Line) {
    const { ideals } = lattice;
    this.#model = model;
    this.#lattice = lattice;
    this.#row = line.devices.map((device) => model.runners.indexOf(device));
    this.#boundaries = findBoundaries(model, lattice, line);
    const none = new Float64Array(model.contraction.units.length).fill(Number.POSITIVE_INFINITY);
    const seconds = this.#row.map((runner) => model.seconds[runner] ?? none);
    this.#compute = seconds.map((row) => sumOver(ideals, row));
    this.#rest = seconds.map((_, device) => restBehind(lattice, seconds.slice(device + 1)));
    this.#befores = new Int32Array(line.devices.length * ideals.count);
    this.#seen = new Int32Array(ideals.count);
    this.#queue = new Int32Array(ideals.count);
  }

  /**
   * Searches for a placement without a load above a period; yields now and then.
   *
   * @returns `null`: none has its stages in this order, or the effort ran out
   */
  *search(seconds: number, effort: Effort): Generator<null, Placement | null> {
    const { count, whole } = this.#lattice.ideals;
    this.#befores.fill(0);
    let next = effort.steps + pause;
    for (let device = 0; device < this.#row.length; device++) {
      for (let before = 0; before < count; before++) {
        const isReached =
          device === 0 ? before === 0 : this.#befores[(device - 1) * count + before] !== 0;
        if (!isReached) continue;
        this.#grow(device, before, seconds, effort);
        if (effort.steps > effort.most) return null;
        if (effort.steps < next) continue;
        next = effort.steps + pause;
        yield null;
      }
    }
    return this.#befores[(this.#row.length - 1) * count + whole] === 0 ? null : this.#trace();
  }

  #grow(device: number, before: number, most: number, effort: Effort): void {
    const { starts, nodes, targets } = this.#lattice;
    const compute = this.#compute[device] as Float64Array;
    const able = this.#model.seconds[this.#row[device] as number];
    const entered = this.#boundaries[device - 1]?.behind[before] ?? 0;
    const visit = ++this.#visit;
    const queue = this.#queue;
    queue[0] = before;
    let tail = 1;
    this.#accept(device, before, before, entered, most);
    for (let head = 0; head < tail && able !== undefined; head++) {
      const via = queue[head] as number;
      const end = starts[via + 1] as number;
      for (let step = starts[via] as number; step < end; step++) {
        const after = targets[step] as number;
        if (this.#seen[after] === visit) continue;
        this.#seen[after] = visit;
        if (able[nodes[step] as number] === Number.POSITIVE_INFINITY) continue;
        const load = entered + (compute[after] as number) - (compute[before] as number);
        if (load > most) continue;
        queue[tail++] = after;
        this.#accept(device, before, after, load, most);
      }
    }
    effort.steps += tail;
  }

  #accept(device: number, before: number, after: number, load: number, most: number): void {
    const { count, whole } = this.#lattice.ideals;
    const at = device * count + after;
    if (this.#befores[at] !== 0) return;
    const boundary = this.#boundaries[device];
    if (boundary === undefined) {
      if (after === whole && load <= most) this.#befores[at] = before + 1;
      return;
    }
    if (load + (boundary.front[after] as number) > most) return;
    if ((boundary.wire[after] as number) > most) return;
    if (((this.#rest[device] as Float64Array)[after] as number) * (1 - 1e-9) > most) return;
    this.#befores[at] = before + 1;
  }

  #trace(): Placement {
    const { ideals } = this.#lattice;
    const { contraction, problem, runners } = this.#model;
    const placement: number[] = new Array(problem.index.graph.nodes.length).fill(0);
    let after = ideals.whole;
    for (let device = this.#row.length - 1; device >= 0; device--) {
      const before = (this.#befores[device * ideals.count + after] as number) - 1;
      contraction.units.forEach((members, unit) => {
        if (!ideals.has(after, unit) || ideals.has(before, unit)) return;
        for (const node of members) {
          placement[node] = runners[this.#row[device] as number] as number;
        }
      });
      after = before;
    }
    return placement;
  }
}

/** The row from its other end. */
export function reversed(line: Line): Line {
  return {
    devices: line.devices.toReversed(),
    up: line.down.toReversed(),
    down: line.up.toReversed(),
  };
}

function findBoundaries(model: UnitModel, lattice: Lattice, line: Line): Boundary[] {
  const stages = { ...model, predecessors: model.contraction.predecessors };
  const crossings = findCrossings(stages, usesOf(stages), lattice.ideals);
  return line.up.map((_, boundary) => {
    const passing = new Passing(model, lattice.ideals, crossings, line, boundary);
    return findBoundary(model, lattice.ideals, passing, line, boundary);
  });
}

function findBoundary(
  model: UnitModel,
  ideals: Ideals,
  passing: Passing,
  line: Line,
  boundary: number,
): Boundary {
  const ahead = pricesOf(model, line.up[boundary] ?? null);
  const back = pricesOf(model, line.down[boundary] ?? null);
  const isShared = shareMedium(model, line, boundary);
  const wire = new Float64Array(ideals.count);
  const front = new Float64Array(ideals.count);
  const behind = new Float64Array(ideals.count);
  for (let ideal = 0; ideal < ideals.count; ideal++) {
    let [up, down] = [0, 0];
    for (const flow of passing.ahead(ideal)) {
      up += ahead.wires[flow] as number;
      (front[ideal] as number) += ahead.sends[flow] as number;
      (behind[ideal] as number) += ahead.receives[flow] as number;
    }
    for (const flow of passing.back(ideal)) {
      down += back.wires[flow] as number;
      (front[ideal] as number) += back.receives[flow] as number;
      (behind[ideal] as number) += back.sends[flow] as number;
    }
    wire[ideal] = isShared ? up + down : Math.max(up, down);
  }
  return { wire, front, behind };
}

function shareMedium({ problem }: UnitModel, line: Line, boundary: number): boolean {
  const { links } = problem.topology;
  const medium = links[line.up[boundary] ?? -1]?.medium;
  return medium !== undefined && medium === links[line.down[boundary] ?? -1]?.medium;
}

/** The flows that pass one boundary, either way. */
class Passing {
  readonly #model: UnitModel;
  readonly #ideals: Ideals;
  readonly #crossings: Crossings;
  readonly #isSourceInFront: boolean;
  readonly #isSinkInFront: boolean;

  constructor(
    model: UnitModel,
    ideals: Ideals,
    crossings: Crossings,
    line: Line,
    boundary: number,
  ) {
    const { source, sink } = model.problem;
    this.#model = model;
    this.#ideals = ideals;
    this.#crossings = crossings;
    this.#isSourceInFront = line.devices.indexOf(source) <= boundary;
    this.#isSinkInFront = sink !== null && line.devices.indexOf(sink) <= boundary;
  }

  /** What is made in front and wanted behind. */
  ahead(ideal: number): number[] {
    const { starts, flows } = this.#crossings;
    const made = flows.subarray(starts[ideal] as number, starts[ideal + 1] as number);
    const passing = [...made].filter(
      (flow) => !this.#isSinkInFront || this.#isRead(ideal, flow, false),
    );
    if (!this.#isSourceInFront) return passing;
    return passing.concat(
      this.#model.inputs.filter(
        (flow) =>
          this.#isRead(ideal, flow, false) || (this.#isDelivered(flow) && !this.#isSinkInFront),
      ),
    );
  }

  /** What is made behind and wanted in front: only what is delivered, and graph inputs. */
  back(ideal: number): number[] {
    const passing = this.#isSourceInFront
      ? []
      : this.#model.inputs.filter(
          (flow) =>
            this.#isRead(ideal, flow, true) || (this.#isDelivered(flow) && this.#isSinkInFront),
        );
    if (!this.#isSinkInFront) return passing;
    return passing.concat(
      this.#model.delivered.filter((flow) => {
        const producer = this.#model.flows[flow]?.producer ?? null;
        return producer !== null && !this.#ideals.has(ideal, producer);
      }),
    );
  }

  #isRead(ideal: number, flow: number, isInside: boolean): boolean {
    const { consumers } = this.#model.flows[flow] as UnitModel["flows"][number];
    return consumers.some((unit) => this.#ideals.has(ideal, unit) === isInside);
  }

  #isDelivered(flow: number): boolean {
    return this.#model.flows[flow]?.isDelivered === true;
  }
}

/** What each flow costs a link and the devices at its ends; infinite where there is no link. */
function pricesOf(
  { problem, flows }: UnitModel,
  link: number | null,
): Record<"wires" | "sends" | "receives", Float64Array> {
  const { hops, devices } = problem;
  const ends = hops.links[link ?? -1];
  const price = (device: number | undefined, own: (link: number, tensor: number) => number) =>
    Float64Array.from(flows, ({ tensor }) => {
      if (link === null) return Number.POSITIVE_INFINITY;
      const isExclusive = devices[device ?? -1]?.communication === "exclusive";
      return isExclusive ? hops.hopSeconds(link, tensor) : own(link, tensor);
    });
  return {
    wires: price(undefined, hops.wireSeconds),
    sends: price(ends?.from, hops.sendSeconds),
    receives: price(ends?.to, hops.receiveSeconds),
  };
}

/** The least largest load of compute that is left for devices, by ideal. */
function restBehind({ ideals }: Lattice, rows: readonly Float64Array[]): Float64Array {
  const weights = rows.map((row) => {
    const total = row.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0);
    return total > 0 ? 1 / total : 0;
  });
  const weight = weights.reduce((sum, value) => sum + value, 0);
  const units = Array.from({ length: rows[0]?.length ?? 0 }, (_, unit) =>
    rows.reduce(
      (least, row, at) =>
        Number.isFinite(row[unit])
          ? Math.min(least, ((row[unit] as number) * (weights[at] as number)) / weight)
          : least,
      Number.POSITIVE_INFINITY,
    ),
  );
  if (weights.includes(0) || units.length === 0) return new Float64Array(ideals.count);
  const done = sumOver(ideals, units);
  const all = units.reduce((sum, value) => (Number.isFinite(value) ? sum + value : sum), 0);
  return done.map((value) => Math.max(0, all - value));
}
