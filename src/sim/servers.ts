import type { Bottleneck } from "../plan/evaluate.ts";
import type { Problem } from "../plan/problem.ts";

/** Everything that does one thing at a time: the devices in their order, then links and media. */
export interface Servers {
  readonly places: readonly Bottleneck[];
  /** The server on which what a link carries is under way: the link itself, or its medium. */
  readonly ofLink: readonly number[];
}

export function findServers({ devices, topology }: Problem): Servers {
  const places: Bottleneck[] = devices.map(({ name }) => ({ device: name }));
  const media = new Map<string, number>();
  const ofLink = topology.links.map(({ from, to, medium }) => {
    const known = medium === undefined ? undefined : media.get(medium);
    if (known !== undefined) return known;
    const server = places.push(medium === undefined ? { link: [from, to] } : { medium }) - 1;
    if (medium !== undefined) media.set(medium, server);
    return server;
  });
  return { places, ofLink };
}
