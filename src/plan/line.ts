import type { Problem } from "./problem.ts";

/** Devices in a row: whatever goes further than to a neighbour is relayed by those between. */
export interface Line {
  /** Device positions from one end to the other. */
  readonly devices: readonly number[];
  /** The link from each device to the next; `null` where there is none. One fewer than devices. */
  readonly up: readonly (number | null)[];
  /** The link from each device's successor back to it. */
  readonly down: readonly (number | null)[];
}

/**
 * The order of the devices in which the route of every tensor between any two of them passes
 * exactly the devices between; `null` if there is none.
 *
 * O(devices + links) where only neighbours are linked. Else routes decide, which depend on size and
 * codecs, so that every kind of cargo is tried: O(devices² · kinds) routes.
 */
export function findLine(problem: Problem): Line | null {
  const { links, samples } = problem.hops;
  const linked = orderDevices(problem, () => true);
  if (linked !== null) return lineOf(problem, linked);
  const order = orderDevices(problem, (link) => {
    const { from, to } = links[link] as { from: number; to: number };
    return samples.some((tensor) => problem.hops.route(from, to, tensor)?.[0] === link);
  });
  if (order === null) return null;
  const line = lineOf(problem, order);
  return samples.every((tensor) => isRelayed(problem, line, tensor)) ? line : null;
}

/** The same line from its other end. */
export function reverseLine({ devices, up, down }: Line): Line {
  return { devices: devices.toReversed(), up: down.toReversed(), down: up.toReversed() };
}

function lineOf({ hops }: Problem, order: readonly number[]): Line {
  const linkBetween = (from: number, to: number): number | null => {
    const link = hops.links.findIndex((ends) => ends.from === from && ends.to === to);
    return link < 0 ? null : link;
  };
  const pairs = order
    .slice(1)
    .map((device, position) => [order[position] as number, device] as const);
  return {
    devices: order,
    up: pairs.map(([lower, upper]) => linkBetween(lower, upper)),
    down: pairs.map(([lower, upper]) => linkBetween(upper, lower)),
  };
}

/** The devices as a path over the links that count; `null` if they form none. */
function orderDevices(problem: Problem, counts: (link: number) => boolean): number[] | null {
  const neighbours = problem.devices.map(() => new Set<number>());
  problem.hops.links.forEach(({ from, to }, link) => {
    if (!counts(link)) return;
    neighbours[from]?.add(to);
    neighbours[to]?.add(from);
  });
  if (neighbours.some((others) => others.size > 2)) return null;
  const end = neighbours.findIndex((others) => others.size < 2);
  if (end < 0) return null;
  const order = [end];
  for (let device: number | undefined = end; device !== undefined; ) {
    device = [...(neighbours[device] ?? [])].find((other) => !order.includes(other));
    if (device !== undefined) order.push(device);
  }
  return order.length === problem.devices.length ? order : null;
}

function isRelayed(problem: Problem, line: Line, tensor: number): boolean {
  const { devices, up, down } = line;
  return devices.every((from, start) =>
    devices.every((to, end) => {
      const between = start < end ? up.slice(start, end) : down.slice(end, start).reverse();
      const route = problem.hops.route(from, to, tensor);
      if (route === null) return between.includes(null);
      return route.length === between.length && route.every((link, hop) => link === between[hop]);
    }),
  );
}
