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
 * lies beside a model's file, so that they are linked there for as long as the session is made. Where
 * that cannot be, for the disk has no hard links, is full or may only be read, they are read.
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
  const folder = await makeTemporaryFolder("load", dirname(first.path)).catch(() => null);
  if (folder === null) return start(await read(model, files));
  try {
    return await start((await linked(model, files, folder)) ?? (await read(model, files)));
  } finally {
    // What is mapped stays, without a name; where a disk keeps the name as long as that (Windows, NFS),
    // the folder goes when this process has ended.
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** `null`: this disk does not take the links, or the model. */
async function linked(
  model: OnnxModel,
  files: ReadonlyMap<string, WeightFile>,
  folder: string,
): Promise<Loadable | null> {
  const names = new Map([...files.keys()].map((name, position) => [name, `w${position}`]));
  const location = (name: string): string => names.get(name) ?? name;
  const { skeleton } = encodeSkeleton(model, location, (name) => files.get(name)?.bytes);
  const path = join(folder, "model.onnx");
  try {
    for (const [name, file] of files) await link(file.path, join(folder, location(name)));
    await writeFile(path, skeleton);
  } catch (error) {
    if (systemCode(error) !== undefined) return null;
    throw error;
  }
  return { skeleton: path, weights: [] };
}

async function read(model: OnnxModel, files: ReadonlyMap<string, WeightFile>): Promise<Loadable> {
  const weights = new Map(model.weights);
  for (const [name, { path }] of files) weights.set(name, await readFile(path));
  return toLoadable({ ...model, weights });
}
