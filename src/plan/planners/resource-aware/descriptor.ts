import type { Problem } from "../../problem.ts";
import type { Cut, Sides } from "./cuts.ts";

/** What may be scarce, in the order in which equals are settled. */
export const resources = ["bandwidth", "compute", "storage", "memory", "energy"] as const;
export type Resource = (typeof resources)[number];

/** What the devices have, as stated, and what a cut is estimated to take of it. Nothing is measured. */
export interface Descriptor {
  /** `null`: not stated, and so unlimited. */
  readonly storageBytes: number | null;
  readonly serverStorageBytes: number | null;
  readonly memoryBytes: number | null;
  readonly latencySeconds: number | null;
  readonly energyJoules: number | null;
  /** FLOP ÷ the device's stated rate; 0 where it states none. */
  deviceSeconds(cut: Cut): number;
  /** Both devices and the link, one after the other. */
  seconds(cut: Cut): number;
  /** `null` if the device states no rate or nothing states a power: then nothing is known. */
  readonly joules: ((cut: Cut) => number) | null;
}

/** Reads the stated limits and rates of a problem. */
export function describe(problem: Problem, sides: Sides): Descriptor {
  const { devices, limits, topology } = problem;
  const { device, server } = { device: devices[sides.device], server: devices[sides.server] };
  const totalFlop = problem.index.graph.nodes.reduce((sum, { flop }) => sum + (flop ?? 0), 0);
  const rateOf = (stated: number | undefined): number => stated ?? Number.POSITIVE_INFINITY;
  const deviceSeconds = ({ flop }: Cut): number => flop / rateOf(device?.computeFlopPerSecond);
  const serverSeconds = ({ flop }: Cut): number =>
    (totalFlop - flop) / rateOf(server?.computeFlopPerSecond);
  const seconds = (cut: Cut): number => deviceSeconds(cut) + serverSeconds(cut) + cut.linkSeconds;
  const idleWatts = devices.reduce((sum, { idleWatts: idle }) => sum + idle, 0);
  const extraOf = (at: typeof device): number => (at?.busyWatts ?? 0) - (at?.idleWatts ?? 0);
  const isPowered =
    devices.some(({ busyWatts }) => busyWatts > 0) ||
    topology.links.some(({ energyJoulesPerBit }) => energyJoulesPerBit > 0);
  const isKnown = device?.computeFlopPerSecond !== undefined && isPowered;
  const joules = (cut: Cut): number =>
    idleWatts * seconds(cut) +
    extraOf(device) * deviceSeconds(cut) +
    extraOf(server) * serverSeconds(cut) +
    cut.linkJoules;
  return {
    storageBytes: device?.storageBytes ?? null,
    serverStorageBytes: server?.storageBytes ?? null,
    memoryBytes: device?.memoryBytes ?? null,
    latencySeconds: limits.latencySeconds ?? null,
    energyJoules: limits.energyJoules ?? null,
    deviceSeconds,
    seconds,
    joules: isKnown ? joules : null,
  };
}

/**
 * What running the whole graph on the device, or sending it the raw input, takes ÷ what there is.
 *
 * Seconds of computing and of sending are held against the latency limit; without one, against the
 * sum of both, so that the larger of the two counts for more and neither for more than all.
 */
export function needsOf(
  cuts: readonly Cut[],
  descriptor: Descriptor,
): Readonly<Record<Resource, number>> {
  const nothing = cuts[0] as Cut;
  const everything = cuts.at(-1) as Cut;
  const computing = descriptor.deviceSeconds(everything);
  const sending = nothing.linkSeconds;
  const available = descriptor.latencySeconds ?? computing + sending;
  const joules = descriptor.joules?.(everything) ?? 0;
  return {
    bandwidth: ratio(sending, available),
    compute: ratio(computing, available),
    storage: ratio(everything.parameterBytes, descriptor.storageBytes),
    memory: ratio(everything.memoryBytes, descriptor.memoryBytes),
    energy: ratio(joules, descriptor.energyJoules),
  };
}

/** A limit that a cut is beyond. */
export interface Excess {
  readonly what: "storage" | "server storage" | "memory" | "latency" | "energy";
  readonly needed: number;
  readonly allowed: number;
}

/** The limit that a cut exceeds most, by its ratio; `null` if it keeps all that are stated. */
export function excessOf(
  cut: Cut,
  everything: Cut,
  { storageBytes, serverStorageBytes, memoryBytes, ...descriptor }: Descriptor,
): Excess | null {
  const rest = everything.parameterBytes - cut.parameterBytes;
  const estimate = descriptor.joules?.(cut) ?? 0;
  const figures = [
    ["storage", cut.parameterBytes, storageBytes],
    ["server storage", rest, serverStorageBytes],
    ["memory", cut.memoryBytes, memoryBytes],
    ["latency", descriptor.seconds(cut), descriptor.latencySeconds],
    ["energy", estimate, descriptor.energyJoules],
  ] as const;
  const broken = figures.flatMap(([what, needed, allowed]) =>
    allowed === null || needed <= allowed ? [] : [{ what, needed, allowed }],
  );
  return broken.reduce<Excess | null>(
    (worst, excess) => (worst !== null && overshoot(excess) <= overshoot(worst) ? worst : excess),
    null,
  );
}

/** How many times what is allowed. */
export function overshoot({ needed, allowed }: Excess): number {
  return ratio(needed, allowed);
}

/** 0 of nothing, or where there is no limit. */
function ratio(needed: number, available: number | null): number {
  return needed === 0 || available === null ? 0 : needed / available;
}
