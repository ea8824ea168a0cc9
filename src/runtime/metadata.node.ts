/**
 * What ONNX Runtime tells about the tensors of a model: declared without a run, or measured by one.
 *
 * @module
 */
import type { TensorType } from "../graph/tensor-value.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { ValueMetadata } from "../onnx/shapes.ts";
import { observeTensors } from "./observe.node.ts";
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
  const values = await observeTensors(model, tensors, sampleInputs(readSignature(model).inputs));
  return new Map(
    Object.entries(values).map(([name, { dataType, shape }]) => [name, { dataType, shape }]),
  );
}
