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
 * exactly the devices between; `null` if there is none. Routes depend on size and codecs, so every
 * kind of cargo is tried: O(devices² · kinds) routes.
 */
export function findLine(problem: Problem): Line | null {
  const order = orderDevices(problem);
  if (order === null) return null;
  const linkBetween = (from: number, to: number): number | null => {
    const link = problem.hops.links.findIndex((ends) => ends.from === from && ends.to === to);
    return link < 0 ? null : link;
  };
  const pairs = order
    .slice(1)
    .map((device, position) => [order[position] as number, device] as const);
  const line = {
    devices: order,
    up: pairs.map(([lower, upper]) => linkBetween(lower, upper)),
    down: pairs.map(([lower, upper]) => linkBetween(upper, lower)),
  };
  return problem.hops.samples.every((tensor) => isRelayed(problem, line, tensor)) ? line : null;
}

/** The devices as a path over the links that are the whole of some route; `null` if they form none. */
function orderDevices(problem: Problem): number[] | null {
  const neighbours = problem.devices.map(() => new Set<number>());
  problem.hops.links.forEach(({ from, to }, link) => {
    const isRoute = (tensor: number): boolean => problem.hops.route(from, to, tensor)?.[0] === link;
    if (!problem.hops.samples.some(isRoute)) return;
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
