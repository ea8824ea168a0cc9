/**
 * What each node of a graph costs on this machine, measured.
 *
 * @module
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../base/random.ts";
import { type Bytes, bytes, type Seconds, seconds } from "../base/units.ts";
import { memoryBytes } from "../cost/memory.ts";
import type { DeviceProfile } from "../cost/profile.ts";
import { type GraphIndex, indexGraph } from "../graph/graph.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import { extractPart } from "../onnx/extract.ts";
import { drawSplit } from "./draw-split.ts";
import { boundaryOf, fitParts, type PartSample, scaleToWhole } from "./fit.ts";
import { readKernelTimes } from "./kernel-times.node.ts";
import { timeModel } from "./part-timer.node.ts";
import type { PreparedGraph } from "./prepare.node.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { makeTemporaryFolder } from "./temporary-folder.node.ts";

export interface ProfileOptions {
  /** Threads of the runtime: those that the parts will run with. */
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (fraction: number, details: ProfileProgress) => void;
}

export interface ProfileProgress {
  readonly message: string;
  /** What the rest will take, as far as is known by now. */
  readonly remainingSeconds: number;
}

/** Runs of whatever is timed: as many as fit into the seconds, within these counts. */
const runs = { atLeast: 10, atMost: 100, seconds: 1.5 } as const;

/** Splits that the cost of crossing a border is fitted on; fewer where that would take too long. */
const splits = { atLeast: 2, atMost: 6, seconds: 20 } as const;

/** Library and thread of a session in a process of its own. */
const leastOverheadBytes = 32 * 2 ** 20;

/**
 * Measures a prepared graph: the least time of each node's kernel in a run of the whole, scaled so
 * that they add up to an undisturbed whole run, and what parts of a few seeded random splits take
 * beyond their nodes. 5 to 15 s for small graphs, at most about a minute for large ones.
 *
 * @throws the signal's reason, with nothing left behind; else as `Runtime.load` and `Session.run`
 */
export async function profileGraph(
  prepared: PreparedGraph,
  options: ProfileOptions,
): Promise<DeviceProfile> {
  const { threads, signal } = options;
  const steps = progressSteps(options);
  const folder = await makeTemporaryFolder("profile");
  try {
    const index = indexGraph(prepared.graph);
    const timing = { threads, values: sampleValues(prepared), limits: runs, signal };
    const residentBefore = process.memoryUsage().rss;
    steps.report("measuring the whole graph");
    const first = await timeModel(prepared.model, timing);
    const grown = process.memoryUsage().rss - residentBefore;
    steps.report("measuring each node");
    const profilePrefix = join(folder, "kernels");
    await timeModel(prepared.model, { ...timing, profilePrefix });
    const kernels = await readKernelTimes(profilePrefix);
    const second = await timeModel(prepared.model, timing);
    const nodeSeconds = scaleToWhole(
      prepared.graph.nodes.map(({ name }) => kernels.get(name) ?? 0),
      Math.min(first.computeSeconds, second.computeSeconds),
    );
    const samples = await measureSplits(prepared, index, nodeSeconds, timing, steps);
    const { nodeScale, overheadSeconds, boundarySecondsPerByte } = fitParts(samples);
    return {
      nodeSeconds: nodeSeconds.map((value) => seconds(value * nodeScale)),
      overheadSeconds,
      boundarySecondsPerByte,
      overheadBytes: overheadOf(index, grown),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSplits(
  prepared: PreparedGraph,
  index: GraphIndex,
  nodeSeconds: readonly Seconds[],
  timing: Omit<Parameters<typeof timeModel>[1], "limits">,
  steps: Steps,
): Promise<PartSample[]> {
  const random = createRandom(1);
  const samples: PartSample[] = [];
  const started = performance.now();
  for (let count = 0; count < splits.atMost; count++) {
    const spent = (performance.now() - started) / 1000;
    if (count >= splits.atLeast && (spent / count) * (count + 1) > splits.seconds) break;
    const pieces = drawSplit(index, nodeSeconds, 2 + (count % 2), random);
    if (pieces.length === 1) break;
    samples.push(wholeSample(nodeSeconds));
    // What a part is fed with was made by the parts before: shapes are computed in some graphs, and
    // any other value would be an error.
    const values = new Map(timing.values);
    for (const nodes of pieces) {
      steps.report("measuring parts", splits.atMost - count);
      const names = nodes.map((node) => prepared.graph.nodes[node]?.name ?? "");
      const part = extractPart(prepared.model, names, prepared.types);
      const limits = { ...runs, seconds: 0.4 };
      const { computeSeconds, outputs } = await timeModel(part, { ...timing, values, limits });
      for (const [name, value] of Object.entries(outputs)) values.set(name, value);
      samples.push({
        ...boundaryOf(index, new Set(nodes)),
        nodeSeconds: nodes.reduce((sum, node) => sum + (nodeSeconds[node] ?? 0), 0),
        measuredSeconds: computeSeconds,
      });
    }
  }
  return samples;
}

/** The whole beside each split: a machine that runs everything is an answer, too. */
function wholeSample(nodeSeconds: readonly Seconds[]): PartSample {
  const whole = nodeSeconds.reduce((sum, value) => sum + value, 0);
  return { receivedTensors: 0, bytes: 0, nodeSeconds: whole, measuredSeconds: whole };
}

/** Seeded values for the graph's inputs. */
export function sampleValues({ graph, types }: PreparedGraph): Map<string, TensorValue> {
  const inputs = graph.inputs.flatMap((name) => {
    const type = types.get(name);
    return type === undefined ? [] : [{ name, ...type }];
  });
  return new Map(Object.entries(sampleInputs(inputs)));
}

/** What a session takes beyond what a plan counts anyway. */
function overheadOf(index: GraphIndex, grown: number): Bytes {
  const counted = memoryBytes(index, [...index.graph.nodes.keys()], 0);
  return bytes(Math.max(leastOverheadBytes, grown - counted));
}

interface Steps {
  /** @param left units of the splits that are still to do */
  report(message: string, left?: number): void;
}

/** Tells how far it is, in units of which the whole graph takes three and each split one. */
function progressSteps({ onProgress }: ProfileOptions): Steps {
  const started = performance.now();
  const units = 3 + splits.atMost;
  let done = -1;
  return {
    report: (message, left) => {
      done = left === undefined ? done + 1 : Math.max(done, units - left);
      const elapsed = (performance.now() - started) / 1000;
      const remainingSeconds = done === 0 ? 10 : (elapsed / done) * (units - done);
      onProgress?.(done / units, { message, remainingSeconds });
    },
  };
}
