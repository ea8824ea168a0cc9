/**
 * What ONNX Runtime tells about the tensors of a model: declared without a run, or measured by one.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { ValueInfoProtoSchema } from "onnx-buf";
import type { TensorType } from "../graph/tensor-value.ts";
import { mainGraph, withGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { ValueMetadata } from "../onnx/shapes.ts";
import { toLoadable } from "./loadable.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { SessionClient } from "./session-client.node.ts";
import { readSignature } from "./signature.ts";

/**
 * Loads a model without optimising it and tells the types of its outputs.
 *
 * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
 */
export async function readMetadata(model: Uint8Array): Promise<readonly ValueMetadata[]> {
  const client = await SessionClient.start({
    skeleton: new Uint8Array(model),
    weights: [],
    threads: 1,
    level: "disabled",
  });
  await client.release();
  return client.outputs.map(({ name, dataType, shape }) => ({
    name,
    dataType: dataType ?? "undefined",
    shape,
  }));
}

/**
 * Runs a model once on seeded pseudo-random inputs and tells the types that some of its tensors had.
 *
 * @param model with all input dimensions bound
 * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
 */
export async function measureTypes(
  model: OnnxModel,
  tensors: readonly string[],
): Promise<ReadonlyMap<string, TensorType>> {
  const listed = new Set(mainGraph(model.proto).output.map(({ name }) => name));
  const added = tensors.filter((name) => !listed.has(name));
  const output = [
    ...mainGraph(model.proto).output,
    ...added.map((name) => create(ValueInfoProtoSchema, { name })),
  ];
  const watched = { proto: withGraph(model.proto, { output }), weights: model.weights };
  const client = await SessionClient.start({
    ...toLoadable(watched),
    threads: 1,
    level: "disabled",
  });
  try {
    const { outputs } = await client.run(sampleInputs(readSignature(model).inputs));
    const wanted = new Set(tensors);
    return new Map(
      Object.entries(outputs)
        .filter(([name]) => wanted.has(name))
        .map(([name, { dataType, shape }]) => [name, { dataType, shape }]),
    );
  } finally {
    await client.release();
  }
}
