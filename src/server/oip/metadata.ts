/**
 * What a server and its models say about themselves, in the fields of the protocol.
 *
 * @module
 */
import type { DeclaredTensor } from "../../runtime/signature.ts";
import type { ServedModel } from "../served-model.ts";
import { mostRows } from "./batch-axis.ts";
import { datatypeOf } from "./datatypes.ts";
import type { RequestLimits } from "./limits.ts";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export function serverMetadata(version: string): ServerMetadata {
  return {
    name: "partita",
    version,
    extensions: [
      "binary_tensor_data",
      "model_configuration",
      "model_repository",
      "parameters",
      "statistics",
    ],
  };
}

interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1: open. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** Triton's name for what reads ONNX models, by which clients know the kind of model. */
const platform = "onnxruntime_onnx";

export function modelMetadata({ name, version, inputs, outputs }: ServedModel): ModelMetadata {
  return {
    name,
    versions: [version],
    platform,
    inputs: inputs.map(tensorMetadata),
    outputs: outputs.map(tensorMetadata),
  };
}

function tensorMetadata(tensor: DeclaredTensor): TensorMetadata {
  return { name: tensor.name, datatype: writtenType(tensor), shape: sizesOf(tensor) };
}

function writtenType({ dataType }: DeclaredTensor): string {
  return datatypeOf(dataType) ?? dataType.toUpperCase();
}

function sizesOf({ shape, isRanked }: DeclaredTensor): number[] {
  return isRanked ? shape.map((size) => (typeof size === "number" ? size : -1)) : [-1];
}

interface TensorConfig {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly number[];
}

/** The part of Triton's model configuration that clients and load generators read. */
export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly version_policy: { readonly latest: { readonly num_versions: number } };
  /** Rows of one request along the first axis, which `dims` leave out; 0: `dims` are the whole shapes. */
  readonly max_batch_size: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
}

export function modelConfig(model: ServedModel, limits: RequestLimits): ModelConfig {
  const { name, inputs, outputs } = model;
  const most = mostRows(model, limits);
  const config = (tensor: DeclaredTensor) => tensorConfig(tensor, most > 0);
  return {
    name,
    platform,
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: most,
    input: inputs.map(config),
    output: outputs.map(config),
  };
}

function tensorConfig(tensor: DeclaredTensor, isBatch: boolean): TensorConfig {
  const written = writtenType(tensor);
  const kind = written === "BYTES" ? "STRING" : written;
  return {
    name: tensor.name,
    data_type: `TYPE_${kind}`,
    dims: sizesOf(tensor).slice(isBatch ? 1 : 0),
  };
}
