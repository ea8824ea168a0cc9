import { CodedError } from "../../base/errors.ts";
import type { ClusterStatus } from "../../cluster/status.ts";
import { unknownModel } from "../../cluster/unknown-model.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ModelRepository, RepositoryEntry, ServedModel } from "../served-model.ts";
import { type HostedModel, notReady } from "./hosted-model.ts";

/** A plan for a model, or why there is none. */
export type Place = Plan | { readonly infeasible: string };

export interface HostedModelsOptions {
  /** In the order in which they were named. */
  readonly models: readonly HostedModel[];
  /** Finds a place for a model beside those that run. */
  readonly place: (model: string) => Promise<Place>;
}

/** Devices that are there join at once: a model that is loaded later does not wait for others. */
const joinSeconds = 30;

/** One that is under way, until it has ended or the model is unloaded. */
interface Load {
  readonly loaded: Promise<void>;
  /** A place that is still looked for is not taken. */
  readonly unwanted: AbortController;
}

/** Models on the same devices, loaded and unloaded one by one. */
export class HostedModels implements ModelRepository {
  readonly #models: ReadonlyMap<string, HostedModel>;
  readonly #place: HostedModelsOptions["place"];
  /** Whoever wants the same model waits for the same. */
  readonly #loads = new Map<string, Load>();
  /** Loads of what is to be served from the beginning on, while they are under way. */
  readonly #starting = new Set<symbol>();
  #placing: Promise<unknown> = Promise.resolve();

  constructor({ models, place }: HostedModelsOptions) {
    this.#models = new Map(models.map((model) => [model.name, model]));
    this.#place = place;
  }

  index(): readonly RepositoryEntry[] {
    return [...this.#models.values()].map(({ entry }) => entry);
  }

  get isStarting(): boolean {
    return this.#starting.size > 0;
  }

  find(name: string, version = ""): ServedModel {
    const model = this.#known(name);
    if (version !== "" && version !== model.version) {
      throw new CodedError(
        "MODEL_UNKNOWN",
        `model '${name}' has no version '${version}'; there is ${model.version}`,
        { model: name, version },
      );
    }
    if (model.isLoaded) return model;
    throw notReady(model.entry);
  }

  async load(name: string): Promise<void> {
    const model = this.#known(name);
    if (model.isLoaded) return;
    const under = this.#loads.get(name)?.loaded;
    await (under ?? this.#keep(name, (unwanted) => this.#load(model, unwanted)).loaded);
  }

  async unload(name: string): Promise<void> {
    const model = this.#known(name);
    // Who wants it again from now on wants another load.
    this.#loads.get(name)?.unwanted.abort();
    this.#loads.delete(name);
    await model.unload();
  }

  /**
   * Loads models for which there are plans; resolves when each is loaded, or is not to be.
   *
   * @param onFailed told of each that could not be loaded, although it was wanted still
   */
  async begin(
    places: ReadonlyMap<string, Place>,
    onFailed: (model: string, error: unknown) => void,
  ): Promise<void> {
    const loads = [...places].map(async ([name, place]) => {
      const model = this.#known(name);
      const start = Symbol(name);
      this.#starting.add(start);
      const load = this.#keep(name, () => this.#loadAt(model, place, null));
      try {
        await load.loaded;
      } catch (error) {
        if (!load.unwanted.signal.aborted) onFailed(name, error);
      } finally {
        this.#starting.delete(start);
      }
    });
    await Promise.all(loads);
  }

  /** Of the models that have clusters, by name. */
  get statuses(): ReadonlyMap<string, ClusterStatus> {
    const found = [...this.#models].flatMap(([name, { status }]): [string, ClusterStatus][] =>
      status === null ? [] : [[name, status]],
    );
    return new Map(found);
  }

  /** Bytes of a device that models take beside one. */
  takenBesideBytes(name: string, device: string): number {
    const others = [...this.#models.values()].filter((model) => model.name !== name);
    return others.reduce((sum, model) => sum + model.takesBytes(device), 0);
  }

  /** Others run them, or nobody: devices go on with what they have, and what was asked is answered. */
  async abandon(reason: string): Promise<void> {
    for (const { unwanted } of this.#loads.values()) unwanted.abort();
    this.#loads.clear();
    await Promise.all([...this.#models.values()].map((model) => model.abandon(reason)));
  }

  /** Unloads all. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#models.keys()].map((name) => this.unload(name)));
  }

  #keep(name: string, begin: (unwanted: AbortSignal) => Promise<void>): Load {
    const unwanted = new AbortController();
    const loaded = begin(unwanted.signal).finally(() => {
      if (this.#loads.get(name) === load) this.#loads.delete(name);
    });
    const load: Load = { loaded, unwanted };
    this.#loads.set(name, load);
    return load;
  }

  /** Places are found one after the other: each counts for the next. */
  async #load(model: HostedModel, unwanted: AbortSignal): Promise<void> {
    // One that is being unloaded is in the way of itself.
    if (!model.isLoading) await model.unload();
    let loaded: Promise<void> = Promise.resolve();
    const placed = this.#placing.then(async () => {
      const place = await this.#place(model.name);
      if (unwanted.aborted) throw notReady(model.entry);
      loaded = this.#loadAt(model, place, joinSeconds);
      loaded.catch(() => undefined);
    });
    this.#placing = placed.catch(() => undefined);
    await placed;
    await loaded;
  }

  async #loadAt(model: HostedModel, place: Place, seconds: number | null): Promise<void> {
    if ("infeasible" in place) {
      model.refuse(`no place was found for it: ${place.infeasible}`);
      const message = `there is no place for model '${model.name}': ${place.infeasible}; unload another one, or add a device`;
      throw new CodedError("PLAN_INFEASIBLE", message, { model: model.name });
    }
    await model.load(place, seconds);
  }

  /** @throws MODEL_UNKNOWN */
  #known(name: string): HostedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    throw unknownModel(name, [...this.#models.keys()], "this server");
  }
}
