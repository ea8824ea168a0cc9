import { fromBinary } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ModelProtoSchema } from "onnx-buf";
import { CodedError, messageOf } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import type { Blob, BlobReference, OfferedPart } from "./message.ts";
import { malformed } from "./protocol.ts";

/** Skeletons and weights by their SHA-256. */
export type BlobStore = Map<string, Uint8Array<ArrayBuffer>>;

export interface PartLoaderOptions {
  readonly device: string;
  /** `null`: not limited. */
  readonly memoryBytes: number | null;
  readonly runtime: Runtime;
  readonly blobs: BlobStore;
}

interface Arriving {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hash: ReturnType<typeof sha256.create>;
  received: number;
}

/** Brings the parts of one offer into sessions: asks for what is missing, checks it, loads it. */
export class PartLoader {
  readonly #parts: readonly OfferedPart[];
  readonly #options: PartLoaderOptions;
  readonly #missing = new Map<string, BlobReference>();
  readonly #arriving = new Map<string, Arriving>();

  /** @throws PART_REFUSED, with the numbers, if the parts do not fit into the device's memory */
  constructor(parts: readonly OfferedPart[], options: PartLoaderOptions) {
    this.#parts = parts;
    this.#options = options;
    checkMemory(parts, options);
    for (const reference of parts.flatMap(({ skeleton, weights }) => [skeleton, ...weights])) {
      if (options.blobs.has(reference.sha256)) continue;
      this.#missing.set(reference.sha256, { sha256: reference.sha256, bytes: reference.bytes });
    }
  }

  /** The blobs that the device has not got, each once. */
  get missing(): readonly string[] {
    return [...this.#missing.keys()];
  }

  /**
   * Takes the next piece of a blob.
   *
   * @throws PART_REFUSED if a whole blob is not what it is named after; FRAME_MALFORMED if nobody
   * asked for it or a piece is out of order
   */
  accept({ sha256: name, offset }: Blob, piece: Uint8Array): void {
    const reference = this.#missing.get(name);
    if (reference === undefined) throw malformed(`blob ${name}`, "nobody asked for it");
    const arriving = this.#arriving.get(name) ?? {
      bytes: new Uint8Array(reference.bytes),
      hash: sha256.create(),
      received: 0,
    };
    this.#arriving.set(name, arriving);
    if (offset !== arriving.received || offset + piece.length > reference.bytes) {
      throw malformed(
        `blob ${name}`,
        `a piece of ${piece.length} bytes at ${offset} came, of ${reference.bytes} bytes ${arriving.received} were there`,
      );
    }
    arriving.bytes.set(piece, offset);
    arriving.hash.update(piece);
    arriving.received += piece.length;
    if (arriving.received === reference.bytes) this.#keep(name, arriving);
  }

  /**
   * Loads each part into a session of its own, one after the other, since each takes the most
   * memory while it loads.
   *
   * @returns sessions by stage
   * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED
   */
  async load(): Promise<Map<string, Session>> {
    const sessions = new Map<string, Session>();
    try {
      for (const part of this.#parts) {
        const { runtime } = this.#options;
        sessions.set(part.stage, await runtime.load(this.#model(part), { threads: part.threads }));
      }
      return sessions;
    } catch (error) {
      await releaseAll(sessions);
      throw error;
    }
  }

  #keep(name: string, { bytes, hash }: Arriving): void {
    const found = bytesToHex(hash.digest());
    if (found !== name) {
      throw new CodedError(
        "PART_REFUSED",
        `device '${this.#options.device}' got ${bytes.length} bytes with SHA-256 ${found} where ${name} was announced; they were changed on the way`,
        { device: this.#options.device, expected: name, found },
      );
    }
    this.#missing.delete(name);
    this.#arriving.delete(name);
    this.#options.blobs.set(name, bytes);
  }

  #model({ stage, skeleton, weights }: OfferedPart): OnnxModel {
    const { blobs } = this.#options;
    const get = ({ sha256: name }: BlobReference): Uint8Array => {
      const bytes = blobs.get(name);
      if (bytes === undefined) throw new Error(`blob ${name} of stage '${stage}' is missing`);
      return bytes;
    };
    return {
      proto: decodeSkeleton(get(skeleton), stage),
      weights: new Map(weights.map((weight) => [weight.name, get(weight)])),
    };
  }
}

export async function releaseAll(sessions: ReadonlyMap<string, Session>): Promise<void> {
  await Promise.allSettled([...sessions.values()].map((session) => session.release()));
}

function decodeSkeleton(bytes: Uint8Array, stage: string): OnnxModel["proto"] {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new CodedError(
      "ONNX_MALFORMED",
      `the skeleton of stage '${stage}' cannot be read: ${messageOf(cause)}`,
      { stage },
      cause,
    );
  }
}

function checkMemory(parts: readonly OfferedPart[], options: PartLoaderOptions): void {
  const { device, memoryBytes } = options;
  const needs = parts.map(({ memoryBytes: planned, weights }) =>
    Math.max(
      planned,
      weights.reduce((sum, { bytes }) => sum + bytes, 0),
    ),
  );
  const needed = needs.reduce((sum, bytes) => sum + bytes, 0);
  if (memoryBytes === null || needed <= memoryBytes) return;
  const names = parts.map(({ stage }) => stage).join(", ");
  throw new CodedError(
    "PART_REFUSED",
    `part${parts.length === 1 ? "" : "s"} ${names} need${parts.length === 1 ? "s" : ""} ${formatQuantity(needed, "B", 4)}, agent '${device}' may use ${formatQuantity(memoryBytes, "B", 4)}; plan with this memory in the topology`,
    { device, neededBytes: needed, memoryBytes },
  );
}
