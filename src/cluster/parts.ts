import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { memoryBytes } from "../cost/memory.ts";
import { type Graph, type GraphIndex, indexGraph } from "../graph/graph.ts";
import { shareOfTensor } from "../graph/tile.ts";
import { extractPart } from "../onnx/extract.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { extractTile } from "../onnx/tile.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import type { Plan } from "../plan/plan.ts";
import { type StageWork, worksOf } from "../plan/stage-works.ts";
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
   * The parts of a plan's stages and tiles by device; a relay has none. O(model · tiles).
   *
   * @throws PLAN_INVALID, TENSOR_UNKNOWN if the plan is of another model; ONNX_UNSUPPORTED if a node
   * cannot be cut into tiles
   */
  cut(plan: Plan): ReadonlyMap<string, readonly OfferedPart[]> {
    const threads = plan.threads ?? 1;
    const offers = new Map<string, OfferedPart[]>();
    const works = plan.stages.flatMap((stage) => worksOf(this.#index, stage));
    for (const work of works) {
      const part = this.#extract(work);
      const turns = works.filter((other) => isInTurn(work, other));
      const offer = {
        stage: work.id,
        skeleton: this.#keep(toBinary(ModelProtoSchema, part.proto)),
        weights: [...part.weights].map(([name, bytes]) => this.#keepWeight(name, bytes)),
        threads,
        memoryBytes: this.#memoryOf(work, turns, plan.batch?.most ?? 1),
        ...(works.some((other) => other.device === work.device && isShort(other, works))
          ? { thrifty: true }
          : {}),
      };
      offers.set(work.device, [...(offers.get(work.device) ?? []), offer]);
    }
    return offers;
  }

  #extract({ nodes, outputs }: StageWork): OnnxModel {
    const { graph } = this.#index;
    const names = nodes.map((node) => graph.nodes[node]?.name ?? "");
    if (outputs === null) return extractPart(this.#model, names, this.#types);
    const regions = [...outputs].map(
      ([tensor, region]) => [graph.tensors[tensor]?.name ?? "", region] as const,
    );
    return extractTile(this.#model, graph, names, new Map(regions)).part;
  }

  /** A device holds the tensors of one of its tiles of a stage at a time: they count for the first. */
  #memoryOf(work: StageWork, turns: readonly StageWork[], requests: number): number {
    if (turns[0] === work) return Math.max(...turns.map((tile) => this.#tileBytes(tile, requests)));
    const { nodes } = this.#index.graph;
    return work.nodes.reduce((sum, node) => sum + (nodes[node]?.parameterBytes ?? 0), 0);
  }

  /** Of a tile only what it has of each tensor; of joined requests what all of them have. */
  #tileBytes({ nodes, tile }: StageWork, requests: number): number {
    const wholeOf = (tensor: number): number =>
      (this.#index.graph.tensors[tensor]?.bytes ?? 0) * requests;
    if (tile === null) return memoryBytes(this.#index, nodes, 0, wholeOf);
    const bytesOf = (tensor: number): number => {
      const bytes = wholeOf(tensor);
      const region = tile.tensors.get(tensor);
      return region === undefined ? bytes : bytes * shareOfTensor(this.#index, tensor, region);
    };
    return Math.ceil(memoryBytes(this.#index, nodes, 0, bytesOf));
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

/** Whether a device runs tiles one after the other, as only one does that is short of memory. */
function isShort(work: StageWork, works: readonly StageWork[]): boolean {
  return works.some((other) => other !== work && isInTurn(work, other));
}

/** Whether both are tiles of one stage on one device. */
function isInTurn(one: StageWork, other: StageWork): boolean {
  return one.nodes === other.nodes && one.device === other.device;
}
