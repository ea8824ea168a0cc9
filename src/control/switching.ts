import type { State } from "../cost/state.ts";
import type { Problem } from "../plan/problem.ts";
import type { Choice } from "./choices.ts";

export interface SwitchingOptions {
  /** Position of the device that weights come from. Default: the source. */
  readonly weightsFrom?: number;
  /**
   * Loading a part takes a device of speed 1 this long whatever it weighs.
   * @default 0.1
   */
  readonly loadSeconds?: number;
  /**
   * … and this long for each byte of parameters: they are read and hashed, copied, and made ready.
   * @default 1e-9
   */
  readonly loadSecondsPerByte?: number;
}

/** By device: nodes whose weights it has. What was there once stays in its cache. */
export type Holdings = readonly ReadonlySet<number>[];

/** What has to be done before a choice can serve. */
export interface Preparation {
  /** Until all weights are where they are needed. */
  readonly wireSeconds: number;
  /** By device: how long it loads parts if it does nothing else; then, all at the same time. */
  readonly loadSeconds: readonly number[];
}

/** What a device does for requests while, and after, parts are loaded. */
export interface Work {
  /** The part of its time in which it works for the plan that serves: 0 to 1. */
  readonly utilisation: number;
  /** What it does for one request of the plan that serves, and of the one that is to, in seconds. */
  readonly requestSeconds: number;
  readonly nextRequestSeconds: number;
}

/** Each device has what a choice puts there, beside what it had. */
export function holding(problem: Problem, held: Holdings | null, choice: Choice): Holdings {
  const own = problem.devices.map((_, device) => new Set(held?.[device]));
  forEachRun(choice, (device, node) => own[device]?.add(node));
  return own;
}

/**
 * What it takes to prepare a choice beside the one that serves: the bytes of weights that devices
 * have never had over the links on their way, in the present state, then loading. A device that has
 * loaded the same nodes, or tiles, for another choice has its part already. A way that does not exist counts
 * nothing: nobody knows how the weights come.
 *
 * O(nodes · loaded + devices · links) time.
 *
 * @param loaded choices whose parts are still loaded
 */
export function findPreparation(
  problem: Problem,
  state: State,
  held: Holdings,
  loaded: readonly Choice[],
  choice: Choice,
  options: SwitchingOptions = {},
): Preparation {
  const { loadSeconds = 0.1, loadSecondsPerByte = 1e-9 } = options;
  const used = new Set<number>();
  const bytesOf = problem.devices.map(() => 0);
  forEachRun(choice, (device, node) => {
    used.add(device);
    bytesOf[device] = (bytesOf[device] as number) + parameterBytes(problem, node);
  });
  const loads = problem.devices.map((_, device) => {
    const isLoaded = loaded.some((other) => isSameOn(device, other, choice));
    if (!used.has(device) || isLoaded) return 0;
    const seconds = loadSeconds + loadSecondsPerByte * (bytesOf[device] as number);
    const { speed } = problem.topology.devices[device] as { readonly speed: number };
    return (seconds * (state.slowDown[device] as number)) / speed;
  });
  const wireSeconds = wireSecondsOf(problem, state, held, choice, options);
  return { wireSeconds, loadSeconds: loads };
}

/**
 * How long a device takes to load parts while it works: each of the two has half of it, and loading
 * what the other leaves.
 */
export function loadingSeconds(loadSeconds: number, { utilisation }: Work): number {
  return loadSeconds / Math.max(1 - utilisation, halfShare);
}

const halfShare = 0.5;
/** A queue before a device that is busy all the time never ends; it is counted as if it did some time. */
const mostUtilisation = 0.95;

/**
 * What a device that loads parts costs its requests: the sum of their delays ÷ requests a second. Each
 * that comes meanwhile takes twice as long. If it is more than the device can do in half of its time,
 * requests queue, until the next plan has caught up with them.
 */
export function delayedSeconds(loadSeconds: number, work: Work): number {
  const { utilisation, requestSeconds, nextRequestSeconds } = work;
  const lasting = loadingSeconds(loadSeconds, work);
  const queue = lasting * Math.max(0, utilisation - halfShare);
  const change = requestSeconds > 0 ? nextRequestSeconds / requestSeconds : 0;
  const next = Math.min(mostUtilisation, utilisation * change);
  // Nobody is delayed where nothing works.
  const slowed = utilisation > 0 ? requestSeconds * lasting : 0;
  return slowed + queueDelay(queue, lasting, next);
}

/** It grows from nothing, then shrinks at what the device has left. */
function queueDelay(queueSeconds: number, growing: number, utilisation: number): number {
  return 0.5 * queueSeconds * (growing + queueSeconds / (1 - utilisation));
}

/** What each device runs; a node several times on a device with several tiles of it, which it loads each. */
function forEachRun(
  { placement, tiles = [] }: Choice,
  visit: (device: number, node: number) => void,
): void {
  const shared = new Map(tiles.flatMap((stage) => stage.nodes.map((node) => [node, stage])));
  placement.forEach((on, node) => {
    for (const device of shared.get(node)?.devices ?? [on]) visit(device, node);
  });
}

function isSameOn(device: number, one: Choice, other: Choice): boolean {
  return (
    one.placement.every((on, node) => (on === device) === (other.placement[node] === device)) &&
    tilesOn(device, one) === tilesOn(device, other)
  );
}

/** What tells a device's tiles from others. */
function tilesOn(device: number, { tiles = [] }: Choice): string {
  const own = tiles.flatMap(({ nodes, devices, rows, columns }) =>
    devices.flatMap((on, at) => (on === device ? [[nodes, rows[at], columns?.[at] ?? null]] : [])),
  );
  return JSON.stringify(own);
}

function parameterBytes({ profile }: Problem, node: number): number {
  return profile.graph.nodes[node]?.parameterBytes ?? 0;
}

function wireSecondsOf(
  problem: Problem,
  state: State,
  held: Holdings,
  choice: Choice,
  { weightsFrom = problem.source }: SwitchingOptions,
): number {
  const missing = holding(problem, null, choice).map((nodes, device) =>
    [...nodes].reduce(
      (sum, node) => sum + (held[device]?.has(node) === true ? 0 : parameterBytes(problem, node)),
      0,
    ),
  );
  const wire = new Map<number | string, number>();
  missing.forEach((bytes, device) => {
    if (bytes === 0 || device === weightsFrom) return;
    const route = problem.hops.route(weightsFrom, device, problem.hops.samples[0] ?? 0) ?? [];
    for (const link of route) {
      const key = problem.topology.links[link]?.medium ?? link;
      const seconds = (8 * bytes) / (state.bandwidthBitsPerSecond[link] as number);
      wire.set(key, (wire.get(key) ?? 0) + seconds);
    }
  });
  return Math.max(0, ...wire.values());
}
