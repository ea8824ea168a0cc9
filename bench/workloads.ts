/**
 * Throughput on equal accelerators and a processor around a free memory: the public workloads, and
 * networks of the zoo on the same kind of star, each in a process of its own:
 * `npm run bench -- workloads`. Seconds of the zoo's networks are modelled.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { createRandom } from "../dist/base/random.js";
import {
  type Baseline,
  contracted,
  linearised,
  movedAtRandom,
  oneDevice,
} from "../dist/compare/reference-baselines.js";
import {
  type ReferenceWorkload,
  readReferenceWorkload,
  referenceModel,
} from "../dist/compare/reference-workload.js";
import { minimiseStages, type StageProgress } from "../dist/plan/planners/stage-chain.js";
import { keepResults } from "./keep-results.ts";
import { workloadGraphs, workloadOf } from "./workload-graphs.js";

interface Row {
  readonly workload: string;
  readonly costs: "published" | "modelled";
  readonly nodes: number;
  readonly accelerators: number;
  readonly ideals: number | null;
  readonly periodSeconds: number;
  readonly boundSeconds: number;
  /** (period − bound) ÷ period. */
  readonly gap: number;
  readonly isOptimal: boolean;
  /** Until the best chain known was within 1 % of the last one. */
  readonly secondsToOnePercent: number;
  /** Until the gap was at most 0.1 %; `null`: never. */
  readonly secondsToGap: number | null;
  readonly secondsToEnd: number;
  readonly oneDeviceSeconds: number | null;
  readonly linearisedSeconds: number | null;
  readonly pipedreamSeconds: number | null;
  readonly localSearchSeconds: number | null;
  readonly peakMemoryBytes: number;
}

const limitSeconds = 60;
const closeGap = 0.001;
const localStarts = 20;
const folder = "bench/data/workloads";
const published = [
  "LayerGraphs-bert24_inference",
  "LayerGraphs-resnet50_inference",
  "OperatorGraphs-bert_l-3_inference",
];

const [chosen] = process.argv.slice(2);
if (chosen === undefined) runAll();
else console.log(JSON.stringify(measure(Number(chosen))));

function runAll(): void {
  const rows: Row[] = [];
  for (let position = 0; position < published.length + workloadGraphs.length; position++) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), String(position)],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
    rows.push(JSON.parse(stdout) as Row);
    console.error(`${rows.at(-1)?.workload}: ${rows.at(-1)?.secondsToEnd.toFixed(1)} s`);
  }
  print(rows);
  keepResults("workloads", {
    limitSeconds,
    targets: {
      secondsToOnePercent: 10,
      gapWithin60SecondsWhereIdealsCanBeListed: closeGap,
      gapElsewhere: 0.05,
      peakMemoryBytes: 2 ** 30,
    },
    rows,
  });
}

function measure(position: number): Row {
  const workload = workloadAt(position);
  const start = performance.now();
  const steps = search(workload, start);
  const secondsToEnd = (performance.now() - start) / 1000;
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  const { progress } = steps.at(-1) as Step;
  const model = referenceModel(workload);
  const near = steps.find((step) => step.progress.seconds <= 1.01 * progress.seconds);
  const closed = steps.find((step) => gapOf(step.progress) <= closeGap);
  return {
    workload: workload.name,
    costs: position < published.length ? "published" : "modelled",
    nodes: workload.nodes.length,
    accelerators: workload.accelerators,
    ideals: progress.ideals,
    periodSeconds: progress.seconds,
    boundSeconds: progress.bound,
    gap: gapOf(progress),
    isOptimal: progress.isProven,
    secondsToOnePercent: near?.seconds ?? Number.NaN,
    secondsToGap: closed?.seconds ?? null,
    secondsToEnd,
    oneDeviceSeconds: secondsOf(oneDevice(model)),
    linearisedSeconds: secondsOf(linearised(model)),
    pipedreamSeconds: secondsOf(contracted(model)),
    localSearchSeconds: secondsOf(movedAtRandom(model, createRandom(1), localStarts)),
    peakMemoryBytes,
  };
}

function workloadAt(position: number): ReferenceWorkload {
  const name = published[position];
  if (name !== undefined) {
    return readReferenceWorkload(readFileSync(`${folder}/${name}.json`, "utf8"), `${name}.json`);
  }
  const graph = workloadGraphs[position - published.length];
  if (graph === undefined) throw new Error(`there is no workload ${position}`);
  return workloadOf(graph);
}

interface Step {
  readonly seconds: number;
  readonly progress: StageProgress;
}

/** The model is built inside the time that is measured. */
function search(workload: ReferenceWorkload, start: number): Step[] {
  const planning = minimiseStages(referenceModel(workload), createRandom(1));
  const steps: Step[] = [];
  for (;;) {
    const { done, value } = planning.next();
    const seconds = (performance.now() - start) / 1000;
    if (value !== null) steps.push({ seconds, progress: value });
    if (done === true || seconds > limitSeconds) return steps;
  }
}

function gapOf({ seconds, bound }: StageProgress): number {
  return (seconds - bound) / seconds;
}

function secondsOf(found: Baseline): number | null {
  return found?.seconds ?? null;
}

function print(rows: readonly Row[]): void {
  const table = new Table({
    head: [
      "workload",
      "nodes",
      "k",
      "ideals",
      "period ms",
      "gap %",
      "to 1 % s",
      "to 0.1 % gap s",
      "end s",
      "one device",
      "linearised",
      "PipeDream",
      "local search",
      "MiB",
    ],
  });
  for (const row of rows) {
    const ratio = (seconds: number | null): string =>
      seconds === null ? "–" : `${(seconds / row.periodSeconds).toFixed(3)}x`;
    table.push([
      row.workload,
      row.nodes,
      row.accelerators,
      row.ideals ?? "> 60000",
      (1000 * row.periodSeconds).toFixed(3),
      (100 * row.gap).toFixed(3),
      row.secondsToOnePercent.toFixed(2),
      row.secondsToGap?.toFixed(2) ?? "–",
      row.secondsToEnd.toFixed(2),
      ratio(row.oneDeviceSeconds),
      ratio(row.linearisedSeconds),
      ratio(row.pipedreamSeconds),
      ratio(row.localSearchSeconds),
      (row.peakMemoryBytes / 2 ** 20).toFixed(0),
    ]);
  }
  console.log(table.toString());
}
