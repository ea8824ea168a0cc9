import { createRandom } from "../base/random.ts";
import { type BitsPerSecond, bitsPerSecond, seconds } from "../base/units.ts";
import { plainDevice, plainLink, plainLinks } from "../cost/plain-topology.ts";
import type { Device, Link, Topology } from "../cost/topology.ts";

/**
 * `tiers`: device, edge and cloud in a line. `line`: neighbours linked; `hub`: all linked to one device
 * that only relays; `mesh`: all linked to all, as in a wireless network, near ones by faster links.
 */
export type Shape = "tiers" | "line" | "hub" | "mesh";

/**
 * A topology of a shape, always the same one for a size. Devices have one of three speeds, so that
 * they are neither all alike nor all different; the first is source and sink.
 *
 * @param devices that can run nodes; `tiers` has three
 */
export function growthTopology(shape: Shape, devices: number): Topology {
  const runners =
    shape === "tiers" ? tiers : Array.from({ length: devices }, (_, at) => runner(at));
  const relays = shape === "hub" ? [{ ...runner(0), name: "hub", profile: "none", speed: 1 }] : [];
  return {
    format: "partita.topology/1",
    devices: [...runners, ...relays],
    links: linksOf(shape, devices),
    source: runners[0]?.name ?? "",
    sink: runners[0]?.name ?? "",
    inputBytes: {},
  };
}

const speeds = [0.5, 1, 0.25];

function runner(position: number): Device {
  return plainDevice({
    name: nameOf(position),
    speed: speeds[position % speeds.length] as number,
  });
}

const tiers: readonly Device[] = (
  [
    ["camera", "device", 0.1],
    ["gateway", "edge", 0.5],
    ["cloud", "cloud", 1],
  ] as const
).map(([name, tier, speed]) => plainDevice({ name, tier, speed }));

function linksOf(shape: Shape, devices: number): Link[] {
  switch (shape) {
    case "tiers":
      return [
        ...bothWays("camera", "gateway", 40e6, 0.002),
        link("gateway", "cloud", 20e6, 0.015),
        link("cloud", "gateway", 80e6, 0.015),
      ];
    case "line":
      return pairs(devices)
        .filter(([from, to]) => to === from + 1)
        .flatMap(([from, to]) => bothWays(nameOf(from), nameOf(to), 100e6, 0.001));
    case "hub":
      return Array.from({ length: devices }, (_, at) => at).flatMap((at) =>
        bothWays(nameOf(at), "hub", 100e6, 0.0005),
      );
    case "mesh":
      return meshLinks(devices);
    default:
      return shape satisfies never;
  }
}

/** Devices at random in a square; the rate falls by half with every doubling of the distance. */
function meshLinks(devices: number): Link[] {
  const random = createRandom(devices);
  const places = Array.from({ length: devices }, () => [random.next(), random.next()] as const);
  return pairs(devices).flatMap(([from, to]) => {
    const [a, b] = [places[from], places[to]] as [Place, Place];
    const distance = Math.hypot(a[0] - b[0], a[1] - b[1]);
    return bothWays(nameOf(from), nameOf(to), Math.min(400e6, 40e6 / distance), 0.001);
  });
}

type Place = readonly [number, number];

function pairs(devices: number): [number, number][] {
  return Array.from({ length: devices }, (_, from) =>
    Array.from({ length: devices - from - 1 }, (_, more): [number, number] => [
      from,
      from + more + 1,
    ]),
  ).flat();
}

function bothWays(a: string, b: string, rate: number, latency: number): Link[] {
  return plainLinks(a, b, wholeRate(rate), seconds(latency));
}

function link(from: string, to: string, rate: number, latency: number): Link {
  return plainLink(from, to, wholeRate(rate), seconds(latency));
}

function wholeRate(rate: number): BitsPerSecond {
  return bitsPerSecond(Math.round(rate));
}

function nameOf(position: number): string {
  return `d${String(position).padStart(3, "0")}`;
}
