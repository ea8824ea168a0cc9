import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { OnnxModel } from "../onnx/model.ts";
import { encodeChunks } from "../onnx/write.ts";

/** What tells models apart: message and weights, wherever the file keeps them. O(bytes). */
export function modelSha256(model: OnnxModel): string {
  const hash = createHash("sha256");
  for (const chunk of encodeChunks(model)) hash.update(chunk);
  return hash.digest("hex");
}

/** Hash of a file, without reading it into memory at once. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
