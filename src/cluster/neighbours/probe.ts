import type { Link } from "./link.ts";

/** What a link was like just now, as it is or is imitated. */
export interface Probed {
  /** The least of several, without payload. */
  readonly roundTripSeconds: number;
  /** Of the probe's bytes; `null`: they took no longer than nothing does. */
  readonly goodputBitsPerSecond: number | null;
  /** Where the other side is, as this side sees it. */
  readonly address: string;
  readonly tunnelled: boolean;
}

const roundTrips = 3;

/** Three round trips, then one with so many bytes. @throws CHANNEL_CLOSED */
export async function probeLink(link: Link, bytes: number): Promise<Probed> {
  let roundTripSeconds = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < roundTrips; turn++) {
    roundTripSeconds = Math.min(roundTripSeconds, await link.probe(0));
  }
  const transferSeconds = (await link.probe(bytes)) - roundTripSeconds;
  return {
    roundTripSeconds,
    goodputBitsPerSecond: transferSeconds > 0 ? (8 * bytes) / transferSeconds : null,
    address: link.channel.peer,
    tunnelled: link.isTunnelled,
  };
}
