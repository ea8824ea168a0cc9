import type { Topology } from "../cost/topology.ts";
import type { World } from "./coordination/state.ts";

/** What is left of a topology without the devices and links that are lost. O(devices + links). */
export function reducedTopology(topology: Topology, { without, cut }: World): Topology {
  const gone = new Set(without);
  const isCut = (from: string, to: string) =>
    cut.some(({ a, b }) => (a === from && b === to) || (a === to && b === from));
  return {
    ...topology,
    devices: topology.devices.filter(({ name }) => !gone.has(name)),
    links: topology.links.filter(
      ({ from, to }) => !gone.has(from) && !gone.has(to) && !isCut(from, to),
    ),
  };
}
