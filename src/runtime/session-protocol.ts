/**
 * Messages between a session and the thread in which the runtime works.
 *
 * @module
 */
import type { TensorValues } from "./runtime.ts";

/** A weight that stands outside the skeleton, by the location that the skeleton names. */
export interface WeightData {
  readonly path: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** How to create the session; the first message. */
export interface LoadRequest {
  readonly type: "load";
  /** The model without its weights, or its file, beside which those stand that are not in `weights`. */
  readonly skeleton: Uint8Array<ArrayBuffer> | string;
  readonly weights: readonly WeightData[];
  readonly threads: number;
  /** Whether it keeps no memory from run to run. Default: it does. */
  readonly thrifty?: boolean;
  readonly level: "disabled" | "basic" | "extended" | "all";
  /** Where the runtime writes the optimised graph, if anywhere. */
  readonly optimisedPath?: string;
  /** Where the runtime's profiler writes, if it is to measure. */
  readonly profilePrefix?: string;
}

/** A tensor as the runtime itself declares it. */
export interface RuntimeTensor {
  readonly name: string;
  /** `null` for what is no tensor. */
  readonly dataType: string | null;
  readonly shape: readonly (number | string)[];
}

export type SessionRequest =
  | LoadRequest
  | { readonly type: "run"; readonly inputs: TensorValues }
  /** Runs again and again on the same inputs; the outputs are dropped. */
  | {
      readonly type: "repeat";
      readonly inputs: TensorValues;
      readonly atLeast: number;
      readonly atMost: number;
      readonly seconds: number;
      /** Shared: no further run is begun once its only element is not 0. */
      readonly stop: Int32Array<SharedArrayBuffer>;
    }
  | { readonly type: "release" };

/** What one run took, in seconds. */
export interface RunTime {
  readonly wall: number;
  /** Of the whole process: an upper limit of what the run itself took. */
  readonly processor: number;
}

export type SessionReply =
  | {
      readonly type: "loaded";
      readonly inputs: readonly RuntimeTensor[];
      readonly outputs: readonly RuntimeTensor[];
    }
  | { readonly type: "ran"; readonly outputs: TensorValues; readonly time: RunTime }
  | { readonly type: "repeated"; readonly times: readonly RunTime[] }
  | { readonly type: "released" }
  | { readonly type: "failed"; readonly message: string };
