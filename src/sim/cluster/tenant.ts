import type { CodedError } from "../../base/errors.ts";
import { seconds } from "../../base/units.ts";
import { Coordinator } from "../../cluster/coordinator.ts";
import { concludeJournal, type JournalStore } from "../../cluster/journal.ts";
import type { ModelKey } from "../../cluster/shared-listener.ts";
import { hasMoved, takenBytes, withoutBytes } from "../../cluster/sharing.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Transport } from "../../transport/transport.ts";
import type { Machine } from "../network/machine.ts";
import type { History } from "./history.ts";
import type { Planned } from "./planned.ts";
import type { Setting } from "./setting.ts";

export const token = "simulated";
export const coordinatorAddress = "coordinator:7000";

export interface TenantOptions {
  readonly setting: Setting;
  readonly history: History;
  /** By which it runs first. */
  readonly place: Plan;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  readonly log: (host: string, what: unknown) => void;
}

/** What the other models on the same devices mean for one. */
export interface Others {
  /** Plans it for what is left of the topology, beside them. */
  readonly plan: (left: Topology) => Promise<Planned>;
  /** What they take of a device. */
  readonly takenBytes: (device: string) => number;
  /** Tells them that this one takes more or less than before. */
  readonly tell: () => void;
}

/** How a coordinator has ended. */
export interface Ending {
  /** `null`: in good order. */
  readonly error: CodedError | null;
  readonly hasServed: boolean;
}

/** How often whoever steers looks. */
const steerSeconds = seconds(0.5);

/** A model that devices are to run, by one coordinator after the other. */
export class Tenant {
  readonly setting: Setting;
  readonly history: History;
  readonly place: Plan;
  /** Whether it is to run. */
  isWanted = true;
  readonly #options: TenantOptions;
  readonly #journal: JournalStore;
  #journalText: string | null = null;
  #coordinator: Coordinator | null = null;
  #plan: Plan | null = null;

  constructor(options: TenantOptions) {
    const { setting, history, place } = options;
    this.setting = setting;
    this.history = history;
    this.place = place;
    this.#options = options;
    this.#journal = {
      load: async () => this.#journalText,
      save: async (written) => {
        this.#journalText = written;
      },
    };
  }

  get key(): ModelKey {
    return this.setting.key;
  }

  get coordinator(): Coordinator | null {
    return this.#coordinator;
  }

  /** By which it runs, ran last or soon will; `null`: it takes nothing of any device. */
  get plan(): Plan | null {
    return this.#coordinator?.plan ?? this.#plan;
  }

  /** Of a device. */
  takesBytes(device: string): number {
    return takenBytes(this.#coordinator, this.plan, device);
  }

  /**
   * Starts a coordinator; resolves when it has ended.
   *
   * @throws as `Coordinator.start`
   */
  async run(machine: Machine, transport: Transport, plan: Plan, others: Others): Promise<Ending> {
    const { heartbeatSeconds, missedHeartbeats, log } = this.#options;
    const { profile, topology, model, followsWorld } = this.setting;
    const observe = this.history.coordinator();
    let hasServed = false;
    this.#plan = plan;
    const coordinator = await Coordinator.start({
      transport,
      clock: machine.clock,
      listen: coordinatorAddress,
      token,
      plan,
      graph: profile.graph,
      topology,
      model,
      types: new Map(),
      runtime: "digest 1",
      heartbeatSeconds,
      missedHeartbeats,
      joinSeconds: null,
      // A server of several models has none either: it could be in the way of another model.
      standby: this.key === null,
      replan: others.plan,
      takenBytes: others.takenBytes,
      journal: this.#journal,
      onEvent: (event) => {
        log(this.key === null ? "coordinator" : `coordinator of ${this.key}`, event);
        if (event.type === "serving") hasServed = true;
        if (hasMoved(event)) others.tell();
        observe(event);
      },
    });
    this.#coordinator = coordinator;
    // Nobody could close it before.
    if (!this.isWanted) void coordinator.close();
    if (followsWorld) void this.#steer(coordinator, machine, others);
    const error = await coordinator.ended;
    if (this.#coordinator === coordinator) this.#leave();
    return { error, hasServed };
  }

  /** Goes over to another plan, if there is somebody who can. */
  adopt(seed: number, replay: boolean, others: Others): void {
    const coordinator = this.#coordinator;
    if (coordinator === null || coordinator.serving === null) return;
    const plan = this.setting.plan(leftFor(coordinator, others), seed);
    if ("infeasible" in plan) return;
    this.history.adoptions++;
    coordinator.adopt(plan, "another plan", { replay });
  }

  /** Its coordinator's host has crashed. @param wiped whether what was on its disk is gone */
  forget(wiped: boolean): void {
    this.#leave();
    if (wiped) this.#journalText = null;
  }

  /** Shuts its agents down. */
  async close(): Promise<void> {
    await this.#coordinator?.close();
  }

  /** The next coordinator begins anew, with higher numbers. */
  async conclude(): Promise<void> {
    await concludeJournal(this.#journal);
  }

  #leave(): void {
    this.#coordinator = null;
    this.#plan = null;
  }

  /** Plans anew for what there is, as live control does. */
  async #steer(coordinator: Coordinator, { clock }: Machine, others: Others): Promise<void> {
    const over = new AbortController();
    void coordinator.ended.then(() => over.abort());
    for (;;) {
      try {
        await clock.sleep(steerSeconds, over.signal);
      } catch {
        return;
      }
      const { serving, isSwitching } = coordinator;
      if (serving === null || isSwitching) continue;
      const plan = this.setting.plan(leftFor(coordinator, others));
      if ("infeasible" in plan || isSamePlacement(plan, serving)) continue;
      coordinator.adopt(plan, "there is more or less than there was");
    }
  }
}

/** What live control plans for: the memory of others is not there. */
function leftFor(coordinator: Coordinator, { takenBytes }: Others): Topology {
  return withoutBytes(coordinator.world, takenBytes);
}

/** Whether two plans run the same on the same devices. */
export function isSamePlacement(one: Plan, other: Plan): boolean {
  const tilesOf = ({ placement, stages }: Plan) => [placement, stages.map(({ tiles }) => tiles)];
  return JSON.stringify(tilesOf(one)) === JSON.stringify(tilesOf(other));
}
