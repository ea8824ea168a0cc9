/**
 * A coordinator that runs for long, for agents on other machines.
 *
 * @module
 */
import { basename, join } from "node:path";
import { systemClock } from "../base/clock.node.ts";
import { messageOf } from "../base/errors.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import type { CoordinatorOptions } from "../cluster/coordinator-options.ts";
import { fileJournal } from "../cluster/journal.node.ts";
import { concludeJournal, forgetDevice, type JournalStore } from "../cluster/journal.ts";
import type { ClusterEvent } from "../cluster/status.ts";
import { EventLog } from "../server/event-log.ts";
import { type StatusServer, startStatusServer } from "../server/status-server.node.ts";
import { tcpTransport } from "../transport/tcp.node.ts";
import { parseAddress } from "../transport/tcp-listener.node.ts";
import { localAddress } from "./addresses.ts";
import { AgentProcess } from "./agent-process.ts";
import type { Deployable } from "./deploy.ts";
import { announce } from "./discovery.ts";
import { whatRuns } from "./fleet.ts";
import { steeringBy } from "./judge.ts";
import { multicastInterfaces } from "./multicast.ts";
import { stateFolderOf } from "./places.ts";
import { type CoordinatorSecurity, isLoopback, secureCoordinator } from "./security.ts";
import { lockState } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

export interface GroundOptions {
  readonly listen: string;
  /** `undefined`: TLS unless it listens on the loopback only. */
  readonly tls: boolean | undefined;
  /** Default: one that is made once and kept. */
  readonly token: string | undefined;
  /** Keys, token and journal; of no other coordinator. */
  readonly folder: string;
  /** Devices whose keys are not to be known any more. */
  readonly forget: readonly string[];
  readonly terminal: Terminal;
}

/** What there is before a coordinator can be dialled. */
export interface Ground extends AsyncDisposable {
  readonly listen: string;
  readonly folder: string;
  readonly security: CoordinatorSecurity;
  readonly journal: JournalStore;
  /** Called when all is over, the last one first. */
  readonly endings: (() => Promise<unknown>)[];
  readonly terminal: Terminal;
}

/**
 * Takes a folder of state for this process, and reads or makes the keys in it.
 *
 * @throws USAGE_INVALID if another coordinator has the folder; KEY_INVALID, FILE_NOT_FOUND,
 * FILE_WRITE_FAILED; PORT_IN_USE
 */
export async function openGround(options: GroundOptions): Promise<Ground> {
  const { folder, listen, tls, token, terminal } = options;
  const lock = await lockState(folder);
  const endings = [async () => await lock[Symbol.asyncDispose]()];
  const end = async (): Promise<void> => {
    for (const ending of endings.splice(0).reverse()) await ending();
  };
  try {
    // Planning may take minutes: what cannot be listened at is said before.
    await (await tcpTransport.listen(listen)).close();
    const journal = fileJournal(join(folder, "journal.json"));
    for (const device of options.forget) await forgetDevice(journal, device);
    const warn = (text: string) => terminal.note(`warning: ${text}`);
    const security = await secureCoordinator({ listen, tls, token, folder, warn });
    const ground = { listen, folder, security, journal, endings, terminal };
    return { ...ground, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Answers agents that look for a coordinator on the local network, until all is over. */
export function answerQuestions(
  { security: { authority }, endings, terminal }: Ground,
  address: string,
): void {
  const announced = announce(
    multicastInterfaces(),
    { address, fingerprint: authority?.fingerprint ?? null },
    (text) => terminal.note(text),
  );
  endings.push(async () => announced.close());
}

/** Has this machine be a device, too, until all is over. */
export function joinItself(
  { security: { token }, endings, terminal }: Ground,
  address: string,
  device: string,
): void {
  const agent = new AgentProcess({
    device,
    join: localAddress(address),
    token,
    // It dials this machine itself, the others dial it.
    words: isLoopback(address) ? [] : ["--listen", "0.0.0.0:0"],
  });
  agent.death.catch((error: unknown) => terminal.note(messageOf(error)));
  endings.push(() => agent.end());
}

export interface ServiceOptions {
  readonly deployable: Deployable;
  /** Where status is served over HTTP; left out: it is not. */
  readonly http: string | undefined;
  readonly mixed: boolean;
  /** Whether to go over to better plans while requests flow; where times were measured. */
  readonly adapt: boolean;
  readonly heartbeatSeconds: number | undefined;
  readonly missedHeartbeats: number | undefined;
  readonly onEvent: (event: ClusterEvent) => void;
  /** Where parts are kept beside this process, and what has cut the plan already. Default: neither. */
  readonly parts?: Pick<CoordinatorOptions, "depot" | "cutter">;
}

export interface Service {
  readonly coordinator: Coordinator;
  /** Of the status over HTTP; `null`: it is not served. */
  readonly url: string | null;
  /** Ends it here and nowhere else: agents go on, and wait for whoever coordinates next. */
  abandon(): Promise<void>;
}

/** Where a coordinator of a topology keeps its state unless told. */
export function defaultStateFolder(topology: string, terminal: Terminal): string {
  const name = basename(topology).replace(/(\.topology)?\.(ya?ml|json)$/, "");
  return stateFolderOf({ stateFolder: join(terminal.stateFolder, "clusters") }, name);
}

/**
 * Begins to listen. Disposing of the ground is the orderly end of the cluster; if this process is
 * killed instead, agents go on, and the next one with the same folder takes them over.
 *
 * @throws USAGE_INVALID if the journal is of another model; PORT_IN_USE, PLAN_INVALID
 */
export async function startService(ground: Ground, options: ServiceOptions): Promise<Service> {
  const { listen, security, journal, endings, terminal } = ground;
  const { heartbeatSeconds, missedHeartbeats, http } = options;
  const events = new EventLog();
  const over = new AbortController();
  const steering = steeringBy(options.adapt ? options.deployable.judge : undefined, over.signal);
  const coordinator = await Coordinator.start({
    ...whatRuns(options.deployable),
    transport: security.transport,
    clock: systemClock,
    listen,
    token: security.secret,
    authority: security.authority,
    journal,
    joinSeconds: null,
    mixed: options.mixed,
    standby: true,
    ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    ...(missedHeartbeats === undefined ? {} : { missedHeartbeats }),
    ...options.parts,
    ...steering?.hooks,
    onEvent: (event) => {
      events.append(event);
      options.onEvent(event);
    },
  });
  let server: StatusServer | null = null;
  try {
    if (http !== undefined) server = await serveStatus(http, coordinator, security.secret, events);
  } catch (error) {
    // It may have found a cluster that runs, which is not to end because of that.
    over.abort();
    await coordinator.abandon();
    throw error;
  }
  steering?.steer(coordinator);
  endings.push(async () => {
    over.abort();
    await coordinator.close();
    await concludeJournal(journal);
  });
  if (http !== undefined && !isLoopback(http)) {
    terminal.note(`warning: ${http} is not encrypted: whoever is on the way can read the token`);
  }
  if (server !== null) endings.push(server.close);
  return {
    coordinator,
    url: server?.url ?? null,
    abandon: async () => {
      over.abort();
      await Promise.allSettled([server?.close(), coordinator.abandon()]);
    },
  };
}

async function serveStatus(
  address: string,
  coordinator: Coordinator,
  secret: string,
  events: EventLog,
): Promise<StatusServer> {
  const { host, port } = parseAddress(address);
  return await startStatusServer({
    host,
    port,
    secret,
    events,
    status: () => coordinator.status(),
  });
}
