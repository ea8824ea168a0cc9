/**
 * Runtime: what runs a part. Implementations: `null`, onnxruntime-node.
 *
 * @module
 */
import type { CodedError } from "../base/errors.ts";
import type { Seconds } from "../base/units.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { OnnxModel } from "../onnx/model.ts";

/** Values by tensor name. */
export type TensorValues = Readonly<Record<string, TensorValue>>;

export interface SessionOptions {
  /** Intra-op threads; the count changes bits, so that it belongs to the plan. */
  readonly threads: number;
  /**
   * Whether the memory of a run is given back when it ends, and weights stay as they are in their
   * files, which costs time: a session else keeps it for the next one, and rearranges weights in memory
   * of its own. Products of matrices may then be summed in another order. Default: no.
   */
  readonly thrifty?: boolean;
  /**
   * Weights that stand in files of their own, by name; `model.weights` is without them. The runtime may
   * map them into memory, so that the files must not change before the session is released. Default: none.
   */
  readonly files?: ReadonlyMap<string, WeightFile>;
}

export interface WeightFile {
  readonly path: string;
  readonly bytes: number;
}

export interface RunResult {
  readonly outputs: TensorValues;
  /** Processor time of the run itself, without queueing and transfer between threads. */
  readonly computeSeconds: Seconds;
}

export interface TensorSignature {
  readonly name: string;
  readonly dataType: string;
  /** A string is a dimension that is open. */
  readonly shape: readonly (number | string)[];
}

export interface Session {
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /**
   * Runs once; calls are served in order.
   *
   * The buffers of `inputs` are transferred: the caller must not read them afterwards. Copy what is
   * still needed before the call.
   *
   * @throws RUNTIME_FAILED, TENSOR_SHAPE_MISMATCH, TENSOR_TYPE_MISMATCH, TENSOR_UNKNOWN
   */
  run(inputs: TensorValues): Promise<RunResult>;
  release(): Promise<void>;
  /** Resolves when it can run nothing any more, although nobody released it. Left out: never. */
  readonly died?: Promise<CodedError>;
}

export interface Runtime {
  /** With its version: `onnxruntime 1.30.0`. */
  readonly name: string;
  /**
   * Loads a part exactly as it is, without optimising it again.
   *
   * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
   */
  load(model: OnnxModel, options: SessionOptions): Promise<Session>;
}
