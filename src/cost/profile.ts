/**
 * What each node of a graph costs on each kind of device. Together with a topology it is all that a
 * planner needs: no ONNX file, no machine.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../base/errors.ts";
import type { Bytes, Seconds, SecondsPerByte } from "../base/units.ts";
import { type Graph, type GraphIndex, indexGraph, type Tensor } from "../graph/graph.ts";
import { fitsWindow, type Window } from "../graph/window.ts";
import { parseDocument } from "./document.ts";
import { graphSha256 } from "./graph-hash.ts";

/** What one kind of device needs for a graph, at speed 1. */
export interface DeviceProfile {
  /** `nodeSeconds[i]` belongs to `graph.nodes[i]`; `null`: this kind of device cannot run it. */
  readonly nodeSeconds: readonly (Seconds | null)[];
  /** Charged for each tensor that the device receives. */
  readonly overheadSeconds: Seconds;
  /** Charged for each byte that the device sends or receives. */
  readonly boundarySecondsPerByte: SecondsPerByte;
  /** Memory that the runtime takes on a device that runs a node at all, beyond parameters and tensors. */
  readonly overheadBytes: Bytes;
  /**
   * What the standard benchmark took on the machine that was measured: divided by what it takes on
   * another one it is that one's speed. Left out: it was not run.
   */
  readonly benchmarkSeconds?: Seconds;
  /** The same of several requests that go as one, ascending; left out: it was not measured. */
  readonly batches?: readonly BatchCost[];
}

/** What one kind of device needs for so many requests together, at speed 1. */
export interface BatchCost
  extends Pick<
    DeviceProfile,
    "nodeSeconds" | "overheadSeconds" | "boundarySecondsPerByte" | "overheadBytes"
  > {
  /** At least 2. */
  readonly requests: number;
}

/** What was found out about requests that go through a graph as one, behind one another on an axis. */
export interface ProfiledBatch {
  /** `axes[i]` belongs to `graph.tensors[i]`: the axis that grows; `null`: it is the same for any number. */
  readonly axes: readonly (number | null)[];
  /**
   * The most by which a row of an answer differed from that of the same request alone, relative to the
   * largest magnitude of the answer.
   */
  readonly difference: number;
}

/** Where a profile comes from; a plan made from it is only good for the same graph. */
export interface ProfileSource {
  readonly modelSha256: string;
  readonly graphSha256: string;
  readonly level: OptimisationLevel;
  readonly threads: number;
  readonly runtime: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Numbers of requests as one that were measured beside one; left out: none. */
  readonly batches?: readonly number[];
  readonly machine: string;
  /** Left out: codecs were not measured. */
  readonly codecs?: MeasuredCodecs;
  /** ISO 8601. */
  readonly measuredAt: string;
}

/** Which codecs were tried on what; the tensors name those that may pay. */
export interface MeasuredCodecs {
  readonly names: readonly string[];
  /** Of the real input that tensors were taken from; `null`: it was seeded noise. */
  readonly inputSha256: string | null;
}

/** How far the whole graph was optimised before it was measured and cut. */
export type OptimisationLevel = (typeof optimisationLevels)[number];

export const optimisationLevels = ["basic", "extended", "all"] as const;

export interface Profile {
  readonly format: "partita.profile/1";
  /** Of one request. */
  readonly graph: Graph;
  readonly devices: Readonly<Record<string, DeviceProfile>>;
  /** Left out: only single requests were measured. */
  readonly batch?: ProfiledBatch;
  readonly source?: ProfileSource;
}

const amount = z.number().nonnegative();
const quantity = <T>(): z.ZodType<T> => amount as unknown as z.ZodType<T>;

const tensorSchema = z.strictObject({
  name: z.string(),
  dataType: z.string(),
  shape: z.array(z.int().nonnegative()),
  bytes: quantity<Bytes>(),
  codecs: z
    .record(
      z.string(),
      z.strictObject({
        ratio: z.number().positive(),
        encodeSecondsPerByte: amount,
        decodeSecondsPerByte: amount,
      }),
    )
    .exactOptional(),
});

/** Height and width. */
const sizes = z.array(z.int().positive()).length(2);
const pads = z.array(z.int()).length(2);

const nodeSchema = z.strictObject({
  name: z.string(),
  operator: z.string(),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  flop: quantity<Graph["nodes"][number]["flop"]>().nullable(),
  parameterBytes: quantity<Bytes>(),
  colocation: z.string().exactOptional(),
  window: z
    .strictObject({
      kernel: sizes,
      stride: sizes,
      dilation: sizes,
      padBegin: pads,
      padEnd: pads,
      scale: sizes.exactOptional(),
    })
    .exactOptional(),
});

const cost = {
  nodeSeconds: z.array(quantity<Seconds>().nullable()),
  overheadSeconds: quantity<Seconds>(),
  boundarySecondsPerByte: quantity<SecondsPerByte>(),
  overheadBytes: amount.default(0) as unknown as z.ZodType<Bytes>,
};

const deviceSchema = z.strictObject({
  ...cost,
  batches: z.array(z.strictObject({ requests: z.int().min(2), ...cost })).exactOptional(),
  benchmarkSeconds: (z.number().positive() as unknown as z.ZodType<Seconds>).exactOptional(),
});

const sourceSchema = z.strictObject({
  modelSha256: z.string(),
  graphSha256: z.string(),
  level: z.enum(optimisationLevels),
  threads: z.int().positive(),
  runtime: z.string(),
  shapes: z.record(z.string(), z.array(z.int().nonnegative())),
  batches: z.array(z.int().min(2)).exactOptional(),
  machine: z.string(),
  codecs: z
    .strictObject({ names: z.array(z.string()), inputSha256: z.string().nullable() })
    .exactOptional(),
  measuredAt: z.string(),
});

export const profileSchema: z.ZodType<Profile> = z.strictObject({
  format: z.literal("partita.profile/1"),
  graph: z.strictObject({
    name: z.string(),
    inputs: z.array(z.string()),
    outputs: z.array(z.string()),
    tensors: z.array(tensorSchema),
    nodes: z.array(nodeSchema),
  }),
  devices: z.record(z.string(), deviceSchema),
  batch: z
    .strictObject({ axes: z.array(z.int().nonnegative().nullable()), difference: amount })
    .exactOptional(),
  source: sourceSchema.exactOptional(),
});

/**
 * Reads and checks a profile.
 *
 * @param file its name, for messages
 * @throws PROFILE_INVALID, GRAPH_INVALID
 */
export function readProfile(text: string, file = "profile"): Profile {
  const profile = parseDocument(text, profileSchema, file, "PROFILE_INVALID");
  checkWindows(indexGraph(profile.graph), file);
  for (const [name, device] of Object.entries(profile.devices)) {
    checkCosts(profile, `${file}: devices.${name}`, device);
  }
  checkAxes(profile, file);
  return profile;
}

function checkCosts({ graph }: Profile, where: string, device: DeviceProfile): void {
  const { batches = [] } = device;
  for (const [position, { nodeSeconds }] of [device, ...batches].entries()) {
    if (nodeSeconds.length === graph.nodes.length) continue;
    const which = position === 0 ? "" : `.batches[${position - 1}]`;
    throw invalid(
      `${where}${which}.nodeSeconds has ${nodeSeconds.length} entries, the graph has ${graph.nodes.length} nodes`,
    );
  }
  const isAscending = batches.every(
    ({ requests }, position) => requests > (batches[position - 1]?.requests ?? 1),
  );
  if (!isAscending) throw invalid(`${where}.batches are not in the order of their requests`);
}

function checkAxes({ graph, batch }: Profile, file: string): void {
  if (batch === undefined) return;
  const { axes } = batch;
  const { tensors } = graph;
  if (axes.length !== tensors.length) {
    throw invalid(
      `${file}: batch.axes has ${axes.length} entries, the graph has ${tensors.length} tensors`,
    );
  }
  const wrong = tensors.find(({ shape }, tensor) => (axes[tensor] ?? -1) >= shape.length);
  if (wrong === undefined) return;
  throw invalid(
    `${file}: batch.axes names an axis of '${wrong.name}' that it has not (shape [${wrong.shape.join(", ")}])`,
  );
}

const axisNames = ["rows", "columns"] as const;

/** Rows and columns that a window does not make would be counted as made from nothing. */
function checkWindows({ graph, nodeInputs, nodeOutputs }: GraphIndex, file: string): void {
  const pictures = (tensors: readonly number[] = []): Tensor[] =>
    tensors
      .map((tensor) => graph.tensors[tensor] as Tensor)
      .filter(({ shape }) => shape.length === 4);
  graph.nodes.forEach(({ name, window }, node) => {
    if (window === undefined) return;
    for (const read of pictures(nodeInputs[node])) {
      for (const made of pictures(nodeOutputs[node])) {
        const axis = findMisfit(window, read.shape, made.shape);
        if (axis === null) continue;
        const what = axisNames[axis];
        throw invalid(
          `${file}: the window of node '${name}' does not make the ${made.shape[axis + 2]} ${what} of '${made.name}' from the ${read.shape[axis + 2]} ${what} of '${read.name}'; profile the model again, or leave the window out`,
        );
      }
    }
  });
}

/** The first axis along which it does not fit; what has one position may be repeated along it. */
function findMisfit(
  window: Window,
  read: readonly number[],
  made: readonly number[],
): 0 | 1 | null {
  const axes = [0, 1] as const;
  const fits = (axis: 0 | 1): boolean =>
    fitsWindow(window, read[axis + 2] as number, made[axis + 2] as number, axis);
  return axes.find((axis) => !fits(axis) && read[axis + 2] !== 1) ?? null;
}

/** The profile with nothing to choose on links. */
export function withoutCodecs(profile: Profile): Profile {
  const tensors = profile.graph.tensors.map(({ codecs: _, ...tensor }) => tensor);
  const { source } = profile;
  if (source === undefined) return { ...profile, graph: { ...profile.graph, tensors } };
  const { codecs: _, ...others } = source;
  return { ...profile, graph: { ...profile.graph, tensors }, source: others };
}

/**
 * Joins profiles of one graph that were measured on several machines. Codecs are those of the first.
 *
 * @throws PROFILE_INVALID if they are of different graphs or threads, or name a kind of device twice
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile {
  const [first, ...others] = profiles;
  if (first === undefined) throw invalid("no profile was given");
  const hash = graphSha256(first.graph);
  const devices = new Map(Object.entries(first.devices));
  for (const other of others) {
    if (graphSha256(other.graph) !== hash) {
      throw invalid(
        `the profiles are of different graphs ('${first.graph.name}' and '${other.graph.name}'); profile one saved graph on every machine`,
      );
    }
    const [threads, found] = [first.source?.threads, other.source?.threads];
    if (threads !== undefined && found !== undefined && threads !== found) {
      throw invalid(
        `the profiles were measured with ${threads} and ${found} threads; all devices run with one number, so profile with the same --threads on every machine`,
      );
    }
    for (const [name, device] of Object.entries(other.devices)) {
      if (devices.has(name)) {
        throw invalid(
          `two profiles measure a device '${name}'; give each its own name (--as NAME)`,
        );
      }
      devices.set(name, device);
    }
  }
  return { ...first, devices: Object.fromEntries(devices), ...mergedBatch(profiles) };
}

/** The same of every machine but for the difference, of which the largest counts. */
function mergedBatch(profiles: readonly Profile[]): Pick<Profile, "batch"> {
  const known = profiles.flatMap(({ batch }) => batch ?? []);
  const [first] = known;
  if (first === undefined) return {};
  const difference = Math.max(...known.map((batch) => batch.difference));
  return { batch: { axes: first.axes, difference } };
}

function invalid(message: string): CodedError {
  return new CodedError("PROFILE_INVALID", message);
}
