/**
 * What a placement costs: the one definition that every planner, every check and every table uses.
 *
 * @module
 */
import { formatQuantity } from "../base/units.ts";
import {
  findOverfull,
  findViolation,
  type Infeasible,
  infeasible,
  memoryOf,
} from "./feasibility.ts";
import { objectiveValue } from "./objective.ts";
import type { Placement, Problem } from "./problem.ts";
import { findTiledHops } from "./tiles/hops.ts";
import { tiledMemory } from "./tiles/memory.ts";
import { findTileViolation } from "./tiles/rules.ts";
import { tiledCompute, tiledLatency } from "./tiles/work.ts";
import { layOut, type TileStage } from "./tiles.ts";
import { findHops, type Hop } from "./transfers.ts";

/** Figures of one inference; arrays are by position of device, link or medium. */
export interface Evaluation {
  readonly type: "feasible";
  /** What the objective compares: seconds or joules, smaller is better. */
  readonly value: number;
  /** Nodes and hops one after the other: branches on two devices get no credit. */
  readonly latencySeconds: number;
  /** The largest load. */
  readonly periodSeconds: number;
  readonly bottleneck: Bottleneck;
  readonly energyJoules: number;
  readonly memoryBytes: readonly number[];
  /** What each device computes, without its work at its boundaries. */
  readonly computeSeconds: readonly number[];
  readonly deviceLoads: readonly number[];
  readonly hops: readonly Hop[];
}

export type Bottleneck =
  | { readonly device: string }
  | { readonly link: readonly [string, string] }
  | { readonly medium: string };

/**
 * Computes everything that a placement costs, or the limit that it breaks.
 *
 * O(nodes + uses of tensors · hops of a route) time and memory; with tile-parallel stages the uses
 * by their nodes count for each member, and those of what they exchange for each pair of members.
 *
 * @param tiles the stages that several devices run together; default: none
 */
export function evaluate(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[] = [],
): Evaluation | Infeasible {
  const work =
    tiles.length === 0 ? findWork(problem, placement) : findTiledWork(problem, placement, tiles);
  if ("type" in work) return work;
  const { hops, memoryBytes, computeSeconds, latencySeconds } = work;
  const boundarySeconds = findBoundarySeconds(problem, hops);
  const loads = findLoads(problem, computeSeconds, boundarySeconds, hops);
  const periodSeconds = Math.max(...loads.map(({ seconds }) => seconds));
  const bottleneck = loads.find(({ seconds }) => seconds === periodSeconds)?.where as Bottleneck;
  const horizon = problem.objective.type === "throughput" ? periodSeconds : latencySeconds;
  const busySeconds = computeSeconds.map((own, device) => own + at(boundarySeconds, device));
  const energyJoules = findEnergy(problem, busySeconds, hops, horizon);
  const evaluation: Evaluation = {
    type: "feasible",
    value: objectiveValue(problem.objective, { latencySeconds, periodSeconds, energyJoules }),
    latencySeconds,
    periodSeconds,
    bottleneck,
    energyJoules,
    memoryBytes,
    computeSeconds,
    deviceLoads: loads.slice(0, problem.devices.length).map(({ seconds }) => seconds),
    hops,
  };
  return findExceeded(problem, evaluation) ?? evaluation;
}

/** What a placement makes devices and links do. */
interface Work {
  readonly hops: readonly Hop[];
  readonly memoryBytes: readonly number[];
  readonly computeSeconds: readonly number[];
  readonly latencySeconds: number;
}

function findWork(problem: Problem, placement: Placement): Work | Infeasible {
  const violation = findViolation(problem, placement);
  if (violation !== null) return violation;
  const hops = findHops(problem, placement);
  if ("to" in hops) return noRoute(problem, hops);
  const memoryBytes = memoryOf(problem, placement);
  const overfull = findOverfull(problem, memoryBytes);
  if (overfull !== null) return overfull;
  const computeSeconds = problem.devices.map(() => 0);
  placement.forEach((device, node) => {
    add(computeSeconds, device, problem.seconds.get(device, node));
  });
  const latencySeconds = total(computeSeconds) + total(hops.map((hop) => hopSeconds(problem, hop)));
  return { hops, memoryBytes, computeSeconds, latencySeconds };
}

function findTiledWork(
  problem: Problem,
  placement: Placement,
  tiles: readonly TileStage[],
): Work | Infeasible {
  const violation = findTileViolation(problem, placement, tiles);
  if (violation !== null) return violation;
  const layout = layOut(problem.index, placement, tiles);
  const awaited = findTiledHops(problem, layout);
  if ("to" in awaited) return noRoute(problem, awaited);
  const memoryBytes = tiledMemory(problem, layout);
  const overfull = findOverfull(problem, memoryBytes);
  if (overfull !== null) return overfull;
  return {
    hops: awaited.map(({ hop }) => hop),
    memoryBytes,
    computeSeconds: tiledCompute(problem, layout),
    latencySeconds: tiledLatency(problem, layout, awaited),
  };
}

function noRoute(
  problem: Problem,
  missing: { tensor: number; from: number; to: number },
): Infeasible {
  const names = {
    tensor: problem.index.graph.tensors[missing.tensor]?.name ?? "",
    from: problem.devices[missing.from]?.name ?? "",
    to: problem.devices[missing.to]?.name ?? "",
  };
  return infeasible(
    `tensor '${names.tensor}' has no route from '${names.from}' to '${names.to}'`,
    names,
  );
}

function hopSeconds(problem: Problem, { tensor, link, share }: Hop): number {
  return problem.hops.hopSeconds(link, tensor, share);
}

/** Work of each device at its boundaries: what it does itself for tensors that it sends and receives. */
function findBoundarySeconds(problem: Problem, hops: readonly Hop[]): number[] {
  const seconds = problem.devices.map(() => 0);
  for (const { tensor, link, share } of hops) {
    const { from, to } = endsOf(problem, link);
    add(seconds, from, problem.hops.sendSeconds(link, tensor, share));
    add(seconds, to, problem.hops.receiveSeconds(link, tensor, share));
  }
  return seconds;
}

interface Load {
  readonly where: Bottleneck;
  readonly seconds: number;
}

/** Loads of the devices in order, then of links and media. */
function findLoads(
  problem: Problem,
  compute: readonly number[],
  boundary: readonly number[],
  hops: readonly Hop[],
): Load[] {
  const whole = problem.devices.map(() => 0);
  /** By position of a link, or name of a medium. */
  const wires = new Map<number | string, { where: Bottleneck; seconds: number }>();
  for (const hop of hops) {
    const { from, to } = endsOf(problem, hop.link);
    add(whole, from, hopSeconds(problem, hop));
    add(whole, to, hopSeconds(problem, hop));
    const key = problem.topology.links[hop.link]?.medium ?? hop.link;
    const wire = wires.get(key) ?? { where: wireOf(problem, hop.link), seconds: 0 };
    wire.seconds += problem.hops.wireSeconds(hop.link, hop.tensor, hop.share);
    wires.set(key, wire);
  }
  const devices = problem.devices.map(({ name, communication }, device) => ({
    where: { device: name },
    seconds: at(compute, device) + at(communication === "exclusive" ? whole : boundary, device),
  }));
  return [...devices, ...wires.values()];
}

function wireOf(problem: Problem, position: number): Bottleneck {
  const link = problem.topology.links[position];
  if (link?.medium !== undefined) return { medium: link.medium };
  return { link: [link?.from ?? "", link?.to ?? ""] };
}

function findEnergy(
  problem: Problem,
  busySeconds: readonly number[],
  hops: readonly Hop[],
  horizonSeconds: number,
): number {
  const devices = problem.devices.map(({ busyWatts, idleWatts }, device) => {
    const busy = at(busySeconds, device);
    return busyWatts * busy + idleWatts * (horizonSeconds - busy);
  });
  const links = hops.map(
    ({ tensor, link, share }) =>
      (problem.topology.links[link]?.energyJoulesPerBit ?? 0) *
      8 *
      problem.hops.bytes(link, tensor, share),
  );
  return total(devices) + total(links);
}

/** Equal within 1e-9 counts as kept: the limit may have been taken from another plan's claim. */
const tolerance = 1 + 1e-9;

function findExceeded(problem: Problem, found: Evaluation): Infeasible | null {
  const { limits } = problem;
  const figures = [
    ["latency", found.latencySeconds, limits.latencySeconds, "s"],
    ["period", found.periodSeconds, limits.periodSeconds, "s"],
    ["energy", found.energyJoules, limits.energyJoules, "J"],
  ] as const;
  for (const [name, value, limit, unit] of figures) {
    if (limit === undefined || value <= limit * tolerance) continue;
    return infeasible(
      `${name} would be ${formatQuantity(value, unit, 4)}, ${formatQuantity(value - limit, unit)} above the limit of ${formatQuantity(limit, unit, 4)}`,
      { limit: name, value, allowed: limit },
    );
  }
  return null;
}

function endsOf(problem: Problem, link: number): { from: number; to: number } {
  return problem.hops.links[link] as { from: number; to: number };
}

function add(values: number[], position: number, value: number): void {
  values[position] = at(values, position) + value;
}

function at(values: readonly number[], position: number): number {
  return values[position] as number;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
