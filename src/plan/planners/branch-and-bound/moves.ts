import { memoryOf } from "../../feasibility.ts";
import type { Placement } from "../../problem.ts";
import { certainCost, type Domains, devicesIn, type SearchSpace } from "../../search-space.ts";

/** How good a placement is: first what it breaks, then what it costs. */
interface Score {
  /** Sum over capacities of the part of them that is used too much; 0: nothing is broken. */
  readonly excess: number;
  readonly value: number;
}

/**
 * Moves single units and runs of the graph order from device to device as long as that helps:
 * first to break no limit, then to cost less. Yields while it works.
 *
 * @param budget the most placements to try, each O(uses of tensors · (1 + resources)) time
 */
export function* improve(
  space: SearchSpace,
  start: Placement,
  budget: number,
): Generator<null, Placement> {
  const movesPerYield = Math.ceil(20_000 / (1 + space.nodes));
  const devices = Int32Array.from(space.units, ([node]) => start[node as number] as number);
  const domains: Domains = devices.map((device) => 1 << device);
  let best = scoreOf(space, domains);
  let left = budget;
  for (let improved = true; improved && left > 0; ) {
    improved = false;
    for (const { units, to } of movesOf(space, devices)) {
      if (left-- <= 0) break;
      if (left % movesPerYield === 0) yield null;
      const before = units.map((unit) => devices[unit] as number);
      move(devices, domains, units, () => to);
      const score = scoreOf(space, domains);
      if (isBetter(score, best)) {
        best = score;
        improved = true;
      } else {
        move(devices, domains, units, (position) => before[position] as number);
      }
    }
  }
  return toPlacement(space, devices);
}

interface Move {
  readonly units: readonly number[];
  readonly to: number;
}

/** Lazily, so that each move is made from where the last one led. */
function* movesOf(space: SearchSpace, devices: Int32Array): Generator<Move> {
  const count = space.units.length;
  for (let unit = 0; unit < count; unit++) {
    for (const to of devicesIn(space.domains[unit] as number)) {
      if (to !== devices[unit]) yield { units: [unit], to };
    }
    const next = devices[unit + 1];
    if (next === undefined || next === devices[unit]) continue;
    yield* moveRun(space, devices, unit, -1, next);
    yield* moveRun(space, devices, unit + 1, 1, devices[unit] as number);
  }
}

/** The units from `first` on that share its device, to another device. */
function* moveRun(
  space: SearchSpace,
  devices: Int32Array,
  first: number,
  step: 1 | -1,
  to: number,
): Generator<Move> {
  const units: number[] = [];
  for (let unit = first; devices[unit] === devices[first]; unit += step) {
    if ((((space.domains[unit] as number) >> to) & 1) === 0) break;
    units.push(unit);
  }
  if (units.length > 1 && to !== devices[first]) yield { units, to };
}

function move(
  devices: Int32Array,
  domains: Domains,
  units: readonly number[],
  to: (position: number) => number,
): void {
  units.forEach((unit, position) => {
    devices[unit] = to(position);
    domains[unit] = 1 << to(position);
  });
}

function isBetter(a: Score, b: Score): boolean {
  if (Math.abs(a.excess - b.excess) > 1e-12) return a.excess < b.excess;
  return a.value < b.value * (1 - 1e-12);
}

function scoreOf(space: SearchSpace, domains: Domains): Score {
  const value = certainCost(space, space.objective, domains);
  if (value === Number.POSITIVE_INFINITY) return { excess: Number.POSITIVE_INFINITY, value };
  let excess = 0;
  for (const resource of space.resources) {
    excess += Math.max(0, certainCost(space, resource, domains) - resource.capacity);
  }
  return { excess: excess + overfullBy(space, domains), value };
}

function overfullBy({ problem, unitOf }: SearchSpace, domains: Domains): number {
  if (problem.devices.every(({ memoryBytes }) => memoryBytes === null)) return 0;
  const placement = unitOf.map((unit) => 31 - Math.clz32(domains[unit] as number));
  return memoryOf(problem, placement).reduce((sum, needed, device) => {
    const capacity = problem.devices[device]?.memoryBytes ?? null;
    if (capacity === null || needed <= capacity) return sum;
    return sum + (needed - capacity) / Math.max(1, capacity);
  }, 0);
}

function toPlacement({ unitOf }: SearchSpace, devices: Int32Array): Placement {
  return unitOf.map((unit) => devices[unit] as number);
}
