/**
 * What other models take of devices and links, and what they leave of a topology.
 *
 * @module
 */
import { z } from "zod";
import { type Bytes, bitsPerSecond, bytes } from "../base/units.ts";
import type { Device, Link, Topology } from "../cost/topology.ts";
import type { Graph } from "../graph/graph.ts";

/** What models that run already take. */
export interface Reservation {
  /** Whose it is, and how often a second each of them is asked. */
  readonly models: readonly { readonly name: string; readonly requestsPerSecond: number }[];
  /** Of devices that take part, by name. */
  readonly devices: Readonly<Record<string, DeviceReservation>>;
  /** Of links that carry something, or whose medium does. */
  readonly links: readonly LinkReservation[];
}

export interface DeviceReservation {
  /** The part of its time in which it works for them; 1 and above: it does not keep up. */
  readonly utilisation: number;
  readonly memoryBytes: Bytes;
}

export interface LinkReservation {
  readonly from: string;
  readonly to: string;
  /** The part of the time in which it, or its medium, carries something of theirs. */
  readonly utilisation: number;
}

const amount = z.number().nonnegative();

export const reservationSchema: z.ZodType<Reservation> = z.strictObject({
  models: z.array(z.strictObject({ name: z.string(), requestsPerSecond: z.number().positive() })),
  devices: z.record(
    z.string(),
    z.strictObject({
      utilisation: amount,
      memoryBytes: amount as unknown as z.ZodType<Bytes>,
    }),
  ),
  links: z.array(z.strictObject({ from: z.string(), to: z.string(), utilisation: amount })),
});

/** What counts as left of a device or link that others take wholly: there is always an answer. */
const leastLeft = 0.01;

/** The part that is left of a device or link. */
export function leftOf(utilisation: number): number {
  return Math.max(leastLeft, 1 - utilisation);
}

/**
 * What a reservation leaves of a topology: devices and links slower by the part of their time that is
 * taken, and with less memory. Devices and links that the topology lacks are passed over.
 *
 * @returns the same positions; O(devices + links) time
 */
export function topologyLeft(topology: Topology, { devices, links }: Reservation): Topology {
  const byEnds = new Map(links.map((link) => [endsOf(link), link.utilisation]));
  return {
    ...topology,
    devices: topology.devices.map((device) => {
      const taken = Object.hasOwn(devices, device.name) ? devices[device.name] : undefined;
      return taken === undefined ? device : deviceLeft(device, taken);
    }),
    links: topology.links.map((link) => {
      const utilisation = byEnds.get(endsOf(link));
      if (utilisation === undefined) return link;
      const bandwidth = link.bandwidthBitsPerSecond * leftOf(utilisation);
      return { ...link, bandwidthBitsPerSecond: bitsPerSecond(bandwidth) };
    }),
  };
}

/** A topology that several models share, for one of them: inputs of other graphs are left out. */
export function forGraph(topology: Topology, { inputs }: Pick<Graph, "inputs">): Topology {
  const own = Object.entries(topology.inputBytes).filter(([name]) => inputs.includes(name));
  return { ...topology, inputBytes: Object.fromEntries(own) };
}

function deviceLeft(device: Device, { utilisation, memoryBytes }: DeviceReservation): Device {
  const left = leftOf(utilisation);
  const { computeFlopPerSecond, storageBytes } = device;
  return {
    ...device,
    speed: device.speed * left,
    memoryBytes:
      device.memoryBytes === null ? null : bytes(Math.max(0, device.memoryBytes - memoryBytes)),
    ...(computeFlopPerSecond === undefined
      ? {}
      : { computeFlopPerSecond: computeFlopPerSecond * left }),
    ...(storageBytes === undefined
      ? {}
      : { storageBytes: bytes(Math.max(0, storageBytes - memoryBytes)) }),
  };
}

function endsOf({ from, to }: Pick<Link, "from" | "to">): string {
  return JSON.stringify([from, to]);
}
