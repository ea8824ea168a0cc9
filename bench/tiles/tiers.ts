/**
 * D3's setting: a device, one to four edge machines and a cloud, with and without tiles.
 *
 * @module
 */
import { bitsPerSecond } from "../../dist/base/units.js";
import {
  d3Networks,
  type LinkSet,
  linkSets,
  speeds,
} from "../../dist/compare/three-tiers/setting.js";
import { plainDevice, plainLinks } from "../../dist/cost/plain-topology.js";
import type { Profile } from "../../dist/cost/profile.js";
import type { Tier, Topology } from "../../dist/cost/topology.js";
import type { Planner } from "../../dist/plan/planner.js";
import { d3, d3BestRun, d3LookAhead } from "../../dist/plan/planners/d3.js";
import { dads } from "../../dist/plan/planners/dads.js";
import { exact } from "../../dist/plan/planners/exact.js";
import { neurosurgeon } from "../../dist/plan/planners/neurosurgeon.js";
import { single } from "../../dist/plan/planners/single.js";
import { type Asked, ask, median, rounded } from "./ask.ts";

/** Mbit/s between machines of the edge: a wired network. Assumed, the paper's is not known. */
export const edgeMegabits = 1000;
export const edgeCounts = [1, 2, 4] as const;
/** A desktop's core, and a small board's, both in the speed of the profiles. */
export const edgeSpeeds = [speeds.edge, 0.1] as const;
/** Those that the paper's predecessors split at any node. */
const chains = ["alexnet", "vgg16"];
const limitSeconds = 2.5;

export interface TierCell {
  readonly network: string;
  readonly links: string;
  readonly edgeSpeed: number;
  /** Seconds by method; with tiles `NAME N`, for N machines on the edge. */
  readonly latencySeconds: Readonly<Record<string, number>>;
  /** By number of edge machines: how many times as fast the run that `d3` shares is computed. */
  readonly runSpeedUp: Readonly<Record<string, number>>;
  /** The same with what it takes to scatter and gather: latency with one edge machine ÷ with these. */
  readonly endToEnd: Readonly<Record<string, number>>;
  /** The simulator's latency ÷ the cost model's, furthest from 1. */
  readonly simulatedRatio: number;
}

export function measureTiers(profileOf: (network: string) => Profile): TierCell[] {
  return d3Networks.flatMap((network) => {
    const profile = profileOf(network);
    const cells = edgeSpeeds.flatMap((edgeSpeed) =>
      linkSets.map((links) => measureCell(network, profile, links, edgeSpeed)),
    );
    console.log(`${network}: ${cells.length} cells`);
    return cells;
  });
}

function measureCell(
  network: string,
  profile: Profile,
  links: LinkSet,
  edgeSpeed: number,
): TierCell {
  const found = new Map<string, Asked>();
  const put = (
    name: string,
    planner: Planner,
    { edges = 1, tiles = false, among }: Partial<Setting> = {},
  ): void => {
    const topology = topologyOf(links, edgeSpeed, edges, among);
    const judged = topologyOf(links, edgeSpeed, edges);
    const asked = ask(planner, profile, topology, { tiles, limitSeconds, judged });
    if (typeof asked !== "string") found.set(name, asked);
  };
  for (const tier of ["device", "edge", "cloud"] as const) put(tier, single, { among: [tier] });
  for (const [pair, among] of [
    ["device–edge", ["device", "edge"]],
    ["edge–cloud", ["edge", "cloud"]],
  ] as const) {
    if (chains.includes(network)) put(`neurosurgeon ${pair}`, neurosurgeon, { among });
    put(`dads ${pair}`, dads, { among });
  }
  put("d3", d3);
  put("d3 looking ahead", d3LookAhead);
  put("exact", exact);
  for (const edges of edgeCounts.slice(1)) {
    put(`d3 + tiles ${edges}`, d3, { edges, tiles: true });
    put(`d3 + best run ${edges}`, d3BestRun, { edges, tiles: true });
    put(`d3 looking ahead + tiles ${edges}`, d3LookAhead, { edges, tiles: true });
    put(`edge + tiles ${edges}`, exact, { edges, tiles: true, among: ["edge"] });
    put(`exact + tiles ${edges}`, exact, { edges, tiles: true });
  }
  const latency = (name: string): number => found.get(name)?.latencySeconds ?? Number.NaN;
  const sharing = edgeCounts.slice(1);
  return {
    network,
    links: links.name,
    edgeSpeed,
    latencySeconds: Object.fromEntries([...found].map(([name]) => [name, rounded(latency(name))])),
    runSpeedUp: Object.fromEntries(
      sharing.flatMap((edges) => {
        const speedUp = speedUpOf(found.get(`d3 + tiles ${edges}`));
        return speedUp === null ? [] : [[edges, rounded(speedUp)]];
      }),
    ),
    endToEnd: Object.fromEntries(
      sharing.map((edges) => [edges, rounded(latency("d3") / latency(`d3 + tiles ${edges}`))]),
    ),
    simulatedRatio: rounded(
      [...found.values()]
        .map(({ simulatedRatio }) => simulatedRatio)
        .reduce((worst, own) => (Math.abs(own - 1) > Math.abs(worst - 1) ? own : worst), 1),
    ),
  };
}

interface Setting {
  readonly edges: number;
  readonly tiles: boolean;
  readonly among: readonly Tier[];
}

/** Seconds of the shared nodes on one of the machines ÷ those of the slowest member; `null`: none is shared. */
function speedUpOf(asked: Asked | undefined): number | null {
  const stage = asked?.plan.stages.find(({ tiles }) => tiles !== undefined);
  if (asked === undefined || stage === undefined) return null;
  const { index, seconds, devices } = asked.problem;
  const device = devices.findIndex(({ name }) => name === stage.devices[0]);
  const alone = stage.nodes.reduce(
    (sum, name) =>
      sum +
      seconds.get(
        device,
        index.graph.nodes.findIndex((one) => one.name === name),
      ),
    0,
  );
  return alone / stage.seconds;
}

/** The device reaches the first machine of the edge, which is on one switch with the others. */
function topologyOf(
  { deviceToEdge, edgeToCloud, deviceToCloud }: LinkSet,
  edgeSpeed: number,
  edges: number,
  among: readonly Tier[] = ["device", "edge", "cloud"],
): Topology {
  const names = Array.from({ length: edges }, (_, at) => `edge${at + 1}`);
  const link = (from: string, to: string, megabits: number): Topology["links"] =>
    plainLinks(from, to, bitsPerSecond(megabits * 1e6));
  const device = (name: string, tier: Tier, speed: number) =>
    plainDevice({ name, tier, speed, ...(among.includes(tier) ? {} : { profile: "none" }) });
  return {
    format: "partita.topology/1",
    devices: [
      device("device", "device", speeds.device),
      ...names.map((name) => device(name, "edge", edgeSpeed)),
      device("cloud", "cloud", speeds.cloud),
    ],
    links: [
      ...link("device", "edge1", deviceToEdge),
      ...link("edge1", "cloud", edgeToCloud),
      ...(deviceToCloud === null ? [] : link("device", "cloud", deviceToCloud)),
      ...names.flatMap((one, at) =>
        names.slice(at + 1).flatMap((other) => link(one, other, edgeMegabits)),
      ),
    ],
    source: "device",
    sink: "anywhere",
    inputBytes: {},
  };
}

/** The methods that stand for D3 with tiles. */
export const tiledMethods: readonly string[] = edgeCounts
  .slice(1)
  .flatMap((edges) => [
    `d3 + tiles ${edges}`,
    `d3 + best run ${edges}`,
    `d3 looking ahead + tiles ${edges}`,
    `edge + tiles ${edges}`,
    `exact + tiles ${edges}`,
  ]);
export const baselines: readonly string[] = [
  ...["device", "edge", "cloud", "neurosurgeon device–edge", "neurosurgeon edge–cloud"],
  ...["dads device–edge", "dads edge–cloud", "d3", "d3 looking ahead", "exact"],
];

export interface Gain {
  readonly method: string;
  readonly baseline: string;
  readonly cells: number;
  readonly median: number;
  readonly best: number;
  readonly bestCell: string;
  /** Of these cells, that reach the published 3.4. */
  readonly reached: number;
}

/** The latency of each baseline over that of each method with tiles, over all cells in which both answer. */
export function gainsOf(cells: readonly TierCell[]): Gain[] {
  return tiledMethods.flatMap((method) =>
    baselines.flatMap((baseline): Gain[] => {
      const ratios = cells.flatMap((cell) => {
        const [over, own] = [cell.latencySeconds[baseline], cell.latencySeconds[method]];
        return over === undefined || own === undefined ? [] : [{ cell, ratio: over / own }];
      });
      if (ratios.length === 0) return [];
      const best = ratios.reduce((most, one) => (one.ratio > most.ratio ? one : most));
      return [
        {
          ...{ method, baseline, cells: ratios.length },
          median: rounded(median(ratios.map(({ ratio }) => ratio))),
          best: rounded(best.ratio),
          bestCell: describe(best.cell),
          reached: ratios.filter(({ ratio }) => ratio >= 3.4).length,
        },
      ];
    }),
  );
}

export function describe({ network, links, edgeSpeed }: TierCell): string {
  return `${network}, ${links}, edge ${edgeSpeed}`;
}
