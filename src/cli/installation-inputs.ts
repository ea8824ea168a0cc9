/**
 * What the processes of an installation read, from files of the user's: which of it goes into
 * manifests, and what has to be copied since it is too large.
 *
 * @module
 */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Bytes, bytes } from "../base/units.ts";
import { readProfile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { type CopiedFile, paths } from "../deploy/installation.ts";
import { readOnnxFiles } from "../onnx/files.node.ts";
import { mainGraph } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { tensorBytes } from "../onnx/tensor-data.ts";
import { usage } from "./command.ts";
import { readText, shownName } from "./files.ts";
import { loadModel } from "./model-argument.ts";
import { fileSha256 } from "./model-hash.ts";
import type { ModelReference } from "./models.ts";
import { loadTopologyText } from "./planning.ts";
import type { Terminal } from "./terminal.ts";

/** A file to be copied, and where it is here. */
export interface Source extends CopiedFile {
  readonly path: string;
}

export interface InstallationInputs {
  readonly topology: Topology;
  readonly texts: Readonly<Record<string, string>>;
  readonly copied: readonly Source[];
  /** Models and profiles, as `partita serve` is to be told of them in its container. */
  readonly words: readonly string[];
  readonly weightBytes: Bytes;
}

/** Of 1 MiB that Kubernetes lets a ConfigMap have, with room for its other fields. */
const mostTextBytes = 900 * 1024;

/**
 * @throws TOPOLOGY_INVALID, PROFILE_INVALID, FILE_NOT_FOUND, ONNX_MALFORMED, ONNX_UNSUPPORTED,
 * ZOO_UNKNOWN; USAGE_INVALID for files that cannot be copied
 */
export async function readInstallationInputs(
  topologyFile: string,
  models: readonly ModelReference[],
  profiles: readonly string[],
  terminal: Terminal,
): Promise<InstallationInputs> {
  refuseStreams([topologyFile, ...models.map(({ argument }) => argument), ...profiles]);
  const { text, topology } = await loadTopologyText(topologyFile, terminal);
  const read = await readProfiles(profiles, bytesOf(text), terminal);
  const found = [];
  for (const model of models) found.push(await readModel(model, terminal));
  const copied = [...found.flatMap(({ copied }) => copied), ...read.copied];
  refuseClashes(copied);
  return {
    topology,
    texts: { "topology.yaml": text, ...read.texts },
    copied: [...new Map(copied.map((source) => [source.name, source])).values()],
    words: [...found.map(({ word }) => word), ...read.words],
    weightBytes: bytes(found.reduce((sum, { weightBytes }) => sum + weightBytes, 0)),
  };
}

/** What is read once here has to be read again there. */
function refuseStreams(files: readonly string[]): void {
  if (!files.includes("-")) return;
  throw usage(
    "standard input cannot be copied to where the model is to run; write it to a file, and name that",
  );
}

/** Two different files cannot have one name in one folder. */
function refuseClashes(copied: readonly Source[]): void {
  for (const { name, sha256, path } of copied) {
    const other = copied.find((each) => each.name === name && each.sha256 !== sha256);
    if (other === undefined) continue;
    throw usage(
      `${path} and ${other.path} would both be ${paths.models}/${name}, and differ; rename one of them`,
    );
  }
}

async function readModel({ name, argument }: ModelReference, terminal: Terminal) {
  if (argument.startsWith("zoo:")) {
    const { model } = await loadModel(argument, terminal, { skeleton: true });
    return { word: `${name}=${argument}`, copied: [], weightBytes: weightBytesOf(model) };
  }
  const { model, files } = await readOnnxFiles(argument);
  const copied = await Promise.all(
    files.map((file) => sourceOf(file, join(dirname(argument), file))),
  );
  const word = `${name}=${paths.models}/${basename(argument)}`;
  return { word, copied, weightBytes: weightBytesOf(model) };
}

function weightBytesOf({ proto }: OnnxModel): number {
  return mainGraph(proto).initializer.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
}

async function sourceOf(name: string, path: string): Promise<Source> {
  const [sha256, { size }] = await Promise.all([fileSha256(path), stat(path)]);
  return { name, path, sha256, bytes: bytes(size) };
}

/** The largest ones are copied where all together are too much for a ConfigMap. */
async function readProfiles(files: readonly string[], usedBytes: number, terminal: Terminal) {
  const found = [];
  for (const [at, path] of files.entries()) {
    const text = await readText(path, terminal);
    readProfile(text, shownName(path));
    found.push({ name: `profile-${at + 1}.json`, path, text });
  }
  const bySize = found.toSorted((a, b) => bytesOf(a.text) - bytesOf(b.text));
  let left = mostTextBytes - usedBytes;
  const small = bySize.filter(({ text }) => {
    left -= bytesOf(text);
    return left >= 0;
  });
  const large = found.filter((profile) => !small.includes(profile));
  return {
    texts: Object.fromEntries(
      found.filter((each) => small.includes(each)).map(({ name, text }) => [name, text]),
    ),
    copied: await Promise.all(large.map(({ name, path }) => sourceOf(name, path))),
    words: found.map(
      (each) => `--profile=${small.includes(each) ? paths.config : paths.models}/${each.name}`,
    ),
  };
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
