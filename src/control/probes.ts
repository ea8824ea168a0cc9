import type { State } from "../cost/state.ts";
import { findHops } from "../plan/transfers.ts";
import type { Choices } from "./choices.ts";
import { type Estimates, lastSeen } from "./estimates.ts";

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

/** What has been measured, and of what use a measurement would be. */
interface Known {
  readonly estimates: Estimates;
  readonly probed: Readonly<Record<number, number>>;
  readonly serving: number | null;
}

/**
 * Links that should be measured although nothing is sent over them: a plan that avoids a link never
 * learns that it has become fast again. Only those that would matter: if every idle link were as the
 * topology states, another plan would be better by the margin, and it uses them.
 */
export function findProbes(
  choices: Choices,
  { estimates, probed, serving }: Known,
  world: State,
  now: number,
  margin: number,
  { idleSeconds = 0.5, probeSeconds = 0.1, probeShare = 0.2 }: ProbeOptions,
): Probe[] {
  if (serving === null) return [];
  const { problem } = choices;
  const { links } = problem.topology;
  const rateOf = (link: number): number => world.bandwidthBitsPerSecond[link] as number;
  const bytesOf = (link: number): number =>
    Math.round(Math.min(mostBytes, Math.max(leastBytes, (probeSeconds * rateOf(link)) / 8)));
  const isIdle = (link: number): boolean => {
    const wait = Math.max(idleSeconds, (8 * bytesOf(link)) / rateOf(link) / probeShare);
    return [lastSeen(estimates.links[link]), probed[link] ?? null].every(
      (time) => time === null || now - time >= wait,
    );
  };
  const idle = links.map((_, link) => isIdle(link));
  if (!idle.includes(true)) return [];
  const hoped: State = {
    ...world,
    bandwidthBitsPerSecond: world.bandwidthBitsPerSecond.map((rate, link) =>
      idle[link] === true ? Math.max(rate, links[link]?.bandwidthBitsPerSecond as number) : rate,
    ),
  };
  const best = choices.best(hoped);
  if (best === null || best === serving) return [];
  if (choices.costOf(best, hoped) > (1 - margin) * choices.costOf(serving, hoped)) return [];
  const hops = findHops(problem, choices.at(best).placement);
  if ("to" in hops) return [];
  const used = new Set(hops.map(({ link }) => link));
  return links.flatMap(({ from, to }, link) =>
    idle[link] === true && used.has(link) ? [{ link, from, to, bytes: bytesOf(link) }] : [],
  );
}
