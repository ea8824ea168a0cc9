/**
 * How large probes are, what they take of links and devices, and how long these rest behind them.
 *
 * @module
 */
import type { State } from "../cost/state.ts";
import type { Problem } from "../plan/problem.ts";

export interface ProbeOptions {
  /**
   * A link on which nothing was measured for this long may be probed.
   * @default 0.5
   */
  readonly idleSeconds?: number;
  /**
   * A probe sends what its link carries in this time, as far as its rate is known; between 4 and 64 KiB.
   * A second look at a link that seems to be faster sends what that would carry in this time, or, if
   * it seems to be four times as fast, in three times as long up to 64 KiB; at most 64 KiB or five times
   * the usual, and 256 KiB.
   * @default 0.1
   */
  readonly probeSeconds?: number;
  /**
   * Probes take no more than this share of a link's time, as far as its rate is known. A second look
   * comes at once, and lets the link rest for as much longer behind it.
   * @default 0.2
   */
  readonly probeShare?: number;
  /**
   * A probe takes a device of speed 1 this long, at each end: a few encrypted messages.
   * @default 1e-3
   */
  readonly probeDeviceSeconds?: number;
  /**
   * Probes of one link take no more than this share of the time of a device, second looks as above.
   * @default 0.03
   */
  readonly probeDeviceShare?: number;
  /**
   * A link on which nothing was measured for this long is probed even if it would have to be much faster
   * than it ever was; and no link is probed more often while no requests come.
   * @default 5
   */
  readonly rareSeconds?: number;
}

/** A probe that was sent. */
export interface Probed {
  readonly link: number;
  readonly at: number;
  readonly bytes: number;
  /** As fast its link was believed to be. */
  readonly bitsPerSecond: number;
  /** It was sent this much before what had been sent until then had been rested from. */
  readonly earlySeconds: number;
}

const leastBytes = 4096;
const mostBytes = 65_536;
/**
 * Of the second look: what a shaper lets through at once makes small probes of a slow link look fast; if
 * the link is as slow as it was, large ones take long.
 */
const [sureTimes, mostSureBytes] = [5, 4 * mostBytes];
/** Where it seems to be so many times as fast, few bytes have shown it: many take this many times as long. */
const [clearly, longer] = [4, 3];

/** As much as a link of this rate carries in a moment. */
export function bytesFor(
  rate: number,
  { probeSeconds = 0.1 }: ProbeOptions,
  most: number = mostBytes,
): number {
  return Math.round(Math.min(most, Math.max(leastBytes, (probeSeconds * rate) / 8)));
}

/** Of a second look at a link that seems to be faster than it is believed to be. */
export function sureBytesFor(rate: number, seeming: number, options: ProbeOptions): number {
  const most = Math.max(mostBytes, sureTimes * bytesFor(rate, options));
  const usual = bytesFor(seeming, options, Math.min(most, mostSureBytes));
  return seeming < clearly * rate ? usual : Math.max(usual, Math.min(mostBytes, longer * usual));
}

/** By device: how long one probe of a link takes it. */
export function probeWork(
  { devices, topology, hops }: Problem,
  { slowDown }: State,
  link: number,
  { probeDeviceSeconds = 1e-3 }: ProbeOptions = {},
): number[] {
  const { from = -1, to = -1 } = hops.links[link] ?? {};
  return devices.map((_, device) => {
    if (device !== from && device !== to) return 0;
    const { speed } = topology.devices[device] as { readonly speed: number };
    return (probeDeviceSeconds * (slowDown[device] as number)) / speed;
  });
}

/** From one probe of the usual size to the next, for the sake of the link and of its devices. */
export function usualRest(
  problem: Problem,
  world: State,
  link: number,
  options: ProbeOptions,
): number {
  const rate = world.bandwidthBitsPerSecond[link] as number;
  return restSeconds(problem, world, link, bytesFor(rate, options), rate, options);
}

/** How long its link and devices have still to rest from a probe, and from those before it. */
export function unpaidSeconds(
  problem: Problem,
  world: State,
  { link, at, bytes, bitsPerSecond, earlySeconds }: Probed,
  now: number,
  options: ProbeOptions,
): number {
  // If it has shown that the link is faster, it has taken less.
  const rate = Math.max(bitsPerSecond, world.bandwidthBitsPerSecond[link] as number);
  const rest = restSeconds(problem, world, link, bytes, rate, options);
  return Math.max(0, earlySeconds + rest - (now - at));
}

/** Whether a link may be looked at again though it has not rested: once, then it has to. */
export function mayRepeat(
  problem: Problem,
  world: State,
  last: Probed,
  now: number,
  options: ProbeOptions,
): boolean {
  return last.earlySeconds === 0 || unpaidSeconds(problem, world, last, now, options) === 0;
}

/** By link, when these probes are sent, too. */
export function withProbes(
  problem: Problem,
  probed: Readonly<Record<number, Probed>>,
  probes: readonly { readonly link: number; readonly bytes: number }[],
  world: State,
  now: number,
  options: ProbeOptions,
): Record<number, Probed> {
  const sent = probes.map(({ link, bytes }): [number, Probed] => {
    const last = probed[link];
    const bitsPerSecond = world.bandwidthBitsPerSecond[link] as number;
    const earlySeconds = last === undefined ? 0 : unpaidSeconds(problem, world, last, now, options);
    return [link, { link, at: now, bytes, bitsPerSecond, earlySeconds }];
  });
  return { ...probed, ...Object.fromEntries(sent) };
}

function restSeconds(
  problem: Problem,
  world: State,
  link: number,
  bytes: number,
  rate: number,
  options: ProbeOptions,
): number {
  const { probeShare = 0.2, probeDeviceShare = 0.03 } = options;
  const works = probeWork(problem, world, link, options);
  const ofDevices = works.map((work) => work / probeDeviceShare);
  return Math.max((8 * bytes) / rate / probeShare, ...ofDevices);
}
