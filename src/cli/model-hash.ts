import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import type { OnnxModel } from "../onnx/model.ts";

/** What tells models apart: message and weights, wherever the file keeps them. O(bytes). */
export function modelSha256({ proto, weights }: OnnxModel): string {
  const hash = createHash("sha256").update(toBinary(ModelProtoSchema, proto));
  for (const name of [...weights.keys()].sort()) {
    hash.update(`${name}\0`).update(weights.get(name) as Uint8Array);
  }
  return hash.digest("hex");
}

/** Hash of a file, without reading it into memory at once. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
