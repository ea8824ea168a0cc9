import { bitsPerSecond } from "../../base/units.ts";
import { plainDevice, plainLinks } from "../../cost/plain-topology.ts";
import type { Device, Tier, Topology } from "../../cost/topology.ts";
import type { ZooName } from "../../zoo/zoo.ts";
import type { InputWidth } from "../device-pair.ts";

/** Speeds of the tiers, the measured machine's core being 1. */
export const speeds: Readonly<Record<Tier, number>> = { device: 0.05, edge: 1, cloud: 30 };

/** Mbit/s between the tiers; `null`: no direct link. */
export interface LinkSet {
  readonly name: string;
  readonly deviceToEdge: number;
  readonly edgeToCloud: number;
  readonly deviceToCloud: number | null;
}

/** After D3, as far as its set-up is known. */
export const linkSets: readonly LinkSet[] = [
  { name: "Wi-Fi", deviceToEdge: 84.95, edgeToCloud: 31.53, deviceToCloud: 18.75 },
  { name: "4G", deviceToEdge: 84.95, edgeToCloud: 13.79, deviceToCloud: 6.12 },
  { name: "5G", deviceToEdge: 84.95, edgeToCloud: 22.75, deviceToCloud: 11.64 },
  { name: "optical", deviceToEdge: 84.95, edgeToCloud: 50.23, deviceToCloud: null },
];

/** The networks of D3's comparison. */
export const d3Networks: readonly ZooName[] = [
  "alexnet",
  "vgg16",
  "resnet18",
  "darknet53",
  "inceptionv4",
];

export interface TierGrid {
  readonly networks: readonly ZooName[];
  readonly inputs: readonly InputWidth[];
  readonly limitSeconds: number;
}

export const fullGrid: TierGrid = {
  networks: [
    ...d3Networks,
    "resnet50",
    "googlenet",
    "densenet121",
    "mobilenetv2",
    "efficientnetb0",
    "squeezenet",
    "vit-tiny",
  ],
  inputs: ["float32", "uint8"],
  limitSeconds: 2,
};

export const quickGrid: TierGrid = {
  networks: ["alexnet", "resnet18", "inceptionv4"],
  inputs: ["float32"],
  limitSeconds: 1,
};

export const tierNames: readonly Tier[] = ["device", "edge", "cloud"];

/**
 * One device a tier, named after it; links alike both ways, without latency. The answer may stay
 * where it is made.
 *
 * @param among the tiers that run nodes; others relay
 */
export function tierTopology(
  { deviceToEdge, edgeToCloud, deviceToCloud }: LinkSet,
  inputBytes: Topology["inputBytes"],
  among: readonly Tier[] = tierNames,
): Topology {
  const device = (tier: Tier): Device =>
    plainDevice({
      name: tier,
      tier,
      ...(among.includes(tier) ? {} : { profile: "none" }),
      speed: speeds[tier],
    });
  const between = (from: Tier, to: Tier, megabits: number): Topology["links"] =>
    plainLinks(from, to, bitsPerSecond(megabits * 1e6));
  return {
    format: "partita.topology/1",
    devices: tierNames.map(device),
    links: [
      ...between("device", "edge", deviceToEdge),
      ...between("edge", "cloud", edgeToCloud),
      ...(deviceToCloud === null ? [] : between("device", "cloud", deviceToCloud)),
    ],
    source: "device",
    sink: "anywhere",
    inputBytes,
  };
}
