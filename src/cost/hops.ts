/**
 * What it costs to move a tensor: one link at a time, and along the best route.
 *
 * @module
 */
import type { DeviceProfile } from "./profile.ts";
import type { Topology } from "./topology.ts";

/** A topology with its names resolved to positions and its transfer costs as functions. */
export interface Hops {
  /** Positions of the devices at the ends of each link. */
  readonly links: readonly { readonly from: number; readonly to: number }[];
  /** The seconds that a tensor occupies a link: 8·bytes ÷ bandwidth. */
  wireSeconds(link: number, bytes: number): number;
  /** The seconds that a device itself works on a tensor that it sends. */
  sendSeconds(device: number, bytes: number): number;
  /** The seconds that a device itself works on a tensor that it receives. */
  receiveSeconds(device: number, bytes: number): number;
  /** Link latency, wire seconds and the work of both ends. */
  hopSeconds(link: number, bytes: number): number;
  /**
   * The links of the route of least total `hopSeconds`; among equal ones that with fewer hops, then
   * that whose device names come first. `null`: no route. O(devices · links) at the first call for
   * a source and a size, then O(1).
   */
  route(from: number, to: number, bytes: number): readonly number[] | null;
}

/**
 * @param kinds what each device of the topology costs at speed 1; `null` for one that only relays,
 * whose own work counts as nothing
 */
export function createHops(topology: Topology, kinds: readonly (DeviceProfile | null)[]): Hops {
  const position = new Map(topology.devices.map(({ name }, device) => [name, device]));
  const links = topology.links.map(({ from, to }) => ({
    from: position.get(from) as number,
    to: position.get(to) as number,
  }));
  const perByte = topology.devices.map(
    ({ speed }, device) => (kinds[device]?.boundarySecondsPerByte ?? 0) / speed,
  );
  const perTensor = topology.devices.map(
    ({ speed }, device) => (kinds[device]?.overheadSeconds ?? 0) / speed,
  );
  const secondsPerByte = topology.links.map((link) => 8 / link.bandwidthBitsPerSecond);
  const latency = topology.links.map((link) => link.latencySeconds as number);
  const costs = {
    wireSeconds: (link: number, bytes: number) => bytes * at(secondsPerByte, link),
    sendSeconds: (device: number, bytes: number) => bytes * at(perByte, device),
    receiveSeconds: (device: number, bytes: number) =>
      at(perTensor, device) + bytes * at(perByte, device),
    hopSeconds: (link: number, bytes: number) => {
      const { from, to } = at(links, link);
      return (
        at(latency, link) +
        costs.wireSeconds(link, bytes) +
        costs.sendSeconds(from, bytes) +
        costs.receiveSeconds(to, bytes)
      );
    },
  };
  const names = topology.devices.map(({ name }) => name);
  const found = new Map<string, readonly (Route | null)[]>();
  return {
    links,
    ...costs,
    route: (from, to, bytes) => {
      const key = `${from} ${bytes}`;
      let routes = found.get(key);
      if (routes === undefined) {
        routes = bestRoutes(from, names, links, (link) => costs.hopSeconds(link, bytes));
        found.set(key, routes);
      }
      return routes[to]?.links ?? null;
    },
  };
}

interface Route {
  readonly seconds: number;
  readonly links: readonly number[];
  readonly names: readonly string[];
}

/** Bellman and Ford, since the tie-break over names is no sum that Dijkstra's order would respect. */
function bestRoutes(
  from: number,
  names: readonly string[],
  links: Hops["links"],
  seconds: (link: number) => number,
): (Route | null)[] {
  const routes: (Route | null)[] = names.map(() => null);
  routes[from] = { seconds: 0, links: [], names: [at(names, from)] };
  for (let improved = true; improved; ) {
    improved = false;
    for (let link = 0; link < links.length; link++) {
      const before = routes[at(links, link).from] ?? null;
      if (before === null) continue;
      const to = at(links, link).to;
      const longer = {
        seconds: before.seconds + seconds(link),
        links: [...before.links, link],
        names: [...before.names, at(names, to)],
      };
      if (!isBetter(longer, routes[to] ?? null)) continue;
      routes[to] = longer;
      improved = true;
    }
  }
  return routes;
}

function isBetter(route: Route, known: Route | null): boolean {
  if (known === null) return true;
  if (route.seconds !== known.seconds) return route.seconds < known.seconds;
  if (route.links.length !== known.links.length) return route.links.length < known.links.length;
  return route.names.join("\n") < known.names.join("\n");
}

function at<T>(items: readonly T[], position: number): T {
  return items[position] as T;
}
