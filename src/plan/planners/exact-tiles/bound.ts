import { additiveFactors } from "../../objective.ts";
import type { Problem } from "../../problem.ts";
import { coveredParts } from "../pso/cover.ts";
import type { GroupModel } from "../pso/group-model.ts";

/** Below the sums of rounded numbers. */
const rounding = 1 - 1e-11;
const mostSteps = 100;
/** Of steps · nodes · devices: some tenths of a second. */
const mostWork = 5e7;

/**
 * What no placement beats, whichever nodes run by rows on several devices.
 *
 * With weights y of the devices that sum to 1, the largest of some loads is at least their weighted
 * mean, and each row of a node is made by somebody: so the loads, and as well the seconds of stages one
 * after the other, are at least the sum over the nodes of the least y · seconds. A node that cannot be
 * shared takes its seconds on one device. The best weights are found by ascent from those that the
 * devices' speeds give; any weights will do. O(steps · nodes · devices) time.
 */
export function boundTiled(problem: Problem): number {
  const { devices, index, objective } = problem;
  const parts = coveredParts(index);
  const factors = additiveFactors(objective);
  const nodes = index.graph.nodes.map((_, node) => node);
  if (factors === null) {
    const whole = nodes.filter((node) => !isShareable(problem, node));
    const longest = Math.max(0, ...whole.map((node) => least(problem, node, () => 1)));
    return Math.max(longest, shareOut(tasksOf(problem, parts, nodes)).sum) * rounding;
  }
  const latency =
    nodes
      .filter((node) => !isShareable(problem, node))
      .reduce((sum, node) => sum + least(problem, node, () => 1), 0) +
    shareOut(
      tasksOf(
        problem,
        parts,
        nodes.filter((node) => isShareable(problem, node)),
      ),
    ).sum;
  const extraWatts = devices.map(({ busyWatts, idleWatts }) => busyWatts - idleWatts);
  const busy = nodes.reduce(
    (sum, node) =>
      sum +
      (parts[node] as number) * least(problem, node, (device) => extraWatts[device] as number),
    0,
  );
  const idle = devices.reduce((sum, { idleWatts }) => sum + idleWatts, 0) * latency;
  return (factors.latency * latency + factors.energy * (busy + idle)) * rounding;
}

/**
 * What the pieces of a chain take some devices at the least, from each on. The weights are the same for
 * all of them, since one shared run may hold several.
 */
export function boundRest(
  { count, pieces, parts, tiledReach }: GroupModel,
  members: readonly number[],
): Float64Array {
  const { problem, starts } = pieces;
  const all = problem.index.graph.nodes.map((_, node) => node);
  const whole = parts.map(() => 1);
  const isShared = (piece: number): boolean => (tiledReach[piece] as number) > piece;
  const tasks = Array.from({ length: count }, (_, piece) => {
    const nodes = all.slice(starts[piece], starts[piece + 1]);
    return tasksOf(problem, isShared(piece) ? parts : whole, nodes, members);
  });
  const { weights } = shareOut(tasks.filter((_, piece) => isShared(piece)).flat());
  const rest = new Float64Array(count + 1);
  for (let piece = count - 1; piece >= 0; piece--) {
    const own = tasks[piece] as Task[];
    const least = isShared(piece) ? weigh(own, weights).sum : onOne(own);
    rest[piece] = (rest[piece + 1] as number) + (Number.isFinite(least) ? least * rounding : 0);
  }
  return rest;
}

/** The least seconds of some nodes on one device. */
function onOne(tasks: readonly Task[]): number {
  const devices = tasks[0]?.keys() ?? [];
  return Math.min(
    ...[...devices].map((device) => tasks.reduce((sum, task) => sum + (task[device] as number), 0)),
  );
}

function isShareable({ index }: Problem, node: number): boolean {
  return index.graph.nodes[node]?.window !== undefined;
}

function secondsOf({ pinned, seconds, source }: Problem, device: number, node: number): number {
  return pinned.has(node) && device !== source
    ? Number.POSITIVE_INFINITY
    : seconds.get(device, node);
}

/** The least of a node's seconds, weighed by device. */
function least(problem: Problem, node: number, weight: (device: number) => number): number {
  let found = Number.POSITIVE_INFINITY;
  for (const device of problem.devices.keys()) {
    const own = secondsOf(problem, device, node);
    if (Number.isFinite(own)) found = Math.min(found, own * weight(device));
  }
  return found;
}

/** The seconds of a node on each of some devices, for the part of it that somebody has to make. */
type Task = readonly number[];

function tasksOf(
  problem: Problem,
  parts: readonly number[],
  nodes: readonly number[],
  members: readonly number[] = [...problem.devices.keys()],
): Task[] {
  return nodes.map((node) =>
    members.map((device) => {
      const own = secondsOf(problem, device, node);
      return Number.isFinite(own) ? own * (parts[node] as number) : own;
    }),
  );
}

/** The most that weights of the devices give for some nodes, and these weights. */
function shareOut(tasks: readonly Task[]): { sum: number; weights: readonly number[] } {
  const devices = [...(tasks[0]?.keys() ?? [])];
  const steps = Math.min(mostSteps, mostWork / (tasks.length * devices.length));
  let weights = normalised(
    devices.map((device) => {
      const total = tasks.reduce((sum, task) => sum + finite(task[device]), 0);
      return total > 0 ? 1 / total : 0;
    }),
  );
  let best = { sum: 0, weights };
  for (let step = 1; step <= Math.max(1, steps); step++) {
    const { sum, slope } = weigh(tasks, weights);
    if (sum > best.sum) best = { sum, weights };
    if (sum === Number.POSITIVE_INFINITY) break;
    const steepest = Math.max(...slope);
    if (steepest === 0) break;
    const pace = 1 / Math.sqrt(step);
    weights = normalised(
      weights.map(
        (weight, device) => weight * Math.exp((pace * (slope[device] as number)) / steepest),
      ),
    );
  }
  return best;
}

function normalised(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (sum > 0 ? weight / sum : 1 / weights.length));
}

/** The sum of the least weighted seconds, and how it rises with each weight. */
function weigh(
  tasks: readonly Task[],
  weights: readonly number[],
): { sum: number; slope: number[] } {
  const slope = weights.map(() => 0);
  let sum = 0;
  for (const task of tasks) {
    let device = -1;
    let smallest = Number.POSITIVE_INFINITY;
    for (let other = 0; other < task.length; other++) {
      const own = task[other] as number;
      if (!Number.isFinite(own) || own * (weights[other] as number) >= smallest) continue;
      smallest = own * (weights[other] as number);
      device = other;
    }
    sum += smallest;
    if (device >= 0) slope[device] = (slope[device] as number) + (task[device] as number);
  }
  return { sum, slope };
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}
