import { isCoded } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { Agent } from "../../cluster/agent.ts";
import { AgentGroup } from "../../cluster/agent-group.ts";
import type { AgentEvent, AgentOptions, AgentTrace } from "../../cluster/agent-options.ts";
import { type BlobStore, memoryBlobStore } from "../../cluster/blob-store.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import type { Machine } from "../network/machine.ts";
import type { Crash, Network } from "../network.ts";
import { CoordinatorHost } from "./coordinator-host.ts";
import { describe } from "./describe.ts";
import type { History } from "./history.ts";
import { visitor } from "./schedule.ts";
import { Sessions } from "./sessions.ts";
import type { Settings } from "./setting.ts";
import { coordinatorAddress, type Tenant, token } from "./tenant.ts";

export interface HostsOptions {
  readonly network: Network;
  readonly settings: Settings;
  readonly tenants: readonly Tenant[];
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  /** What happens, for whoever wants to know why a seed fails. */
  readonly log: (host: string, what: unknown) => void;
  /** What must not happen. */
  readonly complain: (violation: string) => void;
  /** Starts the programs that ask from a host that faults befall, and says that their host has crashed. */
  readonly visit: (machine: Machine, life: number) => void;
  readonly onVisitorGone: () => void;
}

/** What an agent may keep for replays. */
const keptBytes: number = 1 << 20;

/** How long whoever looks after a host's programs waits before it starts one again. */
const restartSeconds = seconds(0.2);

/** Starts and crashes the programs of a cluster: an agent on each device, and the coordinator. */
export class Hosts {
  readonly coordinator: CoordinatorHost;
  readonly tenants: readonly Tenant[];
  readonly #options: HostsOptions;
  readonly #running = new Map<string, Machine>();
  readonly #agents = new Map<string, Agent | AgentGroup>();
  readonly #sessions = new Map<string, Sessions>();
  readonly #disks = new Map<string, BlobStore>();
  /** Devices whose runtimes refuse the next part. */
  readonly #refusing = new Set<string>();
  #lives = 0;
  #closing = false;

  constructor(options: HostsOptions) {
    this.#options = options;
    this.tenants = options.tenants;
    this.coordinator = new CoordinatorHost(options);
  }

  /** Of the hosts whose programs run. */
  get machines(): ReadonlyMap<string, Machine> {
    return this.#running;
  }

  /** What is loaded on each device whose program runs. */
  get sessions(): ReadonlyMap<string, Sessions> {
    return this.#sessions;
  }

  start(host: string): void {
    if (this.#running.has(host) || this.#closing) return;
    const machine = this.#options.network.boot(host);
    this.#running.set(host, machine);
    this.#options.log(host, "starts");
    if (host === "coordinator") void this.coordinator.start(machine);
    else if (host === visitor) this.#options.visit(machine, ++this.#lives);
    else void this.#serve(host, machine);
  }

  crash(host: string, how: Crash, wiped: boolean): void {
    if (!this.#running.has(host)) return;
    this.#options.log(host, how);
    this.#options.network.crash(host, how);
    this.#running.delete(host);
    this.#sessions.delete(host);
    if (host === visitor) this.#options.onVisitorGone();
    else if (host === "coordinator") this.coordinator.crash(wiped);
    else this.#agents.delete(host);
    // What is on disk outlives a process; a machine may come back without it.
    if (wiped) this.#disks.delete(host);
  }

  /** The next part that a device is to load is refused by its runtime. */
  refuse(host: string): void {
    this.#refusing.add(host);
  }

  /** Ends all programs in good order. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.coordinator.close();
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  async #serve(name: string, machine: Machine): Promise<void> {
    const { complain } = this.#options;
    this.#lives++;
    const join = this.#joining(name, machine, `${name} ${this.#lives}`);
    while (!this.#closing) {
      try {
        const agent = await join();
        this.#agents.set(name, agent);
        const error = await agent.ended;
        if (!this.#closing) complain(`the agent of ${name} has ended: ${describe(error)}`);
        return;
      } catch (error) {
        if (!isUnreachable(error)) {
          complain(`the agent of ${name} cannot join: ${describe(error)}`);
          return;
        }
      }
      await machine.clock.sleep(restartSeconds);
    }
  }

  /** @returns an attempt to join: with an agent for one model by itself, or for each of several */
  #joining(
    name: string,
    { clock, transport }: Machine,
    incarnation: string,
  ): () => Promise<Agent | AgentGroup> {
    const { settings, complain } = this.#options;
    const disk = this.#disks.get(name) ?? memoryBlobStore();
    this.#disks.set(name, disk);
    const sessions = new Sessions(settings, (violation) => complain(`${name}: ${violation}`));
    this.#sessions.set(name, sessions);
    const options: AgentOptions = {
      name,
      incarnation,
      coordinator: coordinatorAddress,
      token,
      transport,
      runtime: sessions.runtime(clock, () => this.#refusing.delete(name)),
      clock,
      listen: `${name}:0`,
      cores: 1,
      memoryBytes: settings[0].memoryBytes,
      keptBytes,
      blobs: disk,
    };
    const onEvent = this.#observer(name);
    const onTrace = (trace: AgentTrace, model: ModelKey) => this.#historyOf(model)?.trace(trace);
    if (settings[0].key !== null) return () => AgentGroup.join({ ...options, onEvent, onTrace });
    return () =>
      Agent.join({
        ...options,
        onEvent: (event) => onEvent(event, null),
        onTrace: (trace) => onTrace(trace, null),
      });
  }

  #historyOf(model: ModelKey): History | undefined {
    return this.tenants.find(({ key }) => key === model)?.history;
  }

  /** @returns what is to be told of the events of a device's agents, each from its start to its end */
  #observer(name: string): (event: AgentEvent, model: ModelKey) => void {
    const { log } = this.#options;
    const observers = new Map<ModelKey, (event: AgentEvent) => void>();
    return (event, model) => {
      log(model === null ? name : `${name} of ${model}`, event);
      const observe = observers.get(model) ?? this.#historyOf(model)?.agent(name);
      if (observe === undefined) return;
      observers.set(model, observe);
      observe(event);
      if (event.type === "ended") observers.delete(model);
    };
  }
}

/** Whether nobody answers yet: whoever looks after the program starts it again. */
function isUnreachable(error: unknown): boolean {
  return isCoded(error) && error.code === "CHANNEL_CLOSED";
}
