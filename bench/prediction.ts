/**
 * Predicted against measured compute time of parts, over networks of the zoo: each is profiled once,
 * then split at random places of its graph order, and each part is measured alone on the thread where
 * it runs. `npm run bench -- prediction`, or
 * `node dist-bench/prediction.js [--only NAME,…] [--small] [--level extended]`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { createRandom } from "../dist/base/random.js";
import type { DeviceProfile, OptimisationLevel } from "../dist/cost/profile.js";
import { type GraphIndex, indexGraph } from "../dist/graph/graph.js";
import type { TensorValue } from "../dist/graph/tensor-value.js";
import { extractPart } from "../dist/onnx/extract.js";
import { drawSplit } from "../dist/runtime/draw-split.js";
import { boundaryOf, predictPart, quantile } from "../dist/runtime/fit.js";
import { onnxRuntimeName } from "../dist/runtime/onnxruntime.node.js";
import { timeModel } from "../dist/runtime/part-timer.node.js";
import { type PreparedGraph, prepareGraph } from "../dist/runtime/prepare.node.js";
import { profileGraph, sampleValues } from "../dist/runtime/profile-graph.node.js";
import { buildZoo, zooNames } from "../dist/zoo/zoo.js";

interface PartRow {
  readonly network: string;
  readonly plan: number;
  readonly part: number;
  readonly nodes: number;
  readonly receivedTensors: number;
  readonly boundaryBytes: number;
  readonly predictedSeconds: number;
  readonly measuredSeconds: number;
  /** |predicted − measured| ÷ measured */
  readonly error: number;
}

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    small: { type: "boolean", default: false },
    level: { type: "string", default: "extended" },
    plans: { type: "string", default: "3" },
  },
});
const names = flags.only?.split(",") ?? zooNames;
const plans = Number(flags.plans);
const rows: PartRow[] = [];
const table = new Table({
  head: ["network", "parts", "profiled in s", "median error", "p90 error", "largest"],
});
for (const name of names) {
  const model = buildZoo(name, flags.small ? { width: 0.5 } : {});
  const prepared = await prepareGraph(model, { level: flags.level as OptimisationLevel });
  const start = performance.now();
  const profile = await profileGraph(prepared, { threads: 1 });
  const profileSeconds = (performance.now() - start) / 1000;
  const found = await measurePlans(name, prepared, profile);
  rows.push(...found);
  table.push([name, found.length, profileSeconds.toFixed(1), ...summary(found)]);
  console.error(`${name}: ${summary(found).join(" / ")}`);
}
table.push(["all", rows.length, "", ...summary(rows)]);
console.log(table.toString());
const result = {
  command: "npm run bench -- prediction",
  machine: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`,
  runtime: onnxRuntimeName(),
  level: flags.level,
  threads: 1,
  small: flags.small,
  date: new Date().toISOString(),
  medianError: quantile(errorsOf(rows), 0.5),
  p90Error: quantile(errorsOf(rows), 0.9),
  parts: rows,
};
if (flags.only === undefined && !flags.small) {
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/prediction.json", `${JSON.stringify(result, null, 2)}\n`);
}

async function measurePlans(
  network: string,
  prepared: PreparedGraph,
  profile: DeviceProfile,
): Promise<PartRow[]> {
  const index = indexGraph(prepared.graph);
  const nodeSeconds = profile.nodeSeconds.map((value) => value ?? 0);
  // Neither the profiler's seed nor one that the method was tuned on: these splits are new to it.
  const random = createRandom(4711);
  const found: PartRow[] = [];
  for (let plan = 0; plan < plans; plan++) {
    const pieces = drawSplit(index, nodeSeconds, 2 + (plan % 2), random);
    const values = sampleValues(prepared);
    for (const [part, nodes] of pieces.entries()) {
      found.push({
        network,
        plan,
        part,
        ...(await measurePart(index, prepared, profile, nodes, values)),
      });
    }
  }
  return found;
}

async function measurePart(
  index: GraphIndex,
  prepared: PreparedGraph,
  profile: DeviceProfile,
  nodes: readonly number[],
  values: Map<string, TensorValue>,
): Promise<Omit<PartRow, "network" | "plan" | "part">> {
  const nodeNames = nodes.map((node) => prepared.graph.nodes[node]?.name ?? "");
  const part = extractPart(prepared.model, nodeNames, prepared.types);
  const limits = { atLeast: 10, atMost: 100, seconds: 1 };
  const timed = await timeModel(part, { threads: 1, values, limits });
  for (const [name, value] of Object.entries(timed.outputs)) values.set(name, value);
  const measuredSeconds = timed.computeSeconds;
  const total = nodes.reduce((sum, node) => sum + (profile.nodeSeconds[node] ?? 0), 0);
  const boundary = boundaryOf(index, new Set(nodes));
  const predictedSeconds = predictPart(total, boundary, profile);
  return {
    nodes: nodes.length,
    receivedTensors: boundary.receivedTensors,
    boundaryBytes: boundary.bytes,
    predictedSeconds,
    measuredSeconds,
    error: Math.abs(predictedSeconds - measuredSeconds) / measuredSeconds,
  };
}

function errorsOf(parts: readonly PartRow[]): number[] {
  return parts.map(({ error }) => error);
}

function summary(parts: readonly PartRow[]): string[] {
  const errors = errorsOf(parts);
  return [0.5, 0.9, 1].map((at) => `${(100 * quantile(errors, at)).toFixed(1)} %`);
}
