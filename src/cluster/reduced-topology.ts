import type { Link, Topology } from "../cost/topology.ts";
import { hasPair, type Pair, pairOf, type World } from "./coordination/state.ts";

/**
 * What is left of a topology without the devices and links that are lost. The coordinator's relay is
 * always there: what it connects is connected as long as both sides have joined. O(devices + links).
 *
 * @param tunnelled pairs whose channel leads through the coordinator: a direct link between them does
 * not exist, if the relay links them
 */
export function reducedTopology(
  topology: Topology,
  { without, cut }: World,
  tunnelled: readonly Pair[] = [],
): Topology {
  const gone = new Set(without);
  const relay = topology.devices.find((device) => device.relay !== undefined)?.name;
  const isRelayed = ({ from, to }: Link) =>
    relay !== undefined &&
    hasPair(tunnelled, pairOf(from, to)) &&
    hasLink(topology, from, relay) &&
    hasLink(topology, relay, to);
  return {
    ...topology,
    devices: topology.devices.filter(({ name }) => !gone.has(name)),
    links: topology.links.filter((link) => {
      const { from, to } = link;
      if (gone.has(from) || gone.has(to)) return false;
      return !hasPair(cut, pairOf(from, to)) && !isRelayed(link);
    }),
  };
}

/** The source, or the device where the answer is wanted, if that is gone; else `undefined`. */
export function missingEnd({ source, sink, devices }: Topology): string | undefined {
  return [source, sink].find(
    (end) => end !== "anywhere" && devices.every(({ name }) => name !== end),
  );
}

/** The devices that run agents, in the order of the topology. */
export function joiningDevices({ devices }: Pick<Topology, "devices">): string[] {
  return devices.filter(({ relay }) => relay === undefined).map(({ name }) => name);
}

function hasLink({ links }: Topology, from: string, to: string): boolean {
  return links.some((link) => link.from === from && link.to === to);
}
