import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { OptimisationLevel } from "../cost/profile.ts";
import { readOnnxFile } from "../onnx/files.node.ts";
import { mainGraph, withFields, withGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { nameNodes } from "../onnx/names.ts";
import { canonicalOrder } from "./canonical-order.ts";
import { toLoadable } from "./loadable.ts";
import { SessionClient } from "./session-client.node.ts";
import { makeTemporaryFolder } from "./temporary-folder.node.ts";

/**
 * Optimises a whole model once with ONNX Runtime, in a thread of its own, and names the nodes that
 * the optimiser added. Equal models give equal results, byte for byte. `basic` keeps to standard
 * operators; `extended` adds portable fused ones; `all` adds layouts of this processor.
 *
 * @throws ONNX_MALFORMED, ONNX_UNSUPPORTED, RUNTIME_FAILED; FILE_WRITE_FAILED if the temporary folder
 * has no room for a copy of the model
 */
export async function optimiseModel(
  model: OnnxModel,
  level: OptimisationLevel,
): Promise<OnnxModel> {
  const folder = await makeTemporaryFolder("optimise");
  try {
    const optimisedPath = join(folder, "optimised.onnx");
    const named = nameNodes(model);
    const request = { ...toLoadable(named), threads: 1, level, optimisedPath } as const;
    const client = await SessionClient.start(request);
    await client.release();
    return canonical(await readOnnxFile(optimisedPath), named);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * At level `all` the optimiser walks a map of addresses: the numbers in the names of the nodes that
 * it inserts and the order of all nodes differ from run to run. Wiring and tensors' names do not, so
 * that both are made anew from those.
 */
function canonical(optimised: OnnxModel, original: OnnxModel): OnnxModel {
  const known = new Set(mainGraph(original.proto).node.map(({ name }) => name));
  const node = canonicalOrder(mainGraph(optimised.proto)).map((inserted) =>
    known.has(inserted.name) ? inserted : withFields(inserted, { name: "" }),
  );
  return nameNodes({ proto: withGraph(optimised.proto, { node }), weights: optimised.weights });
}
