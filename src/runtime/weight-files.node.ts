import { link, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../base/file-failure.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { encodeSkeleton } from "../onnx/write.ts";
import { toLoadable } from "./loadable.ts";
import type { WeightFile } from "./runtime.ts";
import type { LoadRequest } from "./session-protocol.ts";
import { makeTemporaryFolder } from "./temporary-folder.node.ts";

type Loadable = Pick<LoadRequest, "skeleton" | "weights">;

/**
 * Loads a model whose weights stand in files of their own without reading them: the runtime maps what
 * lies beside a model's file, so that they are linked there for as long as the session is made. On disks
 * without hard links they are read.
 *
 * @param files weights by name, all on one disk
 */
export async function withLoadable<T>(
  model: OnnxModel,
  files: ReadonlyMap<string, WeightFile>,
  start: (loadable: Loadable) => Promise<T>,
): Promise<T> {
  const [first] = files.values();
  if (first === undefined) return start(toLoadable(model));
  const folder = await makeTemporaryFolder("load", dirname(first.path));
  try {
    return await start((await linked(model, files, folder)) ?? (await read(model, files)));
  } finally {
    // What is mapped stays, without a name.
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** `null`: this disk has no hard links. */
async function linked(
  model: OnnxModel,
  files: ReadonlyMap<string, WeightFile>,
  folder: string,
): Promise<Loadable | null> {
  const names = new Map([...files.keys()].map((name, position) => [name, `w${position}`]));
  const location = (name: string): string => names.get(name) ?? name;
  const { skeleton } = encodeSkeleton(model, location, (name) => files.get(name)?.bytes);
  try {
    for (const [name, { path }] of files) await link(path, join(folder, location(name)));
  } catch (error) {
    if (systemCode(error) !== undefined) return null;
    throw error;
  }
  const path = join(folder, "model.onnx");
  await writeFile(path, skeleton);
  return { skeleton: path, weights: [] };
}

async function read(model: OnnxModel, files: ReadonlyMap<string, WeightFile>): Promise<Loadable> {
  const weights = new Map(model.weights);
  for (const [name, { path }] of files) weights.set(name, await readFile(path));
  return toLoadable({ ...model, weights });
}
