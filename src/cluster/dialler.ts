import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import { type Channel, openingLimits, type Transport } from "../transport/transport.ts";
import { encodeMessage, receive } from "./protocol.ts";

export interface Race {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly addresses: readonly string[];
  /** Ends the race; whoever calls it says how long it may last. */
  readonly signal: AbortSignal;
  /** Why a channel leads to somebody else; `null`: it is right. */
  readonly check?: (channel: Channel) => CodedError | null;
}

export interface Winner {
  readonly channel: Channel;
  readonly address: string;
}

/** A channel that stands, and how far away its other side is. */
interface Candidate extends Winner {
  readonly roundTripSeconds: number;
}

/** Each address begins so much later than the one before. */
const staggerSeconds = 0.05;
/** So long others are waited for when one stands. */
const graceSeconds = 0.1;
const probes = 3;
/** Times that differ by no more than this factor, or by so much, say nothing. */
const likeness = { factor: 1.2, seconds: 0.001 };
/** Large enough to take longer over a slow link, small enough for whoever is not let in yet. */
const loadBytes = openingLimits.payloadBytes;
/** Where all take longer than this, the load says nothing. */
const loadSeconds = seconds(0.3);

/**
 * Dials every address of a device, and keeps the channel with the shortest round trip: the least of
 * three pings. Of those that are about as near, the one with the highest goodput is kept: they are
 * given a ping of 16 KiB at the same time, and the first to answer wins, or one that is named before
 * it and answers about as soon. The others are closed. A single address is not measured.
 *
 * Its other side answers pings before the first message (see `admit`).
 *
 * @throws CHANNEL_CLOSED if none stands before the signal aborts
 */
export async function raceAddresses(race: Race): Promise<Winner> {
  const { addresses, clock, signal } = race;
  const [only] = addresses;
  if (addresses.length === 1 && only !== undefined) {
    return { address: only, channel: await dial(race, only, signal) };
  }
  const over = abortedWith(signal);
  const standing: Candidate[] = [];
  const failures: unknown[] = [];
  let onStanding = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    onStanding = resolve;
  });
  const runs = addresses.map(async (address, place) => {
    try {
      standing.push(await run(race, address, place, over.signal));
      onStanding();
    } catch (error) {
      failures.push(error);
    }
  });
  const grace = seconds(graceSeconds + staggerSeconds * addresses.length);
  const enough = first.then(() => clock.sleep(grace, over.signal)).catch(() => undefined);
  await Promise.race([Promise.all(runs), enough, whenAborted(over.signal)]);
  over.abort(closed("another address was better"));
  const best = await fastestOf(nearestOf(standing), race);
  for (const { channel } of standing) if (channel !== best?.channel) void channel.close();
  if (best === null) throw unreachable(addresses, failures);
  return best;
}

/** Aborts when the signal does. */
function abortedWith(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  const isOver = { once: true, signal: controller.signal };
  signal.addEventListener("abort", () => controller.abort(signal.reason), isOver);
  return controller;
}

async function run(
  race: Race,
  address: string,
  place: number,
  signal: AbortSignal,
): Promise<Candidate> {
  const { clock } = race;
  if (place > 0) await clock.sleep(seconds(place * staggerSeconds), signal);
  const channel = await dial(race, address, signal);
  const onAbort = () => void channel.close();
  signal.addEventListener("abort", onAbort, { once: true });
  let roundTripSeconds = Number.POSITIVE_INFINITY;
  for (let probe = 0; probe < probes; probe++) {
    roundTripSeconds = Math.min(roundTripSeconds, await measure(channel, clock));
  }
  signal.removeEventListener("abort", onAbort);
  signal.throwIfAborted();
  return { channel, address, roundTripSeconds };
}

/** A channel that comes too late is closed. */
async function dial(
  { transport, check }: Race,
  address: string,
  signal: AbortSignal,
): Promise<Channel> {
  const dialling = transport.connect(address, { signal });
  const channel = await Promise.race([dialling, whenAborted(signal)]);
  if (channel === undefined) {
    void dialling.then((late) => late.close()).catch(() => undefined);
    throw closed(`${address} did not answer in time`);
  }
  const refusal = check?.(channel) ?? null;
  if (refusal === null) return channel;
  void channel.close();
  throw refusal;
}

async function measure(channel: Channel, clock: Clock, bytes = 0): Promise<Seconds> {
  const start = clock.now();
  const { header } = encodeMessage({ type: "ping" });
  await channel.send({ header, payload: new Uint8Array(bytes) });
  const received = await receive(channel);
  if (received?.message.type !== "pong") {
    void channel.close();
    throw closed(`${channel.peer} does not answer a ping`);
  }
  return seconds(clock.now() - start);
}

/** Those that are about as near as the nearest. */
function nearestOf(standing: readonly Candidate[]): readonly Candidate[] {
  const least = Math.min(...standing.map(({ roundTripSeconds }) => roundTripSeconds));
  return standing.filter(({ roundTripSeconds }) => roundTripSeconds <= alike(least));
}

/** The longest time that is about as long as this one. */
function alike(time: number): number {
  return Math.max(likeness.factor * time, time + likeness.seconds);
}

/**
 * The first by name of those that take a load about as fast as the fastest, or, if none takes it soon,
 * of all; what answers later is not heard. `null`: all have ended.
 */
async function fastestOf(
  near: readonly Candidate[],
  { addresses, clock, signal }: Race,
): Promise<Candidate | null> {
  const inOrder = near.toSorted(
    (one, other) => addresses.indexOf(one.address) - addresses.indexOf(other.address),
  );
  const [first] = inOrder;
  if (first === undefined || near.length === 1 || signal.aborted) return first ?? null;
  const start = clock.now();
  const fast = new Set<Candidate>();
  const broken = new Set<Candidate>();
  const over = abortedWith(signal);
  const loads = near.map(async (candidate) => {
    try {
      await measure(candidate.channel, clock, loadBytes);
    } catch (error) {
      broken.add(candidate);
      throw error;
    }
    fast.add(candidate);
    const took = clock.now() - start;
    await clock.sleep(seconds(alike(took) - took), over.signal);
  });
  // If all have broken off, there is nothing to wait for.
  const isDecided = Promise.any(loads).catch(() => undefined);
  const isLate = clock.sleep(loadSeconds, over.signal).catch(() => undefined);
  await Promise.race([isDecided, isLate, whenAborted(over.signal)]);
  over.abort(closed("another address was faster"));
  const isFast = (candidate: Candidate): boolean => fast.has(candidate);
  return inOrder.find(isFast) ?? inOrder.find((candidate) => !broken.has(candidate)) ?? null;
}

async function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function closed(why: string): CodedError {
  return new CodedError("CHANNEL_CLOSED", why);
}

function unreachable(addresses: readonly string[], failures: readonly unknown[]): CodedError {
  const why = failures.map(messageOf).join("; ") || "no address is known";
  return new CodedError("CHANNEL_CLOSED", `nobody answers: ${why}`, { addresses });
}
