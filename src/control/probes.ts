import type { State } from "../cost/state.ts";
import type { Problem } from "../plan/problem.ts";
import { type Choices, hopsOfChoice } from "./choices.ts";
import {
  type EstimateOptions,
  type Estimates,
  lastSeen,
  mostSeenLately,
  surpriseOf,
} from "./estimates.ts";
import {
  bytesFor,
  mayRepeat,
  type Probed,
  type ProbeOptions,
  sureBytesFor,
  unpaidSeconds,
  usualRest,
} from "./probe-cost.ts";

/** Bytes to be sent over a link in order to see how fast it is. */
export interface Probe {
  readonly link: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

/** A link may become this many times slower, or faster, than it is known to be. */
const mostChange = 10;
/** What was seen last is a surprise if it is this many times off what is believed, and is looked at again. */
const surprise = 1.5;
/** Behind the last request, links are looked after for this long. */
const watchSeconds = 5;

/** What has been measured, and of what use a measurement would be. */
interface Known {
  readonly estimates: Estimates;
  readonly probed: Readonly<Record<number, Probed>>;
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
 *   topology states, or as fast as it was lately, another plan would be better by the margin, and
 *   would not be without this link; now and then the same for links ten times as fast;
 * - a plan that uses a link learns that it has become slow by a request that suffers: while requests
 *   come, if this link were a tenth as fast, another plan would be better by the margin.
 *
 * Where no link decides alone, all of them are measured.
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
  const isQuietFor = (link: number, own: ProbeOptions & EstimateOptions): boolean =>
    isQuiet(known, link, world, choices.problem, now, own);
  const quiet = new Set(all.filter((link) => isQuietFor(link, options)));
  if (quiet.size === 0) return [];
  const { idleSeconds = 0.5, rareSeconds = 5 } = options;
  const forgotten = new Set(
    all.filter((link) => isQuietFor(link, { ...options, idleSeconds: rareSeconds })),
  );
  const usual = (link: number): number => {
    const stated = links[link]?.bandwidthBitsPerSecond as number;
    return stated * Math.max(1, mostSeenLately(known.estimates.links[link], now));
  };
  const believed = (link: number): number => rateOf(world, link);
  const wanted = new Set<number>();
  const hope = (among: ReadonlySet<number>, rate: (link: number) => number): void => {
    const hoped = (but: number): State =>
      withRates(world, (known, link) => (among.has(link) && link !== but ? rate(link) : known));
    const best = betterIn(choices, serving, hoped(-1), margin);
    const used = linksOf(choices, best).filter((link) => among.has(link));
    // If the plan is better whatever such a link is like, nobody needs to know.
    const needed = used.filter((link) => !isBetter(choices, best, serving, hoped(link), margin));
    for (const link of needed.length > 0 ? needed : used) wanted.add(link);
  };
  hope(quiet, (link) => Math.max(believed(link), usual(link)));
  if (forgotten.size > 0 && rareSeconds > idleSeconds) {
    hope(forgotten, (link) => mostChange * Math.max(believed(link), usual(link)));
  }
  if (isActive(activeAt, now)) {
    const used = linksOf(choices, serving).filter((link) => quiet.has(link));
    const isFeared = (feared: readonly number[]): boolean =>
      feared.length > 0 && betterIn(choices, serving, slowed(world, feared), margin) !== null;
    const alone = used.filter((link) => isFeared([link]));
    if (alone.length > 0 || isFeared(used)) {
      for (const link of alone.length > 0 ? alone : used) wanted.add(link);
    }
  }
  return links.flatMap(({ from, to }, link) =>
    wanted.has(link) ? [{ link, from, to, bytes: bytesOf(known, world, link, now, options) }] : [],
  );
}

function isActive(activeAt: number | null, now: number): boolean {
  return activeAt !== null && now - activeAt < watchSeconds;
}

function rateOf({ bandwidthBitsPerSecond }: State, link: number): number {
  return bandwidthBitsPerSecond[link] as number;
}

/** As many as the link carries in a moment; of one that seems to be much faster, at that rate. */
function bytesOf(
  { estimates }: Known,
  world: State,
  link: number,
  now: number,
  options: ProbeOptions & EstimateOptions,
): number {
  const rate = rateOf(world, link);
  const times = surpriseOf(estimates.links[link], now, options);
  return times > surprise ? sureBytesFor(rate, times * rate, options) : bytesFor(rate, options);
}

function isQuiet(
  known: Known,
  link: number,
  world: State,
  problem: Problem,
  now: number,
  options: ProbeOptions & EstimateOptions,
): boolean {
  const { estimates, probed, taken, activeAt } = known;
  if (taken.includes(link)) return false;
  const { idleSeconds = 0.5, rareSeconds = 5 } = options;
  const isAsked = isActive(activeAt, now);
  const times = surpriseOf(estimates.links[link], now, options);
  const last = probed[link];
  if (isAsked && Math.max(times, 1 / times) > surprise) {
    return last === undefined || mayRepeat(problem, world, last, now, options);
  }
  const wait = isAsked ? idleSeconds : Math.max(idleSeconds, rareSeconds);
  const rest = usualRest(problem, world, link, options);
  const moments = [lastSeen(estimates.links[link]), last?.at ?? null];
  return (
    moments.every((time) => time === null || now - time >= Math.max(wait, rest)) &&
    (last === undefined || unpaidSeconds(problem, world, last, now, options) === 0)
  );
}

function withRates(world: State, rate: (known: number, link: number) => number): State {
  return { ...world, bandwidthBitsPerSecond: world.bandwidthBitsPerSecond.map(rate) };
}

/** The best known choice in a world, if it is not the one that serves, and is better by the margin. */
function betterIn(choices: Choices, serving: number, world: State, margin: number): number | null {
  const best = choices.bestKnown(world);
  if (best === null || best === serving) return null;
  return isBetter(choices, best, serving, world, margin) ? best : null;
}

function isBetter(
  { costOf }: Choices,
  one: number | null,
  serving: number,
  world: State,
  margin: number,
): boolean {
  return one !== null && costOf(one, world) <= (1 - margin) * costOf(serving, world);
}

/** Some links are a tenth as fast. */
function slowed(world: State, links: readonly number[]): State {
  return withRates(world, (known, link) => (links.includes(link) ? known / mostChange : known));
}

function linksOf({ problem, at }: Choices, choice: number | null): number[] {
  if (choice === null) return [];
  return [...new Set(hopsOfChoice(problem, at(choice)).map(({ link }) => link))];
}
