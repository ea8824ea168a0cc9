import type { InferOptions } from "../cluster/client.ts";
import type { Inference } from "../cluster/inference.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { DeclaredTensor } from "../runtime/signature.ts";

/** A model that can be asked, wherever it runs. */
export interface ServedModel {
  readonly name: string;
  /** The only one that there is of it. */
  readonly version: string;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  /** Most requests that are run as one; 1: each by itself. */
  readonly maxBatch: number;
  /** See `Client.infer`, also for what it throws. */
  infer(inputs: TensorValues, options?: InferOptions): Promise<Inference>;
}

/** As Triton's repository index says it. */
export type ModelState = "LOADING" | "READY" | "UNAVAILABLE" | "UNLOADING";

export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: ModelState;
  /** Why it is not ready; empty: it is. */
  readonly reason: string;
}

/** The models of a server, in the order in which they were named. */
export interface ModelRepository {
  index(): readonly RepositoryEntry[];
  /** Whether some of those that are to be served from the beginning on are still being loaded. */
  readonly isStarting: boolean;
  /**
   * @param version empty or left out: the one that there is
   * @throws MODEL_UNKNOWN if there is none of this name and version; MODEL_NOT_READY if it is not loaded
   */
  find(name: string, version?: string): ServedModel;
  /** Resolves when it can be asked. @throws MODEL_UNKNOWN; PLAN_INFEASIBLE if there is no room for it */
  load(name: string): Promise<void>;
  /** What was asked is answered first. @throws MODEL_UNKNOWN */
  unload(name: string): Promise<void>;
}
