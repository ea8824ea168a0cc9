import type { Clock } from "../../base/clock.ts";
import { type CodedError, isCoded } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { Agent } from "../../cluster/agent.ts";
import { type BlobStore, memoryBlobStore } from "../../cluster/blob-store.ts";
import { Coordinator } from "../../cluster/coordinator.ts";
import type { JournalStore } from "../../cluster/journal.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Machine } from "../network/machine.ts";
import type { Crash, Network } from "../network.ts";
import { createDigestRuntime } from "./digest-runtime.ts";
import type { Setting } from "./setting.ts";

export const token = "simulated";
export const coordinatorAddress = "coordinator:7000";

export interface HostsOptions {
  readonly network: Network;
  readonly setting: Setting;
  readonly plan: Plan;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  /** What happens, for whoever wants to know why a seed fails. */
  readonly log: (host: string, what: unknown) => void;
  /** What must not happen. */
  readonly complain: (violation: string) => void;
}

/** What an agent may keep for replays. */
const keptBytes: number = 1 << 20;

/** How long whoever looks after a host's programs waits before it starts one again. */
const restartSeconds = seconds(0.2);

/** Starts and crashes the programs of a cluster: an agent on each device, and the coordinator. */
export class Hosts {
  readonly #options: HostsOptions;
  readonly #running = new Map<string, Machine>();
  readonly #agents = new Map<string, Agent>();
  readonly #disks = new Map<string, BlobStore>();
  readonly #journal: JournalStore;
  #coordinator: Coordinator | null = null;
  #lives = 0;
  #closing = false;

  constructor(options: HostsOptions) {
    this.#options = options;
    let text: string | null = null;
    this.#journal = {
      load: async () => text,
      save: async (written) => {
        text = written;
      },
    };
  }

  get coordinator(): Coordinator | null {
    return this.#coordinator;
  }

  get agents(): ReadonlyMap<string, Agent> {
    return this.#agents;
  }

  /** Of the hosts whose programs run. */
  get machines(): ReadonlyMap<string, Machine> {
    return this.#running;
  }

  start(host: string): void {
    if (this.#running.has(host) || this.#closing) return;
    const machine = this.#options.network.boot(host);
    this.#running.set(host, machine);
    this.#options.log(host, "starts");
    if (host === "coordinator") void this.#coordinate(machine);
    else void this.#serve(host, machine);
  }

  crash(host: string, how: Crash): void {
    this.#options.log(host, how);
    this.#options.network.crash(host, how);
    this.#running.delete(host);
    if (host === "coordinator") this.#coordinator = null;
    else this.#agents.delete(host);
    // What is on disk outlives a process; a machine may come back without it.
    if (how === "unplugged") this.#disks.delete(host);
  }

  /** Ends all programs in good order. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#coordinator?.close();
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  async #coordinate({ clock, transport }: Machine): Promise<void> {
    const { setting, plan, heartbeatSeconds, missedHeartbeats, log, complain } = this.#options;
    const { graph, topology, model } = setting;
    try {
      const coordinator = await Coordinator.start({
        transport,
        clock,
        listen: coordinatorAddress,
        token,
        plan,
        graph,
        topology,
        model,
        types: new Map(),
        runtime: "digest 1",
        heartbeatSeconds,
        missedHeartbeats,
        joinSeconds: null,
        replan: async (left) => setting.plan(left),
        journal: this.#journal,
        onEvent: (event) => log("coordinator", event),
      });
      this.#coordinator = coordinator;
      const error = await coordinator.ended;
      if (!this.#closing) complain(`the coordinator has ended: ${describe(error)}`);
    } catch (error) {
      complain(`the coordinator does not start: ${describe(error)}`);
    }
  }

  async #serve(name: string, machine: Machine): Promise<void> {
    const { setting, log, complain } = this.#options;
    const { clock, transport } = machine;
    const disk = this.#disks.get(name) ?? memoryBlobStore();
    this.#disks.set(name, disk);
    this.#lives++;
    const incarnation = `${name} ${this.#lives}`;
    while (!this.#closing) {
      try {
        const agent = await Agent.join({
          name,
          incarnation,
          coordinator: coordinatorAddress,
          token,
          transport,
          runtime: createDigestRuntime(clock, setting.secondsOf, "digest 1", setting.bytesOf),
          clock,
          listen: `${name}:0`,
          cores: 1,
          // Plans keep to the topology's memory; a part of its own accounts for a little more.
          memoryBytes: null,
          keptBytes,
          blobs: disk,
          onEvent: (event) => log(name, event),
        });
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
      await pause(clock);
    }
  }
}

async function pause(clock: Clock): Promise<void> {
  await clock.sleep(restartSeconds);
}

/** Whether nobody answers yet: whoever looks after the program starts it again. */
function isUnreachable(error: unknown): boolean {
  return isCoded(error) && error.code === "CHANNEL_CLOSED";
}

/** An error for people, with what caused it. */
export function describe(error: unknown): string {
  if (error === null) return "in good order";
  if (!isCoded(error)) return String(error instanceof Error ? error.stack : error);
  return `${error.code} ${(error satisfies CodedError).message}`;
}
