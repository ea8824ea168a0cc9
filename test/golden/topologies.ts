import type { Topology } from "../../src/cost/topology.ts";
import { readTopology } from "../../src/cost/topology-file.ts";

/** A device and a server. */
export const pair: Topology = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, tier: device, speed: 0.1, compute: 2 GFLOP/s, power: { busy: 4 W, idle: 1.5 W } }
  - { name: cloud, tier: cloud, compute: 20 GFLOP/s, power: { busy: 90 W, idle: 40 W } }
links:
  - { between: [camera, cloud], bandwidth: 20 Mbit/s, latency: 5 ms, energy: 0.1 uJ/bit }
source: camera
`);

/** Three tiers in a line: the machines of the README. */
export const line: Topology = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, tier: device, speed: 0.1, memory: 512 MiB, power: { busy: 4 W, idle: 1.5 W } }
  - { name: gateway, tier: edge, speed: 0.5, power: { busy: 12 W, idle: 6 W } }
  - { name: cloud, tier: cloud, power: { busy: 90 W, idle: 40 W } }
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s, latency: 2 ms, energy: 0.1 uJ/bit }
  - { from: gateway, to: cloud, bandwidth: 20 Mbit/s, latency: 15 ms }
  - { from: cloud, to: gateway, bandwidth: 80 Mbit/s, latency: 15 ms }
source: camera
`);

/** The same machines with a direct link that is cheaper than relaying. */
export const triangle: Topology = {
  ...line,
  links: [
    ...line.links,
    ...line.links.slice(0, 2).map((link) => ({
      ...link,
      from: link.from === "gateway" ? "cloud" : link.from,
      to: link.to === "gateway" ? "cloud" : link.to,
    })),
  ],
};

/** The same machines, none of which computes while it sends or receives. */
export const exclusive: Topology = {
  ...line,
  devices: line.devices.map((device) => ({ ...device, communication: "exclusive" })),
};

/** Boards of which none can hold a network of much more than 10 MB, all linked to all, one radio. */
export const capped: Topology = readTopology(`
format: partita.topology/1
devices:
  - { name: board-a, speed: 0.25, memory: 48 MB }
  - { name: board-b, speed: 0.25, memory: 48 MB }
  - { name: board-c, speed: 0.5, memory: 44 MB }
  - { name: box, speed: 1, memory: 60 MB }
links:
  - { between: [board-a, board-b], bandwidth: 100 Mbit/s, latency: 1 ms, medium: air }
  - { between: [board-a, board-c], bandwidth: 50 Mbit/s, latency: 1 ms, medium: air }
  - { between: [board-a, box], bandwidth: 20 Mbit/s, latency: 1 ms, medium: air }
  - { between: [board-b, board-c], bandwidth: 100 Mbit/s, latency: 1 ms, medium: air }
  - { between: [board-b, box], bandwidth: 50 Mbit/s, latency: 1 ms, medium: air }
  - { between: [board-c, box], bandwidth: 100 Mbit/s, latency: 1 ms, medium: air }
source: board-a
`);

/** Four equal accelerators and a slower processor around a switch that only relays. */
export const hub: Topology = readTopology(`
format: partita.topology/1
devices:
  - { name: host, speed: 0.25 }
  - { name: card-1, speed: 2 }
  - { name: card-2, speed: 2 }
  - { name: card-3, speed: 2 }
  - { name: card-4, speed: 2 }
  - { name: switch, profile: none }
links:
  - { between: [host, switch], bandwidth: 10 Gbit/s, latency: 20 us }
  - { between: [card-1, switch], bandwidth: 10 Gbit/s, latency: 20 us }
  - { between: [card-2, switch], bandwidth: 10 Gbit/s, latency: 20 us }
  - { between: [card-3, switch], bandwidth: 10 Gbit/s, latency: 20 us }
  - { between: [card-4, switch], bandwidth: 10 Gbit/s, latency: 20 us }
source: host
`);
