/**
 * Chains of pieces on many devices with little memory, linked by radio: `npm run bench -- wifi`.
 *
 * Three tables. The first places the published partitions, with the published transfer sizes, and
 * sets the mean beside that of another implementation. The second cuts and places ten networks by
 * honest counts, without compute as in the experiments. The third does so for networks of the zoo with
 * modelled compute, the input from one device and the answer back to it.
 */
import { readFileSync } from "node:fs";
import Table from "cli-table3";
import { createRandom } from "../dist/base/random.js";
import { publishedModels } from "../dist/compare/k-path/grids.js";
import {
  chainProfile,
  type KpathChain,
  partitionByLeastSum,
  partsProfile,
  readKpathChain,
  roomForOnePart,
} from "../dist/compare/kpath-chain.js";
import { wifiTopology } from "../dist/compare/wifi-topology.js";
import type { Profile } from "../dist/cost/profile.js";
import { modelProfile } from "../dist/cost/roofline.js";
import type { Topology } from "../dist/cost/topology.js";
import type { Infeasible } from "../dist/plan/feasibility.js";
import { gapOf } from "../dist/plan/make-plan.js";
import type { Incumbent } from "../dist/plan/planner.js";
import { exact } from "../dist/plan/planners/exact.js";
import { boundPeriod } from "../dist/plan/planners/exact-pieces/bound.js";
import { createProblem } from "../dist/plan/problem.js";
import { drawGraph } from "../dist/zoo/graph.js";
import type { ZooName } from "../dist/zoo/zoo.js";
import { keepResults } from "./keep-results.ts";

const mebibyte = 2 ** 20;
/** Of devices; up to ten, placements beyond chains of pieces are searched too, for minutes. */
const counts = { honest: [10, 20, 50], computed: [20, 50] } as const;
const caps = [64, 128, 256, 512];
/** Of each row of the second and third table. */
const topologies = 5;
/** Of each row of the first. */
const placements = 60;

/** Seconds for 50 devices, mean of 60 topologies, by another implementation of exact placement. */
const published = [
  ["MobileNetV2", 64, 0.0327],
  ["EfficientNetB1", 64, 0.2192],
  ["EfficientNetB1", 128, 0.0457],
  ["ResNet50", 64, 1.3166],
  ["ResNet50", 128, 0.5156],
  ["InceptionResNetV2", 64, 1.3465],
  ["InceptionResNetV2", 128, 1.1187],
  ["InceptionResNetV2", 256, 0.8075],
] as const;

const chains = publishedModels.map(readChain);

const zoo: readonly ZooName[] = [
  "mobilenetv2",
  "efficientnetb0",
  "squeezenet",
  "googlenet",
  "resnet18",
  "resnet50",
  "densenet121",
  "inceptionv4",
  "darknet53",
  "bert",
];

interface Solved {
  readonly stages: number;
  readonly periodSeconds: number;
  readonly bound: number;
  readonly gap: number;
  /** What is proven of the plan. */
  readonly proof: "optimal" | "optimal-in-class" | "bounded";
  readonly solveSeconds: number;
}

interface Row {
  readonly network: string;
  readonly capMebibytes: number;
  readonly devices: number;
  readonly pieces: number;
  /** Of the topologies those with a plan. */
  readonly feasible: number;
  readonly stages: string;
  readonly periodSeconds: number | null;
  readonly bound: number | null;
  /** Bound by the sizes of tensors and the work alone, before the search. */
  readonly firstBound: number | null;
  readonly gap: number | null;
  readonly proofs: Readonly<Record<string, number>>;
  readonly medianSolveSeconds: number;
  readonly slowestSolveSeconds: number;
}

const golden = published.map(([network, cap, seconds]) => placePublished(network, cap, seconds));
printGolden();
const honest = measureAll(chains.map(chainProfile), counts.honest, { input: 0 }, undefined);
printRows("cut and placed by honest counts, without compute", honest);
const computed = measureAll(
  zoo.map((name) => modelProfile(drawGraph(name))),
  counts.computed,
  {},
  "d0",
);
printRows("networks of the zoo with compute, from d0 and back", computed);
printTargets([...honest, ...computed]);
save();

function readChain(model: string): KpathChain {
  const file = `bench/data/kpath/${model}.json`;
  return readKpathChain(readFileSync(file, "utf8"), file);
}

function placePublished(network: string, cap: number, reference: number) {
  const chain = chains.find(({ model }) => model === network) as KpathChain;
  const parts = partitionByLeastSum(chain, cap * mebibyte, "published");
  if (parts === null) throw new Error(`${network} does not fit parts of ${cap} MiB`);
  const profile = partsProfile(chain, parts);
  const values = Array.from({ length: placements }, (_, seed) => {
    const options = { devices: 50, seed: seed + 1, memoryBytes: roomForOnePart };
    const found = solve(profile, wifiTopology(options));
    if (found === null || found.solved.proof !== "optimal") throw new Error("not placed exactly");
    return found.solved.periodSeconds;
  });
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    network,
    capMebibytes: cap,
    parts: parts.mbit.length + 1,
    mbit: parts.mbit,
    meanSeconds: mean,
    standardError: Math.sqrt(variance / values.length),
    referenceSeconds: reference,
  };
}

function measureAll(
  profiles: readonly Profile[],
  deviceCounts: readonly number[],
  inputBytes: Readonly<Record<string, number>>,
  sink: string | undefined,
): Row[] {
  return profiles.flatMap((profile) =>
    caps.flatMap((cap) =>
      deviceCounts.map((devices) => measure(profile, cap, devices, inputBytes, sink)),
    ),
  );
}

function measure(
  profile: Profile,
  cap: number,
  devices: number,
  inputBytes: Readonly<Record<string, number>>,
  sink: string | undefined,
): Row {
  const times: number[] = [];
  const runs: { solved: Solved; firstBound: number }[] = [];
  for (let seed = 1; seed <= topologies; seed++) {
    const topology = wifiTopology({
      devices,
      seed,
      memoryBytes: cap * mebibyte,
      inputBytes,
      ...(sink === undefined ? {} : { sink }),
    });
    const start = performance.now();
    const run = solve(profile, topology);
    times.push((performance.now() - start) / 1000);
    if (run !== null) runs.push(run);
  }
  const stages = runs.map(({ solved }) => solved.stages);
  const proofs: Record<string, number> = {};
  for (const { solved } of runs) proofs[solved.proof] = (proofs[solved.proof] ?? 0) + 1;
  return {
    network: profile.graph.name,
    capMebibytes: cap,
    devices,
    pieces: profile.graph.nodes.length,
    feasible: runs.length,
    stages: [...new Set([Math.min(...stages), Math.max(...stages)])].join("–"),
    periodSeconds: medianOf(runs.map(({ solved }) => solved.periodSeconds)),
    bound: medianOf(runs.map(({ solved }) => solved.bound)),
    firstBound: medianOf(runs.map(({ firstBound }) => firstBound)),
    gap: medianOf(runs.map(({ solved }) => solved.gap)),
    proofs,
    medianSolveSeconds: medianOf(times) as number,
    slowestSolveSeconds: Math.max(...times),
  };
}

/** `null`: nothing is allowed. */
function solve(
  profile: Profile,
  topology: Topology,
): { solved: Solved; firstBound: number } | null {
  const problem = createProblem(profile, topology, { type: "throughput" });
  const start = performance.now();
  const found = toEnd(exact.plan(problem, { random: createRandom(1) }));
  const solveSeconds = (performance.now() - start) / 1000;
  if ("type" in found) return null;
  const { value, placement, bestAmong } = found;
  const bound = found.bound ?? 0;
  const gap = gapOf(value, bound) ?? 1;
  const stages = new Set(placement).size;
  const proof = gap === 0 ? "optimal" : bestAmong === undefined ? "bounded" : "optimal-in-class";
  return {
    solved: { stages, periodSeconds: value, bound, gap, proof, solveSeconds },
    firstBound: boundPeriod(problem),
  };
}

function toEnd(steps: ReturnType<typeof exact.plan>): Incumbent | Infeasible {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

function printGolden(): void {
  const table = new Table({
    head: ["network", "MiB", "parts", "mean s", "± standard error", "reference s", "ratio"],
  });
  for (const row of golden) {
    table.push([
      row.network,
      row.capMebibytes,
      row.parts,
      row.meanSeconds.toFixed(4),
      row.standardError.toFixed(4),
      row.referenceSeconds,
      (row.meanSeconds / row.referenceSeconds).toFixed(3),
    ]);
  }
  console.log(`published partitions, exact placement on 50 devices, ${placements} topologies`);
  console.log(table.toString());
}

function printRows(title: string, rows: readonly Row[]): void {
  const table = new Table({
    head: [
      "network",
      "MiB",
      "devices",
      "stages",
      "period s",
      "bound s",
      "gap",
      "proof",
      "s",
      "slowest s",
    ],
  });
  for (const row of rows) {
    table.push([
      row.network,
      row.capMebibytes,
      row.devices,
      row.stages === "" || row.feasible === 0 ? "none" : row.stages,
      row.periodSeconds?.toFixed(4) ?? "",
      row.bound?.toFixed(4) ?? "",
      row.gap === null ? "" : `${(100 * row.gap).toFixed(1)} %`,
      Object.entries(row.proofs)
        .map(([proof, count]) => `${proof} ${count}/${topologies}`)
        .join(", "),
      row.medianSolveSeconds.toFixed(2),
      row.slowestSolveSeconds.toFixed(2),
    ]);
  }
  console.log(`${title}; medians of ${topologies} topologies`);
  console.log(table.toString());
}

function printTargets(rows: readonly Row[]): void {
  const most = ({ stages }: Row): number => Number(stages.split("–").at(-1));
  const slowest = (of: readonly Row[]): number =>
    Math.max(0, ...of.map(({ slowestSolveSeconds }) => slowestSolveSeconds));
  const solved = rows.filter(({ feasible }) => feasible > 0);
  const few = slowest(solved.filter((row) => most(row) <= 6));
  const some = slowest(solved.filter((row) => most(row) > 6 && most(row) <= 10));
  const more = slowest(solved.filter((row) => most(row) > 10));
  console.log(`slowest, up to 6 stages: ${few.toFixed(2)} s (target 2)`);
  console.log(`slowest, 7 to 10 stages: ${some.toFixed(2)} s (target 30)`);
  console.log(`slowest, more stages: ${more.toFixed(2)} s`);
}

function save(): void {
  keepResults("wifi", { costs: "modelled", topologies, placements, golden, honest, computed });
}
