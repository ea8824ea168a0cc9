import { type Bytes, bitsPerSecond, seconds } from "../../base/units.ts";
import { plainDevice, plainLink } from "../../cost/plain-topology.ts";
import type { Topology } from "../../cost/topology.ts";

/** Devices with links to all others; the first is the source. */
export function meshOf(
  names: readonly string[],
  { memoryBytes, sink }: { memoryBytes: Bytes | null; sink: string },
): Topology {
  return {
    format: "partita.topology/1",
    devices: names.map((name) => plainDevice({ name, profile: "machine", memoryBytes })),
    links: names.flatMap((from) =>
      names
        .filter((to) => to !== from)
        .map((to) => plainLink(from, to, bitsPerSecond(1e8), seconds(0.002))),
    ),
    source: names[0] as string,
    sink,
    inputBytes: {},
  };
}

/** All but the source have links to the source, and to each other through the coordinator. */
export function relayed({ devices, links, ...mesh }: Topology): Topology {
  const relay = "relay";
  const toOthers = links.filter(({ from }) => from === mesh.source);
  return {
    ...mesh,
    devices: [
      ...devices,
      ...devices
        .slice(0, 1)
        .map(
          (device) => ({ ...device, name: relay, profile: "none", relay: "coordinator" }) as const,
        ),
    ],
    links: [
      ...links.filter(({ from, to }) => from === mesh.source || to === mesh.source),
      ...toOthers.flatMap((link) => [
        { ...link, from: link.to, to: relay },
        { ...link, from: relay, to: link.to },
      ]),
    ],
  };
}
