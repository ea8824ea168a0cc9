import { bytes, joulesPerBit, watts } from "../../base/units.ts";
import { memoryBytes } from "../../cost/memory.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Device, Topology } from "../../cost/topology.ts";
import { indexGraph } from "../../graph/graph.ts";
import type { Limits } from "../../plan/problem.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import { pairTopology } from "../device-pair.ts";

/** What the device of a problem has little of; nothing else is limited. */
export const scarcities = ["bandwidth", "compute", "storage", "memory", "energy"] as const;
export type Scarcity = (typeof scarcities)[number];

/** From little to much: some that split well at some bandwidth, some never. */
export const networks: readonly ZooName[] = [
  "alexnet",
  "densenet121",
  "efficientnetb0",
  "googlenet",
  "mobilenetv2",
  "resnet50",
  "squeezenet",
  "vgg16",
];

const quickNetworks: readonly ZooName[] = ["alexnet", "mobilenetv2", "vgg16"];

const megabits = [0.5, 1, 2, 4, 8, 16, 32, 50, 100];

/** Mbit/s at which the baseline was benchmarked. */
export const benchmarkedAt = 50;

/** Mbit/s: a tenth of it and less is what is called bandwidth-constrained. */
export const constrained: number = benchmarkedAt / 10;

/**
 * FLOP/s that a data sheet may state for the machine that was measured, as a round figure: what the
 * devices state is their speed times this. What networks reach of it differs; that is the point.
 */
export const statedFlopPerSecond = 100e9;

const deviceSpeeds: Readonly<Record<Scarcity, number>> = {
  bandwidth: 0.05,
  compute: 0.01,
  storage: 0.05,
  memory: 0.05,
  energy: 0.05,
};

const busyWatts = 4;
const radioMicrojoulesPerBit = 0.2;

export interface Setting {
  readonly network: ZooName;
  readonly scarcity: Scarcity;
  readonly megabits: number;
}

export function settings(quick: boolean): Setting[] {
  const rates = quick ? [1, 4, 16, benchmarkedAt] : megabits;
  return (quick ? quickNetworks : networks).flatMap((network) =>
    scarcities.flatMap((scarcity) => rates.map((rate) => ({ network, scarcity, megabits: rate }))),
  );
}

export function deviceSpeed(scarcity: Scarcity): number {
  return deviceSpeeds[scarcity];
}

/** Device and server of a setting with what they state; the server is the machine that was measured. */
export function topologyOf(setting: Setting, profile: Profile): Topology {
  const { scarcity, megabits: rate } = setting;
  const speed = deviceSpeeds[scarcity];
  const pair = pairTopology({
    deviceSpeed: speed,
    serverFactor: 1 / speed,
    bandwidthBitsPerSecond: rate * 1e6,
  });
  const isPowered = scarcity === "energy";
  return {
    ...pair,
    devices: pair.devices.map((device) => ({
      ...device,
      computeFlopPerSecond: device.speed * statedFlopPerSecond,
      ...(device.name === pair.source ? budgetOf(scarcity, profile) : {}),
    })),
    links: pair.links.map((link) =>
      isPowered
        ? { ...link, energyJoulesPerBit: joulesPerBit(radioMicrojoulesPerBit / 1e6) }
        : link,
    ),
  };
}

/** A quarter of the parameters, or half of the memory that everything needs beside the runtime. */
function budgetOf(scarcity: Scarcity, profile: Profile): Partial<Device> {
  const index = indexGraph(profile.graph);
  const { nodes } = index.graph;
  switch (scarcity) {
    case "storage": {
      const parameters = nodes.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
      return { storageBytes: bytes(Math.floor(parameters / 4)) };
    }
    case "memory": {
      const overhead = Object.values(profile.devices)[0]?.overheadBytes ?? 0;
      const all = nodes.map((_, node) => node);
      const own = memoryBytes(index, all, 0);
      return { memoryBytes: bytes(Math.floor(overhead + own / 2)) };
    }
    case "energy":
      return { busyWatts: watts(busyWatts) };
    default:
      return {};
  }
}

/** A quarter more than the least that any cut needs. */
export function limitsOf({ scarcity }: Setting, leastJoules: number): Limits {
  return scarcity === "energy" ? { energyJoules: 1.25 * leastJoules } : {};
}

/** The setting in sentences, for the head of the page. */
export function describeSetting(): string[] {
  return [
    "May shapes, FLOP and the stated resources of a device replace benchmarks? Device and server, float32 input; device seconds are those measured on one machine ÷ speed, the server is that machine.",
    `The planner \`resource-aware\` reads no measured second; it is told the bandwidth and what the devices state: a rate (speed · ${statedFlopPerSecond / 1e9} GFLOP/s, an assumption such as a data sheet makes), storage, memory, power.`,
    `Five devices, each with little of one resource. bandwidth: speed ${deviceSpeeds.bandwidth}, nothing limited; compute: speed ${deviceSpeeds.compute}; storage: a quarter of the parameters; memory: what the runtime takes and half of what the network needs; energy (modelled): ${busyWatts} W and ${radioMicrojoulesPerBit} uJ/bit, a quarter more than the least that any cut needs; the last three at speed ${deviceSpeeds.storage}.`,
    "Its choice is checked like every plan: what breaks a limit as measured is left out, and the next one taken. What it would have chosen without that check stands in a row of its own.",
    `"Benchmarked" is the best cut after any articulation node by measured seconds (what Neurosurgeon and Scission do), for latency alone: \`stale\` decided at ${benchmarkedAt} Mbit/s, \`true\` at the bandwidth of the cell. \`exact\` and \`within budgets\` are told everything. Without codecs.`,
  ];
}
