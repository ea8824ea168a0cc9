/**
 * What devices are told when a generation is deployed.
 *
 * @module
 */
import type { Link, Topology } from "../cost/topology.ts";
import type { Deploy, DeployedJoining, EmulatedLeg, Emulation, Peer } from "./control-message.ts";
import type { Opened } from "./data-message.ts";
import type { Deployment } from "./deployment.ts";

export interface DeployOrder {
  readonly device: string;
  readonly fences: boolean;
  readonly standby: boolean;
  readonly deployment: Deployment;
  /** For the gateway. */
  readonly opened: Opened;
  /** For the gateway, too; left out: requests are not joined. */
  readonly joining?: DeployedJoining;
  readonly emulation: Emulation | null;
  readonly addressesOf: (device: string) => readonly string[];
}

/** The message that makes a device run its share of a generation. O(devices + hops). */
export function deployMessage(order: DeployOrder): Deploy {
  const { device, fences, standby, deployment, opened, joining, emulation, addressesOf } = order;
  const { generation, source, devices } = deployment;
  const own = devices.find((other) => other.device === device);
  if (own === undefined) throw new Error(`device '${device}' takes no part`);
  const peers = peersOf(device, deployment).map(
    (name): Peer => ({ device: name, addresses: addressesOf(name) }),
  );
  const forGateway = { deployment, opened, ...(joining === undefined ? {} : { joining }) };
  const gateway = device === source ? forGateway : null;
  return {
    type: "deploy",
    generation,
    fences,
    standby,
    body: { deployment: own, peers, source, emulation, gateway },
  };
}

/** Whom a device exchanges tensors with, and the source; the source: everybody. */
function peersOf(device: string, { devices, source }: Deployment): string[] {
  const names = devices.map((other) => other.device);
  const neighbours = devices.flatMap(({ device: from, forwards }) =>
    forwards.flatMap(({ to }) => {
      if (from === device) return [to];
      return to === device ? [from] : [];
    }),
  );
  const wanted = new Set(device === source ? [...names, ...neighbours] : [source, ...neighbours]);
  wanted.delete(device);
  return [...wanted];
}

/**
 * How slow a device and the links from it are. Where tensors go over the coordinator's relay, both of
 * its links come one behind the other; what goes over it to several devices shares the first.
 *
 * @param relayed devices that are sent tensors over the relay although there may be a link to them
 */
export function emulationOf(
  topology: Topology,
  device: string,
  relayed: ReadonlySet<string> = new Set(),
): Emulation {
  const { devices, links } = topology;
  const speed = devices.find(({ name }) => name === device)?.speed ?? 1;
  const relay = devices.find((other) => other.relay !== undefined)?.name;
  const out = links.filter(({ from }) => from === device);
  const direct = out.filter(({ to }) => to !== relay && !relayed.has(to));
  const toRelay = out.find(({ to }) => to === relay);
  const known = new Set([device, ...direct.map(({ to }) => to)]);
  const onward =
    toRelay === undefined ? [] : links.filter(({ from, to }) => from === relay && !known.has(to));
  return {
    speed,
    links: [
      ...direct.map((link) => ({ to: link.to, ...legOf(link), beyond: null })),
      ...onward.map((link) => ({
        to: link.to,
        ...legOf(toRelay ?? link, `${device} - ${relay}`),
        beyond: legOf(link),
      })),
    ],
  };
}

function legOf(
  { bandwidthBitsPerSecond, latencySeconds, medium }: Link,
  shared: string | null = null,
): EmulatedLeg {
  return { bandwidthBitsPerSecond, latencySeconds, medium: medium ?? shared };
}
