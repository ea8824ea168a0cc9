/**
 * The machines, the channels between them and their limits.
 *
 * @module
 */
import type { BitsPerSecond, Bytes, JoulesPerBit, Seconds, Watts } from "../base/units.ts";

export type Tier = "device" | "edge" | "cloud";

/** Whether a device computes while it sends and receives (`overlapped`) or not (`exclusive`). */
export type Communication = "overlapped" | "exclusive";

export interface Device {
  readonly name: string;
  readonly tier: Tier;
  /** A key of the profile's `devices`; `none`: only relays. Default: the profile's only kind. */
  readonly profile?: string;
  /**
   * No device that joins: the machine of the coordinator, which passes on what two devices that
   * cannot dial each other send. It has the profile `none`.
   */
  readonly relay?: "coordinator";
  /** Seconds on this device = profiled seconds ÷ speed. */
  readonly speed: number;
  /** `null`: unlimited. */
  readonly memoryBytes: Bytes | null;
  readonly busyWatts: Watts;
  readonly idleWatts: Watts;
  readonly communication: Communication;
  /** Peak rate, for planners that need no profile. */
  readonly computeFlopPerSecond?: number;
  readonly storageBytes?: Bytes;
}

/** A directed channel. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly bandwidthBitsPerSecond: BitsPerSecond;
  readonly latencySeconds: Seconds;
  readonly energyJoulesPerBit: JoulesPerBit;
  /** Links of one medium share one capacity. */
  readonly medium?: string;
}

export interface Topology {
  readonly format: "partita.topology/1";
  readonly devices: readonly Device[];
  readonly links: readonly Link[];
  /** The device where the graph's inputs are. */
  readonly source: string;
  /** The device where the answer is wanted; `anywhere`: it may stay where it is made. */
  readonly sink: string;
  /** What a graph input really costs on a link (jpeg, uint8), by its name. */
  readonly inputBytes: Readonly<Record<string, Bytes>>;
}
