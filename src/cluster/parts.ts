import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { memoryBytes } from "../cost/memory.ts";
import { type Graph, indexGraph } from "../graph/graph.ts";
import { extractPart } from "../onnx/extract.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import type { Plan } from "../plan/plan.ts";
import type { OfferedPart } from "./message.ts";
import { sha256Hex } from "./secret.ts";

/** The parts of a plan, ready to travel. */
export interface CutParts {
  /** By device; a relay has none. */
  readonly offers: ReadonlyMap<string, readonly OfferedPart[]>;
  /** Skeletons and weights by their SHA-256; weights are the model's own views. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

/**
 * Cuts a model into the parts of a plan's stages. Each weight is hashed once, however many parts
 * have it. O(model).
 *
 * @param types of all tensors that may cross from part to part
 * @param threads for every session
 * @throws TENSOR_UNKNOWN if the plan is of another model
 */
export function cutParts(
  model: OnnxModel,
  types: ReadonlyMap<string, OpenType>,
  plan: Plan,
  graph: Graph,
  threads: number,
): CutParts {
  const index = indexGraph(graph);
  const blobs = new Map<string, Uint8Array>();
  const keep = (bytes: Uint8Array) => {
    const sha256 = sha256Hex(bytes);
    blobs.set(sha256, bytes);
    return { sha256, bytes: bytes.byteLength };
  };
  const known = new Map<string, ReturnType<typeof keep>>();
  const keepWeight = (name: string, bytes: Uint8Array) => {
    const reference = known.get(name) ?? keep(bytes);
    known.set(name, reference);
    return { name, ...reference };
  };
  const offers = new Map<string, OfferedPart[]>();
  for (const { id, devices, nodes } of plan.stages) {
    const part = extractPart(model, nodes, types);
    const positions = nodes.map((name) => index.nodeByName.get(name) as number);
    const offer = {
      stage: id,
      skeleton: keep(toBinary(ModelProtoSchema, part.proto)),
      weights: [...part.weights].map(([name, bytes]) => keepWeight(name, bytes)),
      threads,
      memoryBytes: memoryBytes(index, positions.sort(ascending), 0),
    };
    for (const device of devices) offers.set(device, [...(offers.get(device) ?? []), offer]);
  }
  return { offers, blobs };
}

function ascending(a: number, b: number): number {
  return a - b;
}
