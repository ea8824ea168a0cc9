/**
 * What a server and its models say about themselves, in the fields of the protocol.
 *
 * @module
 */
import type { DeclaredTensor } from "../../runtime/signature.ts";
import type { ServedModel } from "../served-model.ts";
import { datatypeOf } from "./datatypes.ts";

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
  /** 0: shapes are the whole ones, with the axis of the batch if there is one. */
  readonly max_batch_size: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
}

export function modelConfig({ name, inputs, outputs }: ServedModel): ModelConfig {
  return {
    name,
    platform,
    backend: "onnxruntime",
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: 0,
    input: inputs.map(tensorConfig),
    output: outputs.map(tensorConfig),
  };
}

function tensorConfig(tensor: DeclaredTensor): TensorConfig {
  const written = writtenType(tensor);
  const kind = written === "BYTES" ? "STRING" : written;
  return { name: tensor.name, data_type: `TYPE_${kind}`, dims: sizesOf(tensor) };
}
