/** Longer routes are put together again each time: of hundreds of devices in a line they would fill the memory. */
const keptHops = 8;

/** The links of the best route; `null`: no route. */
export type FindRoute = (from: number, to: number, kind: number) => readonly number[] | null;

/**
 * Routes of least total seconds; among equal ones that with fewer hops, then that whose device names
 * come first. O(devices² + links) time and O(devices) memory at the first call for a source and a
 * kind, then O(hops) at most.
 *
 * @param names of the devices
 * @param seconds of a kind of cargo on a link
 */
export function createRoutes(
  names: readonly string[],
  links: readonly { readonly from: number; readonly to: number }[],
  seconds: (link: number, kind: number) => number,
): FindRoute {
  const leaving = names.map((): number[] => []);
  links.forEach(({ from }, link) => {
    leaving[from]?.push(link);
  });
  const net: Net = {
    from: Int32Array.from(links, (link) => link.from),
    to: Int32Array.from(links, (link) => link.to),
    leaving: leaving.map((own) => Int32Array.from(own)),
    ranks: rank(names),
  };
  const weights: (Float64Array | undefined)[] = [];
  const found: (Routes | undefined)[][] = [];
  return (from, to, kind) => {
    const rows = found[kind] ?? [];
    found[kind] = rows;
    const weight = weights[kind] ?? Float64Array.from(links, (_, link) => seconds(link, kind));
    weights[kind] = weight;
    const routes = rows[from] ?? { last: bestRoutes(net, from, weight), links: [] };
    rows[from] = routes;
    const known = routes.links[to];
    if (known !== undefined) return known;
    const route = walk(net, routes.last, from, to);
    if (route === null || route.length <= keptHops) routes.links[to] = route;
    return route;
  };
}

interface Net {
  /** Ends of each link. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Links that leave each device. */
  readonly leaving: readonly Int32Array[];
  /** Where each device stands in the order of the names. */
  readonly ranks: readonly number[];
}

interface Routes {
  /** The last link of the route to each device; -1 at the source and where there is none. */
  readonly last: Int32Array;
  /** Routes that were asked for. */
  readonly links: (readonly number[] | null | undefined)[];
}

function rank(names: readonly string[]): number[] {
  const ranks: number[] = [];
  const order = names.map((_, device) => device);
  order.sort((a, b) => (at(names, a) < at(names, b) ? -1 : 1));
  order.forEach((device, position) => {
    ranks[device] = position;
  });
  return ranks;
}

/**
 * Dijkstra's algorithm over (seconds, hops), which every hop raises. All routes that tie on both have
 * their last but one device settled earlier, so that names are compared between final routes.
 */
function bestRoutes(net: Net, from: number, weight: Float64Array): Int32Array {
  const count = net.leaving.length;
  const seconds = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const hops = new Int32Array(count);
  const last = new Int32Array(count).fill(-1);
  const settled = new Uint8Array(count);
  seconds[from] = 0;
  for (;;) {
    const device = nearest(seconds, hops, settled);
    if (device < 0) return last;
    settled[device] = 1;
    const start = at(seconds, device);
    for (const link of at(net.leaving, device)) {
      const to = at(net.to, link);
      const reached = start + at(weight, link);
      const known = at(seconds, to);
      if (reached > known || settled[to] === 1) continue;
      if (reached === known && !isShorter(net, last, hops, device, to)) continue;
      seconds[to] = reached;
      hops[to] = at(hops, device) + 1;
      last[to] = link;
    }
  }
}

function nearest(seconds: Float64Array, hops: Int32Array, settled: Uint8Array): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let device = 0; device < seconds.length; device++) {
    if (settled[device] === 1) continue;
    const reached = at(seconds, device);
    if (reached < least || (best >= 0 && reached === least && at(hops, device) < at(hops, best))) {
      best = device;
      least = reached;
    }
  }
  return best;
}

/** Whether a route over `device` beats the known one of equal seconds: by hops, then by names. */
function isShorter(
  net: Net,
  last: Int32Array,
  hops: Int32Array,
  device: number,
  to: number,
): boolean {
  const steps = at(hops, device) + 1;
  if (steps !== at(hops, to)) return steps < at(hops, to);
  return comesFirst(net, last, device, at(net.from, at(last, to)));
}

/** Whether the names along the route to a device come before those to another, equally many hops away. */
function comesFirst(
  { from, ranks }: Net,
  last: Int32Array,
  device: number,
  other: number,
): boolean {
  let [a, b] = [device, other];
  let first = false;
  while (a !== b) {
    first = at(ranks, a) < at(ranks, b);
    a = at(from, at(last, a));
    b = at(from, at(last, b));
  }
  return first;
}

function walk(net: Net, last: Int32Array, from: number, to: number): number[] | null {
  const route: number[] = [];
  for (let device = to; device !== from; device = at(net.from, at(last, device))) {
    const link = last[device];
    // A device that is not there has no last link, either.
    if (link === undefined || link < 0) return null;
    route.push(link);
  }
  return route.reverse();
}

function at<T>(items: ArrayLike<T>, position: number): T {
  return items[position] as T;
}
