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
import { isCoded } from "../../base/errors.ts";
import { type Client, connectClient } from "../../cluster/client.ts";
import { Coordinator } from "../../cluster/coordinator.ts";
import type { CoordinatorGroup } from "../../cluster/coordinator-group.ts";
import type { Replan } from "../../cluster/coordinator-options.ts";
import { KnownDevices } from "../../cluster/identity.ts";
import { fileJournal } from "../../cluster/journal.node.ts";
import { concludeJournal, forgetDevice, type JournalStore } from "../../cluster/journal.ts";
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
  readonly group: CoordinatorGroup;
  readonly security: CoordinatorSecurity;
  /** Each model has one in it. */
  readonly folder: string;
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

interface Running {
  readonly coordinator: Coordinator;
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
  readonly #journals = new Map<string, JournalStore>();
  readonly #running = new Map<string, Running>();

  constructor(options: CoordinatingHostOptions) {
    this.#options = options;
  }

  async start(model: string, plan: Plan, joinSeconds: number | null): Promise<Coordinator> {
    const { group, security, mixed, emulate, heartbeatSeconds, missedHeartbeats } = this.#options;
    const source = this.#options.sources.find(({ name }) => name === model) as ServedSource;
    const { topology, prepared, constantOutputs, benchmarks } = source;
    const over = new AbortController();
    const steering = steeringBy(this.#options.judge(model, plan) ?? undefined, over.signal);
    const replan = this.#options.replan(model);
    const journal = this.#journalOf(model);
    group.want(model);
    try {
      const coordinator = await Coordinator.start({
        ...whatRuns({ plan, topology, prepared, constantOutputs, benchmarks, replan }),
        transport: group.transportFor(model),
        clock: systemClock,
        listen: group.address,
        token: security.secret,
        authority: security.authority,
        known: this.#known,
        journal,
        joinSeconds,
        mixed,
        emulate,
        heartbeatSeconds,
        missedHeartbeats,
        // Requests come through this process: without it there are none.
        standby: false,
        takenBytes: (device) => this.#options.takenBytes(model, device),
        ...steering?.hooks,
        onEvent: (event) => {
          this.#options.onEvent(model, event);
          if (event.type === "serving") this.#tellOthers(model);
        },
      });
      steering?.steer(coordinator);
      this.#running.set(model, { coordinator, over });
      return coordinator;
    } catch (error) {
      over.abort();
      group.unwant(model);
      throw error;
    }
  }

  /** What is still there of a topology, as far as some model that runs knows. */
  world(topology: Topology): Topology {
    const [some] = this.#running.values();
    if (some === undefined) return topology;
    return { ...some.coordinator.world, inputBytes: topology.inputBytes };
  }

  async connect(model: string): Promise<Client> {
    const { group, security } = this.#options;
    const { transport, secret } = secureClient(security.token);
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
    this.#running.get(model)?.over.abort();
    this.#running.delete(model);
    this.#options.group.unwant(model);
    this.#tellOthers(model);
    const journal = this.#journals.get(model);
    if (journal !== undefined) await concludeJournal(journal);
  }

  /** What a model takes of devices has changed: others may find places now, or not any more. */
  #tellOthers(model: string): void {
    for (const [other, { coordinator }] of this.#running) {
      if (other !== model) coordinator.reconsider();
    }
  }

  #journalOf(model: string): JournalStore {
    const journal = fileJournal(journalPath(this.#options.folder, model));
    this.#journals.set(model, journal);
    return journal;
  }
}

function journalPath(folder: string, model: string): string {
  return join(folder, modelsFolder, model, "journal.json");
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
      models.map((model) => isForgotten(fileJournal(journalPath(folder, model)), device)),
    );
    if (forgotten.includes(true)) continue;
    throw usage(`no key is known of a device '${device}'; is ${folder} the right state folder?`);
  }
}

/** @returns whether its name was taken there */
async function isForgotten(journal: JournalStore, device: string): Promise<boolean> {
  try {
    await forgetDevice(journal, device);
    return true;
  } catch (error) {
    if (isCoded(error) && error.code === "USAGE_INVALID") return false;
    throw error;
  }
}
