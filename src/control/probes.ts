import type { State } from "../cost/state.ts";
import { findHops } from "../plan/transfers.ts";
import type { Choices } from "./choices.ts";
import {
  type EstimateOptions,
  type Estimates,
  isSurprised,
  lastSeen,
  mostSeenLately,
} from "./estimates.ts";

export interface ProbeOptions {
  /**
   * A link on which nothing was measured for this long may be probed.
   * @default 0.5
   */
  readonly idleSeconds?: number;
  /**
   * A probe sends what its link carries in this time, as far as its rate is known; between 4 and 64 KiB.
   * @default 0.1
   */
  readonly probeSeconds?: number;
  /**
   * Probes take no more than this share of a link's time, as far as its rate is known.
   * @default 0.2
   */
  readonly probeShare?: number;
  /**
   * A link on which nothing was measured for this long is probed even if it would have to be much faster
   * than it ever was; and no link is probed more often while no requests come.
   * @default 5
   */
  readonly rareSeconds?: number;
}

/** Bytes to be sent over a link in order to see how fast it is. */
export interface Probe {
  readonly link: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

const leastBytes = 4096;
const mostBytes = 65_536;

/** A link may become this many times slower, or faster, than it is known to be. */
const mostChange = 10;
/** What was seen last is a surprise if it is this many times off what is believed, and is looked at again. */
const surprise = 1.5;
/** Behind the last request, links are looked after for this long. */
const watchSeconds = 5;

/** What has been measured, and of what use a measurement would be. */
interface Known {
  readonly estimates: Estimates;
  readonly probed: Readonly<Record<number, number>>;
  readonly serving: number | null;
  /** When a request was seen last; `null`: none was. */
  readonly activeAt: number | null;
  /** Links on which something is under way. */
  readonly taken: readonly number[];
}

/**
 * Links that should be measured although nothing is sent over them. Only those that would matter:
 *
 * - a plan that avoids a link never learns that it has become fast: if every quiet link were as the
 *   topology states, or as fast as it was lately, another plan would be better by the margin, and it
 *   uses them; now and then the same for links ten times as fast;
 * - a plan that uses a link learns that it has become slow by a request that suffers: while requests
 *   come, if every quiet link in use were a tenth as fast, another plan would be better by the margin.
 */
export function findProbes(
  choices: Choices,
  known: Known,
  world: State,
  now: number,
  margin: number,
  options: ProbeOptions & EstimateOptions = {},
): Probe[] {
  const { serving, activeAt } = known;
  if (serving === null) return [];
  const { links } = choices.problem.topology;
  const all = links.map((_, link) => link);
  const quiet = new Set(all.filter((link) => isQuiet(known, world, link, now, options)));
  if (quiet.size === 0) return [];
  const { idleSeconds = 0.5, rareSeconds = 5 } = options;
  const forgotten = new Set(
    all.filter((link) =>
      isQuiet(known, world, link, now, { ...options, idleSeconds: rareSeconds }),
    ),
  );
  const usual = (link: number): number => {
    const stated = links[link]?.bandwidthBitsPerSecond as number;
    return stated * Math.max(1, mostSeenLately(known.estimates.links[link], now));
  };
  const better = (changed: ReadonlySet<number>, rate: (link: number) => number): number | null =>
    betterIn(
      choices,
      serving,
      withRates(world, (believed, link) => (changed.has(link) ? rate(link) : believed)),
      margin,
    );
  const wanted = new Set<number>();
  const want = (from: Iterable<number>, among: ReadonlySet<number>): void => {
    for (const link of from) if (among.has(link)) wanted.add(link);
  };
  const believed = (link: number): number => rateOf(world, link);
  const hoped = better(quiet, (link) => Math.max(believed(link), usual(link)));
  want(linksOf(choices, hoped), quiet);
  if (forgotten.size > 0 && rareSeconds > idleSeconds) {
    const dreamt = better(forgotten, (link) => mostChange * Math.max(believed(link), usual(link)));
    want(linksOf(choices, dreamt), forgotten);
  }
  if (isActive(activeAt, now)) {
    const used = new Set(linksOf(choices, serving).filter((link) => quiet.has(link)));
    const isFeared = used.size > 0 && better(used, (link) => believed(link) / mostChange) !== null;
    if (isFeared) want(used, quiet);
  }
  return links.flatMap(({ from, to }, link) =>
    wanted.has(link) ? [{ link, from, to, bytes: bytesFor(rateOf(world, link), options) }] : [],
  );
}

function isActive(activeAt: number | null, now: number): boolean {
  return activeAt !== null && now - activeAt < watchSeconds;
}

function rateOf({ bandwidthBitsPerSecond }: State, link: number): number {
  return bandwidthBitsPerSecond[link] as number;
}

function bytesFor(rate: number, { probeSeconds = 0.1 }: ProbeOptions): number {
  return Math.round(Math.min(mostBytes, Math.max(leastBytes, (probeSeconds * rate) / 8)));
}

function isQuiet(
  { estimates, probed, taken, activeAt }: Known,
  world: State,
  link: number,
  now: number,
  options: ProbeOptions & EstimateOptions,
): boolean {
  if (taken.includes(link)) return false;
  const { idleSeconds = 0.5, probeShare = 0.2, rareSeconds = 5 } = options;
  const rate = rateOf(world, link);
  const rest = (8 * bytesFor(rate, options)) / rate / probeShare;
  const times = [lastSeen(estimates.links[link]), probed[link] ?? null];
  const isAsked = isActive(activeAt, now);
  const isOdd = isAsked && isSurprised(estimates.links[link], surprise, now, options);
  const wait = isOdd ? 0 : isAsked ? idleSeconds : Math.max(idleSeconds, rareSeconds);
  return times.every((time) => time === null || now - time >= Math.max(wait, rest));
}

function withRates(world: State, rate: (known: number, link: number) => number): State {
  return { ...world, bandwidthBitsPerSecond: world.bandwidthBitsPerSecond.map(rate) };
}

/** The best known choice in a world, if it is not the one that serves, and is better by the margin. */
function betterIn(choices: Choices, serving: number, world: State, margin: number): number | null {
  const best = choices.bestKnown(world);
  if (best === null || best === serving) return null;
  const isBetter = choices.costOf(best, world) <= (1 - margin) * choices.costOf(serving, world);
  return isBetter ? best : null;
}

function linksOf({ problem, at }: Choices, choice: number | null): number[] {
  if (choice === null) return [];
  const hops = findHops(problem, at(choice).placement);
  return "to" in hops ? [] : [...new Set(hops.map(({ link }) => link))];
}
