import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import type { Engine } from "../nats/engine.ts";
import { LeaderSight } from "../nats/leader-sight.ts";
import { withLeader } from "../nats/leader-transport.ts";
import { type NatsPlace, parseNatsUrl } from "../nats/nats-url.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import type { Transport } from "../transport/transport.ts";
import { type Option, text } from "./command.ts";
import { isLoopbackHost } from "./security.ts";
import type { Terminal } from "./terminal.ts";

/** How long the end of a connection may take. */
const farewell = seconds(1);

/** `--nats`, whose passwords need not stand in the list of processes. */
export function natsOption(purpose: string): Option<string | undefined> {
  return text(
    "--nats <url>",
    `${purpose}: nats://[USER:PASSWORD@]HOST[:PORT][,…][/CLUSTER] (PARTITA_NATS_USER, _PASSWORD, _TOKEN, _CREDS, _CA)`,
  );
}

/** A cluster on NATS, as long as a command runs. */
export interface NatsCluster extends AsyncDisposable {
  readonly engine: Engine;
  readonly place: NatsPlace;
  /** Ends with it. */
  readonly signal: AbortSignal;
  /** Whether the first of its servers is reached from this machine only. */
  readonly isHere: boolean;
}

/** @throws USAGE_INVALID if it is no URL; ENGINE_UNAVAILABLE, FILE_NOT_FOUND */
export async function openNats(
  url: string,
  terminal: Pick<Terminal, "nats">,
): Promise<NatsCluster> {
  const place = parseNatsUrl(url);
  // Most clusters are not on NATS, whose libraries take a while to load.
  const [{ connectNats }, { openEngine }] = await Promise.all([
    import("../nats/connection.node.ts"),
    import("../nats/engine.ts"),
  ]);
  const connection = await connectNats(place, terminal.nats);
  const over = new AbortController();
  const close = async (): Promise<void> => {
    over.abort();
    // What is still to be said is said first, as far as anybody listens.
    await Promise.race([connection.drain().catch(() => undefined), systemClock.sleep(farewell)]);
    await connection.close();
  };
  try {
    const engine = await openEngine(connection, place, systemClock);
    const [first = ""] = place.servers;
    const isHere = isLoopbackHost(parseAddress(first).host);
    return { engine, place, isHere, signal: over.signal, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** By which `leaderAddress` is dialled, wherever the leader is by then. */
export function transportToLeader(
  { engine, signal }: Pick<NatsCluster, "engine" | "signal">,
  transport: Transport,
): Transport {
  const sight = new LeaderSight(engine.leader, signal);
  return withLeader({ transport, sight, clock: engine.clock });
}
