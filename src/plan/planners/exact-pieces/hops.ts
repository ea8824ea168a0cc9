import type { Problem } from "../../problem.ts";

/**
 * What some tensors cost on their way from one device to another, by themselves: no plan that sends
 * them costs less. Each array at [from · devices + to]; `Infinity` where there is no route.
 */
export interface HopCosts {
  /** The largest load on a link, a medium or a device that only relays. */
  readonly wire: Float64Array;
  /** The load of the device that sends, and of the one that receives. */
  readonly send: Float64Array;
  readonly receive: Float64Array;
  /** Seconds on the medium that most links share; `null` where all links are by themselves. */
  readonly shared: Float64Array | null;
  /** The least that a device pays to send to any other, and to receive from any other. */
  readonly leastSend: Float64Array;
  readonly leastReceive: Float64Array;
}

/** With more devices than this a table is made with pauses. */
const manyDevices = 50;

/**
 * Tables of costs, one for each combination of kinds of cargo: O(devices² · tensors · links on a
 * route) each. Yields while it works.
 */
export function createHopCosts(
  problem: Problem,
): (tensors: readonly number[]) => Generator<null, HopCosts> {
  const known = new Map<string, HopCosts>();
  const medium = largestMedium(problem);
  return function* (tensors) {
    const kinds = tensors.map((tensor) => problem.hops.sampleOf(tensor)).sort((a, b) => a - b);
    const key = kinds.join(" ");
    const costs = known.get(key) ?? (yield* tabulate(problem, tensors, medium));
    known.set(key, costs);
    return costs;
  };
}

/** The medium of most links; `null` if there is none. */
function largestMedium({ topology }: Problem): string | null {
  const counts = new Map<string, number>();
  for (const { medium } of topology.links) {
    if (medium !== undefined) counts.set(medium, (counts.get(medium) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? null;
}

function* tabulate(
  problem: Problem,
  tensors: readonly number[],
  medium: string | null,
): Generator<null, HopCosts> {
  const count = problem.devices.length;
  const table = (): Float64Array => new Float64Array(count * count);
  const shared = medium === null ? null : table();
  const costs: Costs = { wire: table(), send: table(), receive: table(), shared, medium };
  for (let from = 0; from < count; from++) {
    if (count > manyDevices) yield null;
    for (let to = 0; to < count; to++) {
      if (from === to) continue;
      const isSet =
        tensors.length === 1 && setDirect(problem, tensors[0] as number, costs, from, to);
      if (!isSet) setSums(problem, tensors, costs, from, to);
    }
  }
  const others = [...Array(count).keys()];
  const least = (device: number, of: (other: number) => number): number =>
    others.reduce(
      (best, other) => (other === device ? best : Math.min(best, of(other))),
      Number.POSITIVE_INFINITY,
    );
  return {
    ...costs,
    leastSend: Float64Array.from(others, (from) =>
      least(from, (to) => costs.send[from * count + to] as number),
    ),
    leastReceive: Float64Array.from(others, (to) =>
      least(to, (from) => costs.receive[from * count + to] as number),
    ),
  };
}

interface Costs {
  readonly wire: Float64Array;
  readonly send: Float64Array;
  readonly receive: Float64Array;
  readonly shared: Float64Array | null;
  /** The medium of `shared`. */
  readonly medium: string | null;
}

/** The usual case, one tensor over one link, without sums; returns whether it was that. */
function setDirect(
  { devices, hops, topology }: Problem,
  tensor: number,
  { wire, send, receive, shared, medium }: Costs,
  from: number,
  to: number,
): boolean {
  const route = hops.route(from, to, tensor);
  const link = route?.[0];
  if (route?.length !== 1 || link === undefined) return false;
  const at = from * devices.length + to;
  const whole = hops.hopSeconds(link, tensor);
  const isExclusive = (device: number): boolean => devices[device]?.communication === "exclusive";
  send[at] = isExclusive(from) ? whole : hops.sendSeconds(link, tensor);
  receive[at] = isExclusive(to) ? whole : hops.receiveSeconds(link, tensor);
  const seconds = hops.wireSeconds(link, tensor);
  wire[at] = Math.max(seconds, send[at] as number, receive[at] as number);
  if (shared !== null && topology.links[link]?.medium === medium) shared[at] = seconds;
  return true;
}

function setSums(
  problem: Problem,
  tensors: readonly number[],
  { wire, send, receive, shared, medium }: Costs,
  from: number,
  to: number,
): void {
  const at = from * problem.devices.length + to;
  const way = addUp(problem, tensors, from, to);
  const unused = way === null ? Number.POSITIVE_INFINITY : 0;
  wire[at] = way?.largest ?? Number.POSITIVE_INFINITY;
  send[at] = way?.devices.get(from) ?? unused;
  receive[at] = way?.devices.get(to) ?? unused;
  if (shared !== null) shared[at] = secondsOn(medium, way);
}

interface Way {
  readonly devices: ReadonlyMap<number, number>;
  /** By position of a link, or name of a medium. */
  readonly wires: ReadonlyMap<number | string, number>;
  readonly largest: number;
}

function secondsOn(medium: string | null, way: Way | null): number {
  return (medium === null ? undefined : way?.wires.get(medium)) ?? 0;
}

/** The loads of some tensors between two devices; `null`: no route. */
function addUp(problem: Problem, tensors: readonly number[], from: number, to: number): Way | null {
  const { hops, topology } = problem;
  const devices = new Map<number, number>();
  const wires = new Map<number | string, number>();
  const add = <K>(loads: Map<K, number>, key: K, seconds: number): void => {
    loads.set(key, (loads.get(key) ?? 0) + seconds);
  };
  for (const tensor of tensors) {
    const route = hops.route(from, to, tensor);
    if (route === null) return null;
    for (const link of route) {
      const ends = hops.links[link] as { from: number; to: number };
      add(wires, topology.links[link]?.medium ?? link, hops.wireSeconds(link, tensor));
      const own = (device: number, overlapped: number): void => {
        const isExclusive = problem.devices[device]?.communication === "exclusive";
        add(devices, device, isExclusive ? hops.hopSeconds(link, tensor) : overlapped);
      };
      own(ends.from, hops.sendSeconds(link, tensor));
      own(ends.to, hops.receiveSeconds(link, tensor));
    }
  }
  let largest = 0;
  for (const seconds of wires.values()) largest = Math.max(largest, seconds);
  for (const seconds of devices.values()) largest = Math.max(largest, seconds);
  return { devices, wires, largest };
}
