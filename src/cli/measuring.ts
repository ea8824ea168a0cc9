/**
 * Measuring: profiles of models on this machine, kept for the next time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { CodedError } from "../base/errors.ts";
import { codecNames } from "../codec/codec.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import {
  mergeProfiles,
  type Profile,
  type ProfileSource,
  readProfile,
  withoutCodecs,
} from "../cost/profile.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { shapesOfBatch } from "../onnx/batch.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { onnxRuntimeName } from "../runtime/onnxruntime.node.ts";
import type { PreparedGraph } from "../runtime/prepare.node.ts";
import { profileBatches } from "../runtime/profile-batches.node.ts";
import { profileCodecs, withCodecCosts } from "../runtime/profile-codecs.node.ts";
import { profileGraph } from "../runtime/profile-graph.node.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { Surroundings } from "./command.ts";
import { writeWhole } from "./files.ts";
import type { NamedModel } from "./model-argument.ts";
import { modelSha256 } from "./model-hash.ts";
import { prepareModel, savedLevel } from "./prepare.ts";
import { showProgress } from "./print/progress.ts";
import {
  batchesOf,
  loadProfile,
  type ProfilingChoices,
  refuseOthers,
  resolveLevel,
} from "./profiles.ts";
import type { Shapes } from "./shape-option.ts";
import { runStandardBenchmark } from "./standard-benchmark.ts";

/** What a kind of device is called unless told. */
export const thisMachine = "this-machine";

/** How to measure, and what the result will be known by. */
export interface Measurement {
  readonly named: NamedModel;
  /** What tells this measurement from others. */
  readonly source: Omit<ProfileSource, "graphSha256" | "measuredAt">;
  /** The name of this kind of device. */
  readonly device: string;
  /** Real values of the inputs to measure codecs with; left out: seeded noise. */
  readonly inputs?: TensorValues | undefined;
}

/** Says what would be measured, without measuring. */
export function describeMeasurement(
  named: NamedModel,
  choices: ProfilingChoices,
  device: string = thisMachine,
  inputs?: TensorValues,
): Measurement {
  const { level, threads = 1, codecs } = choices;
  const batches = batchesOf(choices);
  return {
    named,
    device,
    inputs,
    source: {
      modelSha256: modelSha256(named.model),
      level: resolveLevel(level ?? savedLevel(named.model) ?? "extended"),
      threads,
      runtime: onnxRuntimeName(),
      shapes: shapesFor(named.model, choices),
      ...(batches.length === 0 ? {} : { batches }),
      machine: describeMachine(),
      ...(codecs === false ? {} : { codecs: { names: codecNames, inputSha256: hashOf(inputs) } }),
    },
  };
}

/** Where requests are to be joined, an open first dimension is that of one. @throws ONNX_UNSUPPORTED */
function shapesFor(model: OnnxModel, choices: ProfilingChoices): Shapes {
  return batchesOf(choices).length === 0 ? choices.shape : shapesOfBatch(model, choices.shape, 1);
}

/** What a model's inputs were when it was measured: dimensions that are open in it are bound so again. */
export function shapesOf({ graph }: Profile): Shapes {
  const inputs = graph.tensors.filter(({ name }) => graph.inputs.includes(name));
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape]));
}

function hashOf(inputs: TensorValues | undefined): string | null {
  if (inputs === undefined) return null;
  const hash = createHash("sha256");
  for (const name of Object.keys(inputs).sort()) {
    const { dataType, shape, data } = inputs[name] as TensorValue;
    hash.update(JSON.stringify([name, dataType, shape])).update(data);
  }
  return hash.digest("hex");
}

function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim() ?? "unknown processor"}, ${process.arch}, ${availableParallelism()} cores`;
}

/** Whether a profile was measured exactly like this. */
export function isOf(profile: Profile, { source, device }: Measurement): boolean {
  const { source: found } = profile;
  if (found === undefined || !Object.hasOwn(profile.devices, device)) return false;
  return fingerprint(found) === fingerprint(source);
}

function fingerprint({
  modelSha256,
  level,
  threads,
  runtime,
  shapes,
  machine,
  codecs,
  batches,
}: Measurement["source"]): string {
  const sorted = Object.entries(shapes).sort(([a], [b]) => (a < b ? -1 : 1));
  const coded = codecs === undefined ? null : [codecs.names, codecs.inputSha256];
  const facts = [modelSha256, level, threads, runtime, sorted, machine, coded];
  return JSON.stringify(batches === undefined ? facts : [...facts, batches]);
}

/** The part of a measurement of single requests that is not about codecs. */
const graphShare = 0.85;

/** Optimises the graph and measures it on this machine, with a progress bar. */
export async function measure(
  measurement: Measurement,
  { terminal, signal }: Surroundings,
): Promise<{ profile: Profile; prepared: PreparedGraph }> {
  const { named, source, device, inputs } = measurement;
  const singleShare = 1 / (1 + (source.batches?.length ?? 0));
  const prepared = await prepareModel(named.model, source.level, source.shapes);
  const progress = showProgress(`profiling ${named.name}`, terminal);
  try {
    const measured = await profileGraph(prepared, {
      threads: source.threads,
      signal,
      onProgress: (done, { message }) => progress.update(done * graphShare * singleShare, message),
    });
    const costs =
      source.codecs === undefined
        ? new Map()
        : await profileCodecs(prepared, {
            inputs,
            signal,
            onProgress: (done) =>
              progress.update(
                (graphShare + done * (1 - graphShare)) * singleShare,
                "measuring codecs",
              ),
          });
    const joined =
      source.batches === undefined
        ? null
        : await profileBatches(prepared, {
            sizes: source.batches,
            ...{ shapes: source.shapes, threads: source.threads, signal },
            onProgress: (done, message) =>
              progress.update(singleShare + done * (1 - singleShare), message),
          });
    const benchmarkSeconds = await runStandardBenchmark();
    const graph = withCodecCosts({ ...prepared.graph, name: named.name }, costs);
    const profile: Profile = {
      format: "partita.profile/1",
      graph,
      devices: {
        [device]: {
          ...{ ...measured, benchmarkSeconds },
          ...(joined === null ? {} : { batches: joined.batches }),
        },
      },
      ...(joined === null ? {} : { batch: joined.batch }),
      source: {
        ...source,
        graphSha256: graphSha256(graph),
        measuredAt: new Date().toISOString(),
      },
    };
    return { profile, prepared };
  } finally {
    progress.stop();
  }
}

/**
 * The profile of a model, measured unless files are given.
 *
 * @param files of its profiles, on one kind of device each
 * @throws PROFILE_INVALID, FILE_NOT_FOUND, and what measuring throws
 */
export async function profileModel(
  named: NamedModel,
  files: readonly string[],
  call: Surroundings & { readonly options: ProfilingChoices },
): Promise<Profile> {
  if (files.length === 0) return measureOnce(describeMeasurement(named, call.options), call);
  const profiles = await Promise.all(files.map((file) => loadProfile(file, call.terminal)));
  checkModel(profiles, named);
  const merged = mergeProfiles(profiles);
  refuseOthers(merged, call.options);
  return call.options.codecs === false ? withoutCodecs(merged) : merged;
}

/** One of the model itself is enough: the others may be of its saved graph, and all are of one graph. */
function checkModel(profiles: readonly Profile[], named: NamedModel): void {
  if (savedLevel(named.model) !== null) return;
  const hash = modelSha256(named.model);
  if (profiles.some(({ source }) => source === undefined || source.modelSha256 === hash)) return;
  throw new CodedError(
    "PROFILE_INVALID",
    `no profile was measured with the model '${named.name}' (modelSha256 differs); profile it, or give the graph that was saved and profiled instead`,
  );
}

/** Measures, unless the same measurement is in the cache folder. */
export async function measureOnce(
  measurement: Measurement,
  surroundings: Surroundings,
): Promise<Profile> {
  const { terminal } = surroundings;
  const folder = join(terminal.cacheFolder, "profiles");
  const key = createHash("sha256").update(fingerprint(measurement.source)).digest("hex");
  const path = join(folder, `${key.slice(0, 32)}.profile.json`);
  const kept = await readKept(path, measurement);
  if (kept !== null) {
    if (terminal.watched) terminal.note(`using the profile of ${kept.source?.measuredAt}: ${path}`);
    return kept;
  }
  const { profile } = await measure(measurement, surroundings);
  // A cache that cannot be written costs time, not the result.
  await mkdir(folder, { recursive: true })
    .then(() => writeWhole(path, JSON.stringify(profile), terminal))
    .catch((error: Error) => terminal.note(`the profile is not kept: ${error.message}`));
  return profile;
}

/** A profile that is there and was measured like this; a broken one counts as none. */
export async function readKept(path: string, measurement: Measurement): Promise<Profile | null> {
  try {
    const profile = readProfile(await readFile(path, "utf8"), path);
    return isOf(profile, measurement) ? profile : null;
  } catch {
    return null;
  }
}
