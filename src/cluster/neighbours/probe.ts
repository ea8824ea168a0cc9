import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import type { Link } from "./link.ts";

/** What a link was like just now, as it is or is imitated. */
export interface Probed {
  /** The least of several, without payload. */
  readonly roundTripSeconds: number;
  /** Of the probe's bytes; `null`: they took no longer than nothing does, or nobody can tell how long. */
  readonly goodputBitsPerSecond: number | null;
  /** Where the other side is, as this side sees it. */
  readonly address: string;
  readonly tunnelled: boolean;
}

const roundTrips = 3;
/** Bytes behind a packet that was lost come with it, at once, however slow the link is. */
const sureTransitSeconds = 10e-3;
/** An echo that took this much longer than the bytes waited for something, on the way there or back. */
const lateSeconds = 0.05;
/** Fewer come in few records of TLS, each of which is seen in one go: that says nothing of their rate. */
const leastSeenBytes = 1 << 16;
/** Heartbeats from one look at whether a link is still used to the next: opening one costs more. */
const idleBeats = 60;

/**
 * Three round trips, then one with so many bytes. How fast they came is what the other side says, if
 * it has seen them come directly: its answer may have to wait behind what it sends itself.
 *
 * @throws CHANNEL_CLOSED
 */
export async function probeLink(link: Link, bytes: number): Promise<Probed> {
  let roundTripSeconds = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < roundTrips; turn++) {
    roundTripSeconds = Math.min(roundTripSeconds, (await link.probe(0)).echoSeconds);
  }
  const { echoSeconds, transitSeconds } = await link.probe(bytes);
  const seen = link.isTunnelled || bytes < leastSeenBytes ? null : transitSeconds;
  const echoedSeconds = echoSeconds - roundTripSeconds;
  const isLate = seen !== null && echoedSeconds - seen > lateSeconds;
  const isDoubtful = isLate && seen < sureTransitSeconds;
  // Round trips that waited behind others say too much: then what the other side saw alone counts.
  const ways = [seen ?? 0, echoedSeconds].filter((way) => way > 0);
  const transferSeconds = isDoubtful || ways.length === 0 ? 0 : Math.min(...ways);
  return {
    roundTripSeconds,
    goodputBitsPerSecond: transferSeconds > 0 ? (8 * bytes) / transferSeconds : null,
    address: link.channel.peer,
    tunnelled: link.isTunnelled,
  };
}

/**
 * Resolves when a link was not used for a while, or has ended; `null`: at once.
 *
 * @returns `false` at once if somebody waits for it already
 */
export async function untilIdle(
  link: Link | null,
  clock: Clock,
  heartbeatSeconds: number,
): Promise<boolean> {
  if (link === null) return true;
  if (watched.has(link)) return false;
  watched.add(link);
  for (let known = -1; link.isProbing || known !== link.uses; ) {
    known = link.uses;
    await clock.sleep(seconds(idleBeats * heartbeatSeconds), link.ended).catch(() => undefined);
    if (link.ended.aborted) break;
  }
  watched.delete(link);
  return true;
}

const watched = new WeakSet<Link>();
