import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { memoryBytes } from "../cost/memory.ts";
import { type Graph, type GraphIndex, indexGraph } from "../graph/graph.ts";
import { extractPart } from "../onnx/extract.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import type { Plan } from "../plan/plan.ts";
import type { BlobReference, OfferedPart } from "./control-message.ts";
import { sha256Hex } from "./secret.ts";

/**
 * Cuts one model into the parts of any number of plans. Each weight is hashed once, however many
 * parts and plans have it.
 */
export class PartCutter {
  readonly #model: OnnxModel;
  readonly #types: ReadonlyMap<string, OpenType>;
  readonly #index: GraphIndex;
  /** Skeletons and weights by their SHA-256; weights are the model's own views. */
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #weights = new Map<string, BlobReference>();

  /** @param types of all tensors that may cross from part to part */
  constructor(model: OnnxModel, types: ReadonlyMap<string, OpenType>, graph: Graph) {
    this.#model = model;
    this.#types = types;
    this.#index = indexGraph(graph);
  }

  /** What an offer referred to. */
  blob(sha256: string): Uint8Array | undefined {
    return this.#blobs.get(sha256);
  }

  /**
   * The parts of a plan's stages by device; a relay has none. O(model).
   *
   * @throws TENSOR_UNKNOWN if the plan is of another model
   */
  cut(plan: Plan): ReadonlyMap<string, readonly OfferedPart[]> {
    const threads = plan.threads ?? 1;
    const offers = new Map<string, OfferedPart[]>();
    for (const { id, devices, nodes } of plan.stages) {
      const part = extractPart(this.#model, nodes, this.#types);
      const positions = nodes.map((name) => this.#index.nodeByName.get(name) as number);
      const offer = {
        stage: id,
        skeleton: this.#keep(toBinary(ModelProtoSchema, part.proto)),
        weights: [...part.weights].map(([name, bytes]) => this.#keepWeight(name, bytes)),
        threads,
        memoryBytes: memoryBytes(this.#index, positions.sort(ascending), 0),
      };
      for (const device of devices) offers.set(device, [...(offers.get(device) ?? []), offer]);
    }
    return offers;
  }

  #keep(bytes: Uint8Array): BlobReference {
    const sha256 = sha256Hex(bytes);
    this.#blobs.set(sha256, bytes);
    return { sha256, bytes: bytes.byteLength };
  }

  #keepWeight(name: string, bytes: Uint8Array): OfferedPart["weights"][number] {
    const reference = this.#weights.get(name) ?? this.#keep(bytes);
    this.#weights.set(name, reference);
    return { name, ...reference };
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
