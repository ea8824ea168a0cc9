import { create } from "@bufbuild/protobuf";
import { ValueInfoProtoSchema } from "onnx-buf";
import { mainGraph, withGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { toLoadable } from "./loadable.ts";
import type { TensorValues } from "./runtime.ts";
import { SessionClient } from "./session-client.node.ts";

/**
 * Runs a model once, as it is, and tells the values that some of its tensors had.
 *
 * @param tensors of the main graph; all of their values are in memory at once
 * @param inputs left to the caller
 * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
 */
export async function observeTensors(
  model: OnnxModel,
  tensors: readonly string[],
  inputs: TensorValues,
): Promise<TensorValues> {
  const listed = mainGraph(model.proto).output;
  const names = new Set(listed.map(({ name }) => name));
  const added = tensors.filter((name) => !names.has(name));
  const output = [...listed, ...added.map((name) => create(ValueInfoProtoSchema, { name }))];
  const watched = { proto: withGraph(model.proto, { output }), weights: model.weights };
  const client = await SessionClient.start({
    ...toLoadable(watched),
    threads: 1,
    level: "disabled",
  });
  try {
    const copies = Object.entries(inputs).map(([name, value]) => [
      name,
      { ...value, data: new Uint8Array(value.data) },
    ]);
    const { outputs } = await client.run(Object.fromEntries(copies));
    const wanted = new Set(tensors);
    return Object.fromEntries(Object.entries(outputs).filter(([name]) => wanted.has(name)));
  } finally {
    await client.release();
  }
}
