import type { Clock } from "../../base/clock.ts";
import { type CodedError, isCoded } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { Agent } from "../../cluster/agent.ts";
import { type BlobStore, memoryBlobStore } from "../../cluster/blob-store.ts";
import { Coordinator } from "../../cluster/coordinator.ts";
import type { JournalStore } from "../../cluster/journal.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Machine } from "../network/machine.ts";
import type { Crash, Network } from "../network.ts";
import { createDigestRuntime } from "./digest-runtime.ts";
import type { History } from "./history.ts";
import { visitor } from "./schedule.ts";
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
  /** What is to be watched. */
  readonly history: History;
  /** Starts the program that asks from a host that faults befall, and says that its host has crashed. */
  readonly visit: (machine: Machine, life: number) => void;
  readonly onVisitorGone: () => void;
}

/** What an agent may keep for replays. */
const keptBytes: number = 1 << 20;

/** How often whoever steers looks. */
const steerSeconds = seconds(0.5);

/** How long whoever looks after a host's programs waits before it starts one again. */
const restartSeconds = seconds(0.2);

/** Starts and crashes the programs of a cluster: an agent on each device, and the coordinator. */
export class Hosts {
  readonly #options: HostsOptions;
  readonly #running = new Map<string, Machine>();
  readonly #agents = new Map<string, Agent>();
  readonly #disks = new Map<string, BlobStore>();
  readonly #journal: JournalStore;
  /** Devices whose runtimes refuse the next part. */
  readonly #refusing = new Set<string>();
  #journalText: string | null = null;
  #coordinator: Coordinator | null = null;
  #lives = 0;
  #closing = false;

  constructor(options: HostsOptions) {
    this.#options = options;
    this.#journal = {
      load: async () => this.#journalText,
      save: async (written) => {
        this.#journalText = written;
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
    else if (host === visitor) this.#options.visit(machine, ++this.#lives);
    else void this.#serve(host, machine);
  }

  crash(host: string, how: Crash, wiped: boolean): void {
    if (!this.#running.has(host)) return;
    this.#options.log(host, how);
    this.#options.network.crash(host, how);
    this.#running.delete(host);
    if (host === visitor) this.#options.onVisitorGone();
    else if (host === "coordinator") this.#coordinator = null;
    else this.#agents.delete(host);
    // What is on disk outlives a process; a machine may come back without it.
    if (!wiped) return;
    this.#disks.delete(host);
    if (host === "coordinator") this.#journalText = null;
  }

  /** Goes over to another plan, if there is somebody who can. */
  adopt(seed: number, replay: boolean): void {
    const { setting, history } = this.#options;
    const coordinator = this.#coordinator;
    if (coordinator === null || coordinator.serving === null) return;
    const plan = setting.plan(coordinator.world, seed);
    if ("infeasible" in plan) return;
    history.adoptions++;
    coordinator.adopt(plan, "another plan", { replay });
  }

  /** The next part that a device is to load is refused by its runtime. */
  refuse(host: string): void {
    this.#refusing.add(host);
  }

  /** Ends all programs in good order. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#coordinator?.close();
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  async #coordinate(machine: Machine): Promise<void> {
    const { setting, plan, heartbeatSeconds, missedHeartbeats, log, complain } = this.#options;
    const { clock, transport } = machine;
    const observe = this.#options.history.coordinator();
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
        onEvent: (event) => {
          log("coordinator", event);
          observe(event);
        },
      });
      this.#coordinator = coordinator;
      if (setting.followsWorld) void this.#steer(coordinator, machine);
      const error = await coordinator.ended;
      if (!this.#closing) complain(`the coordinator has ended: ${describe(error)}`);
    } catch (error) {
      complain(`the coordinator does not start: ${describe(error)}`);
    }
  }

  /** Plans anew for what there is, as live control does. */
  async #steer(coordinator: Coordinator, { clock }: Machine): Promise<void> {
    const over = new AbortController();
    void coordinator.ended.then(() => over.abort());
    for (;;) {
      try {
        await clock.sleep(steerSeconds, over.signal);
      } catch {
        return;
      }
      const { serving, isSwitching, world } = coordinator;
      if (serving === null || isSwitching) continue;
      const plan = this.#options.setting.plan(world);
      if ("infeasible" in plan || isSamePlacement(plan, serving)) continue;
      coordinator.adopt(plan, "there is more or less than there was");
    }
  }

  async #serve(name: string, machine: Machine): Promise<void> {
    const { log, complain, history } = this.#options;
    const { clock, transport } = machine;
    const disk = this.#disks.get(name) ?? memoryBlobStore();
    this.#disks.set(name, disk);
    this.#lives++;
    const incarnation = `${name} ${this.#lives}`;
    const observe = history.agent(name);
    while (!this.#closing) {
      try {
        const agent = await Agent.join({
          name,
          incarnation,
          coordinator: coordinatorAddress,
          token,
          transport,
          runtime: this.#runtime(name, clock),
          clock,
          listen: `${name}:0`,
          cores: 1,
          memoryBytes: this.#options.setting.memoryBytes,
          keptBytes,
          blobs: disk,
          onEvent: (event) => {
            log(name, event);
            observe(event);
          },
          onTrace: (trace) => history.trace(trace),
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

  #runtime(name: string, clock: Clock): Runtime {
    const { secondsOf, bytesOf } = this.#options.setting;
    const runtime = createDigestRuntime(clock, secondsOf, "digest 1", bytesOf);
    return {
      ...runtime,
      load: async (...part) => {
        if (this.#refusing.delete(name)) throw new Error("the runtime is out of memory");
        return await runtime.load(...part);
      },
    };
  }
}

/** Whether two plans run the same on the same devices. */
export function isSamePlacement(one: Plan, other: Plan): boolean {
  const tilesOf = ({ placement, stages }: Plan) => [placement, stages.map(({ tiles }) => tiles)];
  return JSON.stringify(tilesOf(one)) === JSON.stringify(tilesOf(other));
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
