import type { Placement } from "../../problem.ts";
import { type CostTable, deliveryCost, type SearchSpace, unitCost } from "../../search-space.ts";

/** The time grows with the square of the positions and exponentially with the devices. */
const mostPositions = 120;
const mostDevices = 6;

/**
 * A good placement that cuts the graph order into one segment for each of some devices, memory kept.
 *
 * Dynamic programming over (devices used, nodes placed, last device): O(2^devices · devices² ·
 * positions²) time. What crosses a cut is charged as if it came from the segment before, and the
 * tensors of a segment as if the whole graph ran there, so that this is a start for a search and not
 * the optimum even of its kind.
 *
 * @returns `null` if no such placement is found, or there are more than 6 devices
 */
export function* cutSegments(
  space: SearchSpace,
  table: CostTable,
): Generator<null, Placement | null> {
  const devices = space.problem.devices.length;
  if (devices > mostDevices || space.units.length === 0) return null;
  const order = new UnitOrder(space, table);
  const cuts = order.positions(mostPositions);
  const best = new Segments(devices, cuts.length);
  const last = cuts.length - 1;
  for (let end = 1; end <= last; end++) {
    yield null;
    for (let device = 0; device < devices; device++) {
      const segment = order.segment(device, cuts[end] as number);
      for (let start = end - 1; start >= 0; start--) {
        const cost = segment.extendTo(cuts[start] as number);
        if (cost === Number.POSITIVE_INFINITY) break;
        best.append(start, end, device, cost, (from) =>
          order.crossing(cuts[start] as number, from, device),
        );
      }
    }
  }
  const ends = best.trace(last, (device) => order.delivery(device));
  return ends === null ? null : toPlacement(space, cuts, ends);
}

interface Ending {
  /** Position among the cuts. */
  readonly start: number;
  readonly end: number;
  readonly device: number;
}

/** Least costs of the first nodes, by the set of devices used and the last of them. */
class Segments {
  readonly #devices: number;
  readonly #cuts: number;
  readonly #cost: Float64Array;
  readonly #start: Int32Array;
  readonly #before: Int32Array;

  constructor(devices: number, cuts: number) {
    this.#devices = devices;
    this.#cuts = cuts;
    const states = 2 ** devices * devices * cuts;
    this.#cost = new Float64Array(states).fill(Number.POSITIVE_INFINITY);
    this.#start = new Int32Array(states).fill(-1);
    this.#before = new Int32Array(states).fill(-1);
  }

  append(
    start: number,
    end: number,
    device: number,
    cost: number,
    crossing: (from: number | null) => number,
  ): void {
    if (start === 0) this.#offer(1 << device, end, device, cost + crossing(null), 0, -1);
    for (let from = 0; from < this.#devices; from++) {
      if (from === device) continue;
      const paid = cost + crossing(from);
      for (let used = 1 << from; used < 2 ** this.#devices; used++) {
        if (((used >> device) & 1) === 1 || ((used >> from) & 1) === 0) continue;
        const before = this.#cost[this.#at(used, start, from)] as number;
        this.#offer(used | (1 << device), end, device, before + paid, start, from);
      }
    }
  }

  /** The segments of the cheapest way to the last cut, from the last to the first. */
  trace(last: number, delivery: (device: number) => number): Ending[] | null {
    let least = Number.POSITIVE_INFINITY;
    let used = 0;
    let device = -1;
    for (let set = 1; set < 2 ** this.#devices; set++) {
      for (let on = 0; on < this.#devices; on++) {
        const cost = (this.#cost[this.#at(set, last, on)] as number) + delivery(on);
        if (cost >= least) continue;
        least = cost;
        used = set;
        device = on;
      }
    }
    if (device < 0) return null;
    const endings: Ending[] = [];
    for (let end = last; device >= 0; ) {
      const state = this.#at(used, end, device);
      const start = this.#start[state] as number;
      endings.push({ start, end, device });
      used &= ~(1 << device);
      device = this.#before[state] as number;
      end = start;
    }
    return endings;
  }

  #at(used: number, cut: number, device: number): number {
    return (used * this.#cuts + cut) * this.#devices + device;
  }

  #offer(
    used: number,
    end: number,
    device: number,
    cost: number,
    start: number,
    before: number,
  ): void {
    const state = this.#at(used, end, device);
    if (cost >= (this.#cost[state] as number)) return;
    this.#cost[state] = cost;
    this.#start[state] = start;
    this.#before[state] = before;
  }
}

/** Units in graph order, with what is alive between and at them. */
class UnitOrder {
  readonly #space: SearchSpace;
  readonly #table: CostTable;
  /** Tensors that are alive at each cut between units: made before it, read after it. */
  readonly #alive: readonly (readonly number[])[];
  readonly #bytes: readonly number[];
  readonly #crossings = new Map<number, number>();

  constructor(space: SearchSpace, table: CostTable) {
    this.#space = space;
    this.#table = table;
    const { consumers, producer, graph } = space.problem.index;
    const alive: number[][] = Array.from({ length: space.units.length + 1 }, () => []);
    consumers.forEach((readers, tensor) => {
      const made = producer[tensor] ?? null;
      const first = made === null ? 0 : (space.unitOf[made] as number) + 1;
      const last = Math.max(-1, ...readers.map((node) => space.unitOf[node] as number));
      for (let cut = first; cut <= last; cut++) alive[cut]?.push(tensor);
    });
    this.#alive = alive;
    this.#bytes = alive.map((tensors) =>
      tensors.reduce((sum, tensor) => sum + (graph.tensors[tensor]?.bytes ?? 0), 0),
    );
  }

  /** The ends and the cuts with the fewest bytes between, ascending. */
  positions(most: number): number[] {
    const last = this.#space.units.length;
    const inner = Array.from({ length: last - 1 }, (_, cut) => cut + 1)
      .sort((a, b) => (this.#bytes[a] as number) - (this.#bytes[b] as number) || a - b)
      .slice(0, most);
    return [0, ...inner.sort((a, b) => a - b), last];
  }

  /** Hops of what is alive at a cut to a device; graph inputs come from the source. */
  crossing(cut: number, from: number | null, to: number): number {
    const key = (cut * mostDevices + to) * (mostDevices + 1) + (from ?? mostDevices);
    let cost = this.#crossings.get(key);
    if (cost === undefined) {
      cost = this.#cross(cut, from, to);
      this.#crossings.set(key, cost);
    }
    return cost;
  }

  #cross(cut: number, from: number | null, to: number): number {
    const { problem } = this.#space;
    return (this.#alive[cut] ?? []).reduce((sum, tensor) => {
      const isInput = (problem.index.producer[tensor] ?? null) === null;
      const home = isInput || from === null ? problem.source : from;
      return sum + this.#hop(tensor, home, to);
    }, 0);
  }

  /** Hops of the answers from the device of the last segment. */
  delivery(device: number): number {
    const { problem } = this.#space;
    const { sink } = problem;
    if (sink === null) return 0;
    return problem.index.outputs.reduce((sum, tensor) => sum + this.#hop(tensor, device, sink), 0);
  }

  /** A segment of a device that grows from its end towards the beginning. */
  segment(device: number, end: number): { extendTo(start: number): number } {
    const { problem, units, domains } = this.#space;
    const capacity = problem.devices[device]?.memoryBytes ?? Number.POSITIVE_INFINITY;
    let first = end;
    let cost = 0;
    let parameters = problem.kinds[device]?.overheadBytes ?? 0;
    let peak = 0;
    const take = (unit: number): void => {
      cost += unitCost(this.#space, this.#table, unit, device);
      if ((((domains[unit] as number) >> device) & 1) === 0) cost = Number.POSITIVE_INFINITY;
      for (const node of units[unit] ?? []) {
        parameters += problem.index.graph.nodes[node]?.parameterBytes ?? 0;
      }
      peak = Math.max(peak, (this.#bytes[unit] as number) + this.#made(unit));
    };
    return {
      extendTo: (start) => {
        while (first > start) take(--first);
        return parameters + peak > capacity ? Number.POSITIVE_INFINITY : cost;
      },
    };
  }

  #made(unit: number): number {
    const { units, problem } = this.#space;
    const { nodeOutputs, graph } = problem.index;
    return (units[unit] ?? [])
      .flatMap((node) => nodeOutputs[node] ?? [])
      .reduce((sum, tensor) => sum + (graph.tensors[tensor]?.bytes ?? 0), 0);
  }

  #hop(tensor: number, from: number, to: number): number {
    return from === to ? 0 : deliveryCost(this.#space, this.#table, tensor, from, 1 << to);
  }
}

function toPlacement(
  { unitOf }: SearchSpace,
  cuts: readonly number[],
  endings: readonly Ending[],
): Placement {
  return unitOf.map((unit) => {
    const ending = endings.find(
      ({ start, end }) => unit >= (cuts[start] as number) && unit < (cuts[end] as number),
    );
    return ending?.device ?? 0;
  });
}
