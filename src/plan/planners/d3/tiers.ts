import type { Tier } from "../../../cost/topology.ts";
import { additiveCosts } from "../../additive.ts";
import type { Problem } from "../../problem.ts";

/** One device for each tier, and what nodes and moves cost there in the objective's unit. */
export interface Tiers {
  /** Device positions, the tier nearest to the source first. */
  readonly devices: readonly number[];
  /** `Infinity` where the device cannot run the node or privacy forbids it. */
  node(tier: number, node: number): number;
  /** A tensor from its home to a tier, over the whole route. */
  move(tensor: number, home: number, tier: number): number;
}

const heights: Readonly<Record<Tier, number>> = { device: 0, edge: 1, cloud: 2 };

/**
 * The tiers of a problem. Devices that only relay stand on no tier.
 *
 * @returns what D3 misses, if the problem has no such tiers
 */
export function findTiers(problem: Problem): Tiers | string {
  const costs = additiveCosts(problem);
  if (costs === null) {
    return "it compares sums over nodes and hops, and the throughput is none; ask for latency, energy or a weighted sum";
  }
  const devices = withoutHelpers(problem, sortByTier(problem));
  const obstacle = findTwins(problem, devices) ?? findLowSource(problem, devices);
  if (obstacle !== null) return obstacle;
  const unreached = findUnreached(problem, devices);
  if (unreached !== null) return unreached;
  const move = (tensor: number, home: number, tier: number): number => {
    const to = devices[tier] as number;
    if (to === home) return 0;
    const route = problem.hops.route(home, to, tensor);
    if (route === null) return Number.POSITIVE_INFINITY;
    let cost = 0;
    for (const link of route) cost += costs.hop(tensor, link);
    return cost;
  };
  return { devices, node: (tier, node) => costs.node(devices[tier] as number, node), move };
}

function heightOf(problem: Problem, device: number): number {
  return heights[problem.devices[device]?.tier ?? "device"];
}

function sortByTier(problem: Problem): number[] {
  const able = problem.kinds.flatMap((kind, device) => (kind === null ? [] : [device]));
  return able.sort((a, b) => heightOf(problem, a) - heightOf(problem, b));
}

/**
 * Where stages may be shared the edge may have several devices: all of them, the fastest first, which
 * stands for the tier.
 */
export function edgeTeam(problem: Problem): number[] {
  if (problem.limits.tiles !== true) return [];
  const all = problem.index.graph.nodes.map((_, node) => node);
  const seconds = (device: number): number =>
    all.reduce((sum, node) => sum + problem.seconds.get(device, node), 0);
  return problem.kinds
    .flatMap((kind, device) =>
      kind !== null && problem.devices[device]?.tier === "edge" ? [device] : [],
    )
    .map((device) => ({ device, seconds: seconds(device) }))
    .sort((a, b) => a.seconds - b.seconds || a.device - b.device)
    .map(({ device }) => device);
}

function withoutHelpers(problem: Problem, devices: readonly number[]): number[] {
  const helpers = edgeTeam(problem).slice(1);
  return devices.filter((device) => !helpers.includes(device));
}

function findTwins(problem: Problem, devices: readonly number[]): string | null {
  if (devices.length === 0) return "no device can run nodes";
  const second = devices.find(
    (device, position) =>
      position > 0 &&
      heightOf(problem, device) === heightOf(problem, devices[position - 1] as number),
  );
  if (second === undefined) return null;
  const tier = problem.devices[second]?.tier;
  const names = devices
    .filter((device) => problem.devices[device]?.tier === tier)
    .map((device) => `'${problem.devices[device]?.name}'`);
  return `it wants one device a tier, and ${names.join(", ")} are all of tier ${tier}; write "tier: device", "edge" or "cloud" at each${tier === "edge" ? ", or let the edge share stages with --tiles" : ""}`;
}

function findLowSource(problem: Problem, devices: readonly number[]): string | null {
  const lowest = devices[0] as number;
  const { source } = problem;
  const isLowest =
    source === lowest ||
    (!devices.includes(source) && heightOf(problem, source) <= heightOf(problem, lowest));
  if (isLowest) return null;
  const name = problem.devices[lowest]?.name;
  return `its inputs start on the lowest tier, which is that of '${name}', and the source is '${problem.devices[source]?.name}'`;
}

/** Whether a route exists does not depend on the tensor. */
function findUnreached(problem: Problem, devices: readonly number[]): string | null {
  const tensor = problem.hops.samples[0];
  if (tensor === undefined) return null;
  const homes = new Set([problem.source, ...devices]);
  for (const from of homes) {
    const above = devices.slice(devices.indexOf(from) + 1);
    const to = above.find((device) => problem.hops.route(from, device, tensor) === null);
    if (to === undefined) continue;
    return `it moves tensors from each tier to every later one, and there is no route from '${problem.devices[from]?.name}' to '${problem.devices[to]?.name}'`;
  }
  return null;
}
