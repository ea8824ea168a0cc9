import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { type Seconds, seconds } from "../base/units.ts";
import type { Channel, Transport } from "../transport/transport.ts";
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
/** Round trips that differ by less say nothing: the address that is named first is kept. */
const likeness = 1.2;

/**
 * Dials every address of a device, and keeps the channel with the shortest round trip: the least of
 * three pings. The others are closed. A single address is not measured.
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
  const best = bestOf(standing, addresses);
  for (const { channel } of standing) if (channel !== best?.channel) void channel.close();
  if (best === null) throw unreachable(addresses, failures);
  return best;
}

/** Aborts when the signal does. */
function abortedWith(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
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

async function measure(channel: Channel, clock: Clock): Promise<Seconds> {
  const start = clock.now();
  await channel.send(encodeMessage({ type: "ping" }));
  const received = await receive(channel);
  if (received?.message.type !== "pong") {
    void channel.close();
    throw closed(`${channel.peer} does not answer a ping`);
  }
  return seconds(clock.now() - start);
}

/** The first of those that are about as near as the nearest. */
function bestOf(standing: readonly Candidate[], addresses: readonly string[]): Candidate | null {
  const least = Math.min(...standing.map(({ roundTripSeconds }) => roundTripSeconds));
  const near = standing.filter(({ roundTripSeconds }) => roundTripSeconds <= likeness * least);
  const place = ({ address }: Candidate): number => addresses.indexOf(address);
  return near.reduce<Candidate | null>(
    (best, other) => (best === null || place(other) < place(best) ? other : best),
    null,
  );
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
