/**
 * From what was seen to the state of the world.
 *
 * @module
 */
import type { State } from "../cost/state.ts";
import type { Topology } from "../cost/topology.ts";
import type { Observation } from "./observation.ts";

export interface EstimateOptions {
  /**
   * What was seen counts half after this time. A change is believed when it has lasted as long; what
   * is shorter, however far off, changes nothing.
   * @default 0.6
   */
  readonly halfLifeSeconds?: number;
  /**
   * The same for devices, whose stages take now more and now less time without that anything lasts.
   * @default 2
   */
  readonly deviceHalfLifeSeconds?: number;
  /**
   * What has not been measured for this long begins to drift back to what the topology states.
   * @default 30
   */
  readonly keepSeconds?: number;
}

/** What was seen of one device or link, oldest first. */
export interface Estimate {
  readonly seen: readonly Seen[];
  /**
   * What a transfer says that has not come to its end: the rate at which some of it came; or half of
   * the most that it can be, since one that has taken long will most likely take as long again; then
   * what it came to. `null`: there is none, or what was seen since is faster.
   */
  readonly bound: Omit<Seen, "count"> | null;
  /** The most that was seen lately; `null`: nothing was. */
  readonly peak: Seen | null;
}

interface Seen {
  readonly seconds: number;
  /** Times the stated value: bandwidth ÷ stated bandwidth, or slow-down. */
  readonly factor: number;
  readonly count: number;
}

/** By position in the topology. */
export interface Estimates {
  readonly devices: readonly Estimate[];
  readonly links: readonly Estimate[];
}

const mostSeen = 16;
const lingering = 2;
/** A transfer counts as late when it can be no faster than this share of what was expected. */
const overdue = 0.8;
/** … and its link as another one than before, when it can be no faster than this share of it. */
const collapse = 0.25;
/** A transfer that was no faster than this times what it could be speaks for the bound. */
const boundTolerance = 1.5;
/** More transfers or runs in one while make it no surer. */
const mostCount = 4;

/** Nothing was seen yet. */
export function noEstimates({ devices, links }: Topology): Estimates {
  const none: Estimate = { seen: [], bound: null, peak: null };
  return { devices: devices.map(() => none), links: links.map(() => none) };
}

/** Adds an observation. O(devices + links). */
export function learn(
  topology: Topology,
  estimates: Estimates,
  observation: Observation,
  now: number,
  options: EstimateOptions = {},
): Estimates {
  const stated = (link: number): number => topology.links[link]?.bandwidthBitsPerSecond as number;
  const devices = [...estimates.devices];
  const links = [...estimates.links];
  for (const { device, slowDown, count } of observation.devices) {
    add(devices, device, { seconds: now, factor: slowDown, count });
  }
  for (const { link, bitsPerSecond, seenBitsPerSecond } of observation.bounds) {
    const known = links[link];
    if (known === undefined || !(bitsPerSecond > 0)) continue;
    const most = bitsPerSecond / stated(link);
    const believed = factorOf({ ...known, bound: null }, now, options);
    // As long as a transfer takes anyway it says nothing.
    if (most > overdue * believed) continue;
    const isSeen = seenBitsPerSecond !== undefined;
    const factor = isSeen ? Math.min(most, seenBitsPerSecond / stated(link)) : most / lingering;
    const bound = { seconds: now, factor };
    const collapsed = { ...bound, count: 1 };
    // What was faster does not count any more: no single figure to come is to bring it back.
    const slower = known.seen.filter((one) => one.factor <= most);
    const isCollapse = (isSeen ? factor : most) < collapse * believed;
    links[link] = { ...known, bound, seen: isCollapse ? [...slower, collapsed] : known.seen };
  }
  for (const { link, bitsPerSecond, count } of observation.links) {
    add(links, link, { seconds: now, factor: bitsPerSecond / stated(link), count });
  }
  return { devices, links };
}

function add(estimates: Estimate[], position: number, seen: Seen): void {
  const known = estimates[position];
  if (known === undefined || !(seen.factor > 0 && Number.isFinite(seen.factor))) return;
  if (!(seen.count > 0)) return;
  const { bound, peak } = known;
  const stands = bound !== null && seen.factor <= boundTolerance * lingering * bound.factor;
  estimates[position] = {
    seen: [...known.seen, seen].slice(-mostSeen),
    bound: stands ? { seconds: seen.seconds, factor: seen.factor } : null,
    peak: peak === null || isPassed(peak, seen) ? seen : peak,
  };
}

/** A link is remembered for this long at its best. */
const peakSeconds = 120;

function isPassed(peak: Seen, { factor, seconds }: Seen): boolean {
  return factor >= peak.factor || seconds - peak.seconds > peakSeconds;
}

/** The most that was seen lately, times what is stated; nothing: 0. */
export function mostSeenLately(estimate: Estimate | undefined, now: number): number {
  const peak = estimate?.peak ?? null;
  return peak === null || now - peak.seconds > peakSeconds ? 0 : peak.factor;
}

/**
 * The state of the world as it is best known: for each device and link the weighted median of what
 * was seen, newer and more counting more, so that no single figure, however wrong, moves it far.
 *
 * What was never measured is as the topology states it. What has not been measured for a while drifts
 * back to that: a device or link that was left because it was slow is tried again some time, unless
 * a probe says before that it still is.
 */
export function stateOf(
  topology: Topology,
  estimates: Estimates,
  now: number,
  options: EstimateOptions = {},
): State {
  const { deviceHalfLifeSeconds = 2 } = options;
  const ofDevices = { ...options, halfLifeSeconds: deviceHalfLifeSeconds };
  return {
    bandwidthBitsPerSecond: topology.links.map(
      ({ bandwidthBitsPerSecond }, link) =>
        bandwidthBitsPerSecond * factorOf(estimates.links[link], now, options),
    ),
    slowDown: topology.devices.map((_, device) =>
      factorOf(estimates.devices[device], now, ofDevices),
    ),
  };
}

/** When something was last measured; `null`: never. */
export function lastSeen(estimate: Estimate | undefined): number | null {
  return estimate?.seen.at(-1)?.seconds ?? null;
}

/** What was seen last ÷ what is believed; 1: nothing was seen. */
export function surpriseOf(
  estimate: Estimate | undefined,
  now: number,
  options: EstimateOptions = {},
): number {
  const newest = estimate?.seen.at(-1);
  return newest === undefined ? 1 : newest.factor / factorOf(estimate, now, options);
}

function factorOf(
  estimate: Estimate | undefined,
  now: number,
  { halfLifeSeconds = 0.6, keepSeconds = 30 }: EstimateOptions,
): number {
  const { seen = [], bound = null } = estimate ?? {};
  const median = seen.length === 0 ? 1 : believedOf(seen, halfLifeSeconds);
  const believed = Math.min(median, bound?.factor ?? median);
  const measuredAt = Math.max(seen.at(-1)?.seconds ?? 0, bound?.seconds ?? 0);
  const idle = Math.max(0, now - measuredAt - keepSeconds);
  return believed ** (2 ** (-idle / keepSeconds));
}

/** A figure this many times off what is believed needs another one that says so, too. */
const doubtful = 1.5;

/**
 * The weighted median, newer figures counting more; but one that is far off what those before it say,
 * and alone in that, says nothing, also where figures come seldom.
 */
function believedOf(seen: readonly Seen[], halfLifeSeconds: number): number {
  const newest = seen.at(-1) as Seen;
  const median = weightedMedian(
    seen.map(({ seconds, factor, count }) => ({
      factor,
      weight: Math.min(count, mostCount) * 2 ** ((seconds - newest.seconds) / halfLifeSeconds),
    })),
  );
  const previous = seen.at(-2);
  if (previous === undefined) return median;
  const before = believedOf(seen.slice(0, -1), halfLifeSeconds);
  const [change, change2] = [median / before, previous.factor / before];
  const isLone = change > 1 ? change2 < doubtful : change2 > 1 / doubtful;
  return isLone && Math.max(change, 1 / change) > doubtful ? before : median;
}

function weightedMedian(
  values: readonly { readonly factor: number; readonly weight: number }[],
): number {
  const sorted = values.toSorted((a, b) => a.factor - b.factor);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let below = 0;
  for (const { factor, weight } of sorted) {
    below += weight;
    if (below >= half) return factor;
  }
  return sorted.at(-1)?.factor ?? 1;
}
