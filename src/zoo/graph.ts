import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor-value.ts";
import { toGraph } from "../onnx/graph.ts";
import { mainGraph } from "../onnx/message.ts";
import { readType } from "../onnx/type-proto.ts";
import type { ZooOptions } from "./sketch.ts";
import { type ZooName, zoo } from "./zoo.ts";

/**
 * The graph of a network as it is drawn: unfused, with all shapes, FLOP and parameter bytes, and
 * without weights. Milliseconds, and no runtime.
 */
export function drawGraph(name: ZooName, options: ZooOptions = {}): Graph {
  const { model, shapes } = zoo[name].draw({ ...options, skeleton: true });
  const types = new Map<string, TensorType>(
    [...shapes].map(([tensor, shape]) => [tensor, { dataType: "float32", shape }]),
  );
  for (const input of mainGraph(model.proto).input) {
    const type = readType(input.type);
    const shape = (type?.shape ?? []).map(Number);
    types.set(input.name, { dataType: type?.dataType ?? "float32", shape });
  }
  return { ...toGraph(model, types), name };
}
