/**
 * Runs models at one address: a coordinator for each, which share devices, keys and the secret.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../base/clock.node.ts";
import type { Clock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { type Client, connectClient } from "../../cluster/client.ts";
import { Coordinator } from "../../cluster/coordinator.ts";
import type { CoordinatorGroup } from "../../cluster/coordinator-group.ts";
import type { CoordinatorOptions, Replan } from "../../cluster/coordinator-options.ts";
import { KnownDevices } from "../../cluster/identity.ts";
import { fileJournal } from "../../cluster/journal.node.ts";
import { concludeJournal, isForgotten, type JournalStore } from "../../cluster/journal.ts";
import { hasMoved, sharedWorld } from "../../cluster/sharing.ts";
import type { ClusterEvent } from "../../cluster/status.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ModelHost } from "../../server/repository/hosted-model.ts";
import { usage } from "../command.ts";
import { whatRuns } from "../fleet.ts";
import { type Judge, steeringBy } from "../judge.ts";
import { type CoordinatorSecurity, secureClient } from "../security.ts";
import type { ServedSource } from "./served-source.ts";

export interface CoordinatingHostOptions {
  readonly security: CoordinatorSecurity;
  readonly sources: readonly ServedSource[];
  readonly mixed: boolean;
  readonly emulate: boolean;
  readonly heartbeatSeconds: number;
  readonly missedHeartbeats: number;
  /** Plans one model for what is left, beside the others. */
  readonly replan: (model: string) => Replan;
  /** Goes over to better plans while requests flow; `null`: nobody does. */
  readonly judge: (model: string, plan: Plan) => Judge | null;
  /** Bytes of a device that others take. */
  readonly takenBytes: (model: string, device: string) => number;
  readonly onEvent: (model: string, event: ClusterEvent) => void;
}

/** Where models run: an address, and what outlives their coordinators. */
export interface Site {
  readonly group: CoordinatorGroup;
  readonly journalOf: (model: string) => JournalStore;
  /** What is shared with those that may take over. Left out: there are none. */
  readonly sharedOf?: (model: string) => Pick<CoordinatorOptions, "depot" | "cutter">;
}

interface Running {
  readonly coordinator: Coordinator;
  readonly journal: JournalStore;
  /** Ends what steers it. */
  readonly over: AbortController;
}

/** How long nobody may take requests before those that wait are told. */
const patienceSeconds = 30;
const modelsFolder = "models";

export class CoordinatingHost implements ModelHost {
  readonly clock: Clock = systemClock;
  readonly #options: CoordinatingHostOptions;
  readonly #known = new KnownDevices();
  readonly #running = new Map<string, Running>();
  #site: Site | null = null;

  constructor(options: CoordinatingHostOptions) {
    this.#options = options;
  }

  /** Models can run from now on. */
  settle(site: Site): void {
    this.#site = site;
  }

  /** Nothing runs by this process any more; whoever has coordinators is to abandon them. */
  leave(): void {
    this.#site = null;
    for (const { over } of this.#running.values()) over.abort();
    this.#running.clear();
  }

  async start(model: string, plan: Plan, joinSeconds: number | null): Promise<Coordinator> {
    const site = this.#demandSite(model);
    const { group, sharedOf } = site;
    const source = this.#options.sources.find(({ name }) => name === model) as ServedSource;
    const over = new AbortController();
    const steering = steeringBy(this.#options.judge(model, plan) ?? undefined, over.signal);
    const journal = site.journalOf(model);
    group.want(model);
    try {
      const coordinator = await Coordinator.start({
        ...this.#commonOptions(source, plan),
        transport: group.transportFor(model),
        listen: group.address,
        journal,
        joinSeconds,
        // Where requests come through this process only, there are none without it.
        standby: sharedOf !== undefined,
        ...sharedOf?.(model),
        ...steering?.hooks,
      });
      if (this.#site !== site) {
        await coordinator.abandon();
        throw nowhere(model);
      }
      steering?.steer(coordinator);
      this.#running.set(model, { coordinator, journal, over });
      return coordinator;
    } catch (error) {
      over.abort();
      if (this.#site === site) group.unwant(model);
      throw error;
    }
  }

  /**
   * Lets another key have a device's name. @returns whether it was taken
   *
   * @throws MODEL_NOT_READY while nothing runs
   */
  async forget(device: string): Promise<boolean> {
    const running = [...this.#running.values()];
    if (running.length === 0) {
      throw new CodedError("MODEL_NOT_READY", "no model runs by this server yet; ask again later");
    }
    const were = await Promise.all(running.map(({ coordinator }) => coordinator.forget(device)));
    return were.includes(true);
  }

  /** What is still there of a topology, as far as the models that run know. */
  world(topology: Topology): Topology {
    return sharedWorld(
      topology,
      [...this.#running.values()].map(({ coordinator }) => coordinator),
    );
  }

  async connect(model: string): Promise<Client> {
    const { group } = this.#demandSite(model);
    const { transport, secret } = secureClient(this.#options.security.token);
    return await connectClient({
      transport,
      clock: systemClock,
      address: group.address,
      token: secret,
      model,
      retry: { newId: randomUUID, limitSeconds: patienceSeconds },
    });
  }

  async release(model: string): Promise<void> {
    const running = this.#running.get(model);
    if (running === undefined) return;
    running.over.abort();
    this.#running.delete(model);
    this.#site?.group.unwant(model);
    this.#tellOthers(model);
    await concludeJournal(running.journal);
  }

  /** What a model takes of devices has changed: others may find places now, or not any more. */
  #tellOthers(model: string): void {
    for (const [other, { coordinator }] of this.#running) {
      if (other !== model) coordinator.reconsider();
    }
  }

  #commonOptions(source: ServedSource, plan: Plan) {
    const { security, mixed, emulate, heartbeatSeconds, missedHeartbeats } = this.#options;
    const { name, topology, prepared, constantOutputs, benchmarks } = source;
    const replan = this.#options.replan(name);
    return {
      ...whatRuns({ plan, topology, prepared, constantOutputs, benchmarks, replan }),
      clock: systemClock,
      token: security.secret,
      authority: security.authority,
      known: this.#known,
      mixed,
      emulate,
      heartbeatSeconds,
      missedHeartbeats,
      takenBytes: (device: string) => this.#options.takenBytes(name, device),
      onEvent: (event: ClusterEvent) => {
        this.#options.onEvent(name, event);
        if (hasMoved(event)) this.#tellOthers(name);
      },
    };
  }

  /** @throws MODEL_NOT_READY */
  #demandSite(model: string): Site {
    if (this.#site !== null) return this.#site;
    throw nowhere(model);
  }
}

function nowhere(model: string): CodedError {
  const message = `model '${model}' does not run by this server: another one leads, or none does; ask the one that leads, or again later`;
  return new CodedError("MODEL_NOT_READY", message, { model });
}

/** In a folder of state, where each model has one. */
export function modelJournal(folder: string, model: string): JournalStore {
  return fileJournal(join(folder, modelsFolder, model, "journal.json"));
}

/**
 * Frees the names of devices in the journals of all models that were ever served from a folder.
 *
 * @throws USAGE_INVALID if none knows a device; FILE_NOT_FOUND, FILE_WRITE_FAILED
 */
export async function forgetDevices(folder: string, devices: readonly string[]): Promise<void> {
  if (devices.length === 0) return;
  const models = await readdir(join(folder, modelsFolder)).catch(() => [] as string[]);
  for (const device of devices) {
    const forgotten = await Promise.all(
      models.map((model) => isForgotten(modelJournal(folder, model), device)),
    );
    if (forgotten.includes(true)) continue;
    throw usage(`no key is known of a device '${device}'; is ${folder} the right state folder?`);
  }
}
