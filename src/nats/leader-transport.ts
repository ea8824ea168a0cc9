import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { raceAddresses } from "../cluster/dialler.ts";
import { checkCoordinator } from "../cluster/identity.ts";
import type { Channel, ConnectOptions, Transport } from "../transport/transport.ts";
import type { LeaderSight } from "./leader-sight.ts";

/** The address under which whoever leads is dialled, wherever it is. */
export const leaderAddress = "the leading coordinator";

/** Where a leader that does not answer is dialled again, unless another one leads before. */
const pauseSeconds = seconds(0.25);
/** Without any other limit. */
const patienceSeconds = seconds(5);

export interface LeaderTransportOptions {
  /** By which the leader's own addresses are dialled. */
  readonly transport: Transport;
  readonly sight: LeaderSight;
  readonly clock: Clock;
}

/**
 * A transport that knows one more address, `leaderAddress`. While nobody answers there it waits for
 * somebody else to lead. When somebody else does, channels to the one before end: it may be paused,
 * or cut off, and whoever obeys it must not go on doing so.
 */
export function withLeader(options: LeaderTransportOptions): Transport {
  const { transport } = options;
  return {
    name: transport.name,
    listen: (address, limits) => transport.listen(address, limits),
    connect: async (address, connecting = {}) =>
      address === leaderAddress
        ? await dialLeader(options, connecting)
        : await transport.connect(address, connecting),
  };
}

async function dialLeader(
  { transport, sight, clock }: LeaderTransportOptions,
  { signal = new AbortController().signal, limits }: ConnectOptions,
): Promise<Channel> {
  const start = clock.now();
  let why: unknown = "nobody has led yet";
  while (!signal.aborted && clock.now() - start < patienceSeconds) {
    const { term = 0, leader = null } = sight.record ?? {};
    if (leader !== null) {
      const attempt = untilTerm(sight, term, signal);
      try {
        const race = { transport, clock, addresses: leader.addresses, signal: attempt.signal };
        const { channel } = await raceAddresses({ ...race, check: checkCoordinator });
        if (limits !== undefined) channel.setLimits(limits);
        endWithTerm(channel, sight, term);
        return channel;
      } catch (error) {
        why = error;
        if (!isGone(error)) throw error;
      } finally {
        attempt.end();
      }
    }
    await changeOrPause(sight, clock, term, signal);
  }
  throw new CodedError(
    "CHANNEL_CLOSED",
    `no coordinator that leads can be dialled: ${messageOf(why)}; does \`partita coordinator --nats\` run?`,
    {},
    why,
  );
}

/** Whoever does not let this one in leads all the same. */
function isGone(error: unknown): boolean {
  return error instanceof CodedError && error.code === "CHANNEL_CLOSED";
}

/** A signal that aborts when a signal does, or when somebody leads in a later term. */
function untilTerm(
  sight: LeaderSight,
  term: number,
  signal: AbortSignal,
): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const moved = new CodedError("CHANNEL_CLOSED", "another coordinator leads");
  const forget = sight.onChange(() => {
    if ((sight.record?.term ?? 0) > term) controller.abort(moved);
  });
  const stop = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return {
    signal: controller.signal,
    end: () => {
      forget();
      signal.removeEventListener("abort", stop);
    },
  };
}

/** Ends a channel to a leader when another one leads. */
function endWithTerm(channel: Channel, sight: LeaderSight, term: number): void {
  const check = (): void => {
    const { record } = sight;
    if (record !== null && record.term > term) void channel.close();
  };
  const forget = sight.onChange(check);
  void channel.ended.then(forget);
  check();
}

async function changeOrPause(
  sight: LeaderSight,
  clock: Clock,
  term: number,
  signal: AbortSignal,
): Promise<void> {
  const waiting = untilTerm(sight, term, signal);
  if ((sight.record?.term ?? 0) === term) {
    await clock.sleep(pauseSeconds, waiting.signal).catch(() => undefined);
  }
  waiting.end();
  // A watch may be behind by seconds where the way to NATS was interrupted.
  await sight.refresh().catch(() => undefined);
}
