/**
 * A coordinator that runs for long, for agents on other machines.
 *
 * @module
 */
import { basename, join } from "node:path";
import { systemClock } from "../base/clock.node.ts";
import { messageOf } from "../base/errors.ts";
import { Coordinator } from "../cluster/coordinator.ts";
import { fileJournal } from "../cluster/journal.node.ts";
import { concludeJournal, forgetDevice, type JournalStore } from "../cluster/journal.ts";
import type { ClusterEvent } from "../cluster/status.ts";
import { EventLog } from "../server/event-log.ts";
import { type StatusServer, startStatusServer } from "../server/status-server.node.ts";
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

export interface ServiceOptions {
  readonly deployable: Deployable;
  readonly listen: string;
  /** `undefined`: TLS unless it listens on the loopback only. */
  readonly tls: boolean | undefined;
  /** Default: one that is made once and kept. */
  readonly token: string | undefined;
  /** Keys, token and journal; of no other coordinator. */
  readonly folder: string;
  /** Devices whose keys are not to be known any more. */
  readonly forget: readonly string[];
  /** Where status is served over HTTP; left out: it is not. */
  readonly http: string | undefined;
  /** Whether agents on the local network can find it. */
  readonly discover: boolean;
  /** The device that this machine is, too. */
  readonly as: string | undefined;
  readonly mixed: boolean;
  /** Whether to go over to better plans while requests flow; where times were measured. */
  readonly adapt: boolean;
  readonly heartbeatSeconds: number | undefined;
  readonly missedHeartbeats: number | undefined;
  readonly terminal: Terminal;
  readonly onEvent: (event: ClusterEvent) => void;
}

export interface Service extends AsyncDisposable {
  readonly coordinator: Coordinator;
  /** For agents and clients. */
  readonly token: string;
  /** Of the status over HTTP; `null`: it is not served. */
  readonly url: string | null;
}

/**
 * Begins to listen. Disposing of it is the orderly end of the cluster; if this process is killed
 * instead, agents go on, and the next one with the same folder takes them over.
 *
 * @throws USAGE_INVALID if another coordinator has the folder, or the journal is of another model;
 * PORT_IN_USE, PLAN_INVALID, KEY_INVALID, FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { folder, forget } = options;
  const endings: (() => Promise<unknown>)[] = [];
  const end = async (): Promise<void> => {
    for (const ending of endings.splice(0).reverse()) await ending();
  };
  try {
    const lock = await lockState(folder);
    endings.push(async () => await lock[Symbol.asyncDispose]());
    const journal = fileJournal(join(folder, "journal.json"));
    for (const device of forget) await forgetDevice(journal, device);
    const running = await start(options, journal, endings);
    return { ...running, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Where a coordinator of a topology keeps its state unless told. */
export function defaultStateFolder(topologyFile: string, terminal: Terminal): string {
  const name = basename(topologyFile).replace(/(\.topology)?\.(ya?ml|json)$/, "");
  return stateFolderOf({ stateFolder: join(terminal.stateFolder, "clusters") }, name);
}

async function start(
  options: ServiceOptions,
  journal: JournalStore,
  endings: (() => Promise<unknown>)[],
): Promise<Omit<Service, keyof AsyncDisposable>> {
  const { folder, listen, tls, terminal, http, discover, as } = options;
  const security = await secureCoordinator({
    listen,
    tls,
    token: options.token,
    folder,
    warn: (text) => terminal.note(`warning: ${text}`),
  });
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
    ...(options.heartbeatSeconds === undefined
      ? {}
      : { heartbeatSeconds: options.heartbeatSeconds }),
    ...(options.missedHeartbeats === undefined
      ? {}
      : { missedHeartbeats: options.missedHeartbeats }),
    ...(steering === null ? {} : { onMeasured: (body) => steering.measured(body) }),
    onEvent: (event) => {
      events.append(event);
      options.onEvent(event);
    },
  });
  steering?.steer(coordinator);
  endings.push(async () => {
    over.abort();
    await coordinator.close();
    await concludeJournal(journal);
  });
  const server =
    http === undefined ? null : await serveStatus(http, coordinator, security.secret, events);
  if (server !== null) endings.push(() => server.close());
  if (discover) endings.push(answerQuestions(coordinator, security, terminal));
  if (as !== undefined) endings.push(joinItself(as, coordinator, security.token, terminal));
  return { coordinator, token: security.token, url: server?.url ?? null };
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

/** @returns what ends it */
function answerQuestions(
  { address }: Coordinator,
  { authority }: CoordinatorSecurity,
  terminal: Terminal,
): () => Promise<void> {
  const announced = announce(
    multicastInterfaces(),
    { address, fingerprint: authority?.fingerprint ?? null },
    (text) => terminal.note(text),
  );
  return async () => announced.close();
}

/** @returns what ends it */
function joinItself(
  device: string,
  coordinator: Coordinator,
  token: string,
  terminal: Terminal,
): () => Promise<unknown> {
  const { address } = coordinator;
  const agent = new AgentProcess({
    device,
    join: localAddress(address),
    token,
    // It dials this machine itself, the others dial it.
    words: isLoopback(address) ? [] : ["--listen", "0.0.0.0:0"],
  });
  agent.death.catch((error: unknown) => terminal.note(messageOf(error)));
  return () => Promise.all([coordinator.close(), agent.end()]);
}
