import { CodedError } from "../base/errors.ts";
import type { ModelRepository, RepositoryEntry, ServedModel } from "./served-model.ts";

/** Models that need no loading: unloading only keeps them from being asked. */
export class LoadedModels implements ModelRepository {
  readonly isStarting: boolean = false;
  readonly #models: ReadonlyMap<string, ServedModel>;
  readonly #unloaded = new Set<string>();

  constructor(models: readonly ServedModel[]) {
    this.#models = new Map(models.map((model) => [model.name, model]));
  }

  index(): readonly RepositoryEntry[] {
    return [...this.#models.values()].map(({ name, version }) =>
      this.#unloaded.has(name)
        ? { name, version, state: "UNAVAILABLE", reason: "unloaded" }
        : { name, version, state: "READY", reason: "" },
    );
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
    if (!this.#unloaded.has(name)) return model;
    throw new CodedError("MODEL_NOT_READY", `model '${name}' was unloaded; load it first`, {
      model: name,
    });
  }

  async load(name: string): Promise<void> {
    this.#unloaded.delete(this.#known(name).name);
  }

  async unload(name: string): Promise<void> {
    this.#unloaded.add(this.#known(name).name);
  }

  #known(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    const listed = [...this.#models.keys()].join(", ");
    throw new CodedError("MODEL_UNKNOWN", `there is no model '${name}'; there are ${listed}`, {
      model: name,
    });
  }
}
