/** The links of the best route; `null`: no route. */
export type FindRoute = (from: number, to: number, kind: number) => readonly number[] | null;

/**
 * Routes of least total seconds; among equal ones that with fewer hops, then that whose device names
 * come first. O(devices² + links) time and O(devices) memory at the first call for a source and a
 * kind, then O(hops) once for each destination.
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
  const net: Net = { links, leaving, ranks: rank(names) };
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
    routes.links[to] = route;
    return route;
  };
}

interface Net {
  readonly links: readonly { readonly from: number; readonly to: number }[];
  /** Links that leave each device. */
  readonly leaving: readonly (readonly number[])[];
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
    for (const link of at(net.leaving, device)) {
      const { to } = at(net.links, link);
      if (settled[to] === 1) continue;
      const reached = at(seconds, device) + at(weight, link);
      const steps = at(hops, device) + 1;
      const better =
        reached !== at(seconds, to)
          ? reached < at(seconds, to)
          : steps !== at(hops, to)
            ? steps < at(hops, to)
            : comesFirst(net, last, device, at(net.links, at(last, to)).from);
      if (!better) continue;
      seconds[to] = reached;
      hops[to] = steps;
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

/** Whether the names along the route to a device come before those to another, equally many hops away. */
function comesFirst(
  { links, ranks }: Net,
  last: Int32Array,
  device: number,
  other: number,
): boolean {
  let [a, b] = [device, other];
  let first = false;
  while (a !== b) {
    first = at(ranks, a) < at(ranks, b);
    a = at(links, at(last, a)).from;
    b = at(links, at(last, b)).from;
  }
  return first;
}

function walk({ links }: Net, last: Int32Array, from: number, to: number): number[] | null {
  const route: number[] = [];
  for (let device = to; device !== from; device = at(links, at(last, device)).from) {
    if (at(last, device) < 0) return null;
    route.push(at(last, device));
  }
  return route.reverse();
}

function at<T>(items: ArrayLike<T>, position: number): T {
  return items[position] as T;
}
