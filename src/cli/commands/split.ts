import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError, isCoded } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import { graphSha256 } from "../../cost/graph-hash.ts";
import type { OptimisationLevel } from "../../cost/profile.ts";
import { extractConstantOutputs } from "../../onnx/extract.ts";
import { writeOnnxFile } from "../../onnx/files.node.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { readSignature, type Signature } from "../../runtime/signature.ts";
import { argumentAt, type Command, defineCommand, flag, needed, text } from "../command.ts";
import { type Cut, cutByPlan, cutLevelOption, type StagePart } from "../cut.ts";
import { unwritable } from "../files.ts";
import {
  howToRun,
  type Manifest,
  type ManifestFile,
  type ManifestStage,
  type PortRegion,
  readManifest,
  runtimeOf,
} from "../manifest.ts";
import { loadModel, modelArgument } from "../model-argument.ts";
import { fileSha256, modelSha256 } from "../model-hash.ts";
import { loadPlan } from "../planning.ts";
import { formatTable } from "../print/table.ts";
import { shapeOption } from "../shape-option.ts";
import type { Terminal } from "../terminal.ts";

const manifestName = "manifest.json";

/** `partita split MODEL --plan P -o DIR`. */
export const split: Command = defineCommand({
  summary: "cut a model along a plan into ONNX parts that any runtime can run",
  arguments: [modelArgument],
  options: {
    plan: text("-p, --plan <file>", "the plan, made from a profile at the same level"),
    output: text("-o, --output <folder>", "where to write the parts and manifest.json"),
    level: cutLevelOption,
    shape: shapeOption,
    force: flag("--force", "write into a folder that is not empty"),
  },
  examples: [
    "partita profile model.onnx --level basic -o model.profile.json",
    "partita plan model.profile.json -t home.topology.yaml -o model.plan.json",
    "partita split model.onnx --plan model.plan.json -o parts",
  ],
  run: async (call) => {
    const { options, terminal } = call;
    const folder = needed(options.output, "-o FOLDER", "where to write the parts");
    const planFile = needed(options.plan, "--plan FILE", "where to cut");
    const plan = await loadPlan(planFile, terminal);
    await checkFolder(folder, options.force);
    const { name, model } = await loadModel(argumentAt(call, 0), terminal);
    const { level = "basic" } = options;
    const cut = await cutByPlan(model, plan, level, options.shape);
    const manifest = await writeFolder(folder, async (temporary) => {
      const written = await writeParts(temporary, cut);
      return describeAll({ name, model, level }, cut, written);
    });
    report(folder, manifest, terminal);
    return 0;
  },
});

/** @throws FILE_EXISTS if there is something in the folder */
async function checkFolder(folder: string, force: boolean): Promise<void> {
  const status = await stat(folder).catch(() => null);
  if (status === null) return;
  if (!status.isDirectory()) throw exists(`${folder} is a file; name a folder`, folder);
  const names = await readdir(folder);
  if (names.length === 0 || force) return;
  throw exists(
    `${folder} is not empty (${names.length} entries); name a new folder, or write into this one with --force`,
    folder,
  );
}

function exists(message: string, path: string): CodedError {
  return new CodedError("FILE_EXISTS", message, { path });
}

/**
 * Fills a temporary folder beside the wanted one, and moves its files when all are complete.
 *
 * @throws FILE_WRITE_FAILED, with nothing left behind
 */
async function writeFolder(
  folder: string,
  fill: (temporary: string) => Promise<Manifest>,
): Promise<Manifest> {
  const temporary = `${folder.replace(/\/+$/, "")}.${process.pid}.part`;
  try {
    await mkdir(temporary, { recursive: true });
    const manifest = await fill(temporary);
    const text = `${JSON.stringify(manifest, null, 2)}\n`;
    await writeFile(join(temporary, manifestName), text, { flush: true });
    await moveFiles(temporary, folder);
    return manifest;
  } catch (error) {
    throw unwritable(folder, writeCauseOf(error));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Below the message that names the temporary file. */
function writeCauseOf(error: unknown): unknown {
  const isWrite = isCoded(error) && error.code === "FILE_WRITE_FAILED";
  return isWrite ? (error.cause ?? error) : error;
}

/** Moves everything, the manifest last, and removes what an older manifest names. */
async function moveFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = await readdir(from);
  const manifest = join(to, manifestName);
  const before = await readFile(manifest, "utf8").catch(() => null);
  if (before !== null) {
    await rm(manifest);
    const { stages, constantOutputs = [] } = readManifest(before, manifest);
    const old = [...stages.flatMap(({ files }) => files), ...constantOutputs];
    // Only plain names: a manifest from elsewhere must not make us delete other folders' files.
    const stale = old.filter(({ file }) => !/[\\/]/.test(file) && !names.includes(file));
    for (const { file } of stale) await rm(join(to, file), { force: true });
  }
  const inOrder = [...names.filter((name) => name !== manifestName), manifestName];
  for (const name of inOrder) await rename(join(from, name), join(to, name));
}

interface WrittenParts {
  readonly stages: readonly (readonly ManifestFile[])[];
  readonly constantOutputs: readonly ManifestFile[];
}

async function writeParts(folder: string, { prepared, parts }: Cut): Promise<WrittenParts> {
  const stages: ManifestFile[][] = [];
  for (const [position, { model }] of parts.entries()) {
    // Not the stage's id: a plan from elsewhere must not choose where files go.
    stages.push(await writePart(folder, `s${position}.onnx`, model));
  }
  const constants = extractConstantOutputs(prepared.model, prepared.openTypes);
  const constantOutputs =
    constants === null ? [] : await writePart(folder, "constants.onnx", constants);
  return { stages, constantOutputs };
}

async function writePart(folder: string, name: string, model: OnnxModel): Promise<ManifestFile[]> {
  await writeOnnxFile(join(folder, name), model);
  const files: ManifestFile[] = [];
  for (const file of [name, `${name}.data`]) {
    const path = join(folder, file);
    const status = await stat(path).catch(() => null);
    if (status === null) continue;
    files.push({ file, sha256: await fileSha256(path), bytes: status.size });
  }
  return files;
}

function describeAll(
  {
    name,
    model,
    level,
  }: { readonly name: string; readonly model: OnnxModel; readonly level: OptimisationLevel },
  { prepared, parts }: Cut,
  written: WrittenParts,
): Manifest {
  const { graph } = prepared;
  const imports = parts.flatMap((part) => part.model.proto.opsetImport);
  const signatures = parts.map(({ id, model, tile }) => ({
    id,
    tile,
    signature: readSignature(model),
  }));
  return {
    format: "partita.parts/1",
    model: name,
    modelSha256: modelSha256(model),
    graphSha256: graphSha256(graph),
    level,
    opsets: Object.fromEntries(
      imports.map(({ domain, version }) => [domain || "ai.onnx", Number(version)]),
    ),
    runtime: runtimeOf(level),
    howToRun,
    inputs: graph.inputs,
    outputs: graph.outputs,
    stages: parts.map(({ id, device, nodes }, position) => ({
      id,
      device,
      nodeCount: nodes.length,
      files: written.stages[position] ?? [],
      ...describePorts(position, signatures, graph.outputs),
    })),
    ...(written.constantOutputs.length === 0 ? {} : { constantOutputs: written.constantOutputs }),
  };
}

/** A stage's ports, with where each comes from and goes to. */
function describePorts(
  position: number,
  stages: readonly (Pick<StagePart, "id" | "tile"> & { readonly signature: Signature })[],
  graphOutputs: readonly string[],
): Pick<ManifestStage, "inputs" | "outputs"> {
  const makersOf = (tensor: string): string | string[] => {
    const makers = stages
      .filter(({ signature }) => signature.outputs.some(({ name }) => name === tensor))
      .map(({ id }) => id);
    return makers.length < 2 ? (makers[0] ?? "input") : makers;
  };
  const readersOf = (tensor: string): string[] =>
    stages
      .filter(({ signature }) => signature.inputs.some(({ name }) => name === tensor))
      .map(({ id }) => id);
  const { inputs = [], outputs = [] } = stages[position]?.signature ?? {};
  const regionOf = (side: "inputs" | "outputs", tensor: string): { region?: PortRegion } => {
    const region = stages[position]?.tile?.[side].get(tensor);
    return region === undefined ? {} : { region: region.map(({ from, to }) => [from, to]) };
  };
  return {
    inputs: inputs.map(({ name, dataType, shape }) => ({
      name,
      dataType,
      shape,
      ...regionOf("inputs", name),
      from: makersOf(name),
    })),
    outputs: outputs.map(({ name, dataType, shape }) => ({
      name,
      dataType,
      shape,
      ...regionOf("outputs", name),
      to: [...readersOf(name), ...(graphOutputs.includes(name) ? ["output"] : [])],
    })),
  };
}

function report(folder: string, manifest: Manifest, terminal: Terminal): void {
  if (terminal.json) {
    terminal.document(manifest);
    return;
  }
  const ports = (names: readonly { readonly name: string }[]): string =>
    names.map(({ name }) => name).join(", ");
  const rows = manifest.stages.map(({ device, nodeCount, files, inputs, outputs }) => [
    files.map(({ file }) => file).join(", "),
    device,
    nodeCount,
    formatQuantity(
      files.reduce((sum, { bytes }) => sum + bytes, 0),
      "B",
    ),
    `${ports(inputs)} → ${ports(outputs)}`,
  ]);
  const columns = [
    { head: "part" },
    { head: "device" },
    { head: "nodes", align: "right" },
    { head: "size", align: "right" },
    { head: "tensors" },
  ] as const;
  terminal.line(formatTable(columns, rows, terminal));
  const count = manifest.stages.length === 1 ? "1 part" : `${manifest.stages.length} parts`;
  terminal.line(`\nwrote ${count} and ${join(folder, manifestName)}`);
  terminal.line(`runs on ${manifest.runtime}`);
}
