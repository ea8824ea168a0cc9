/**
 * Live re-planning along synthetic traces, simulated: `npm run bench -- adaptive`. The camera's access
 * link follows the trace; requests come steadily. Simulated, not measured: the policies see one world
 * and one load, with the profile of this package for ResNet-18. Control was tuned on traces of the seeds
 * 101 to 103; those of this benchmark have other seeds.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import { formatQuantity } from "../dist/base/units.js";
import { type Choice, createChoices, wholeChoices } from "../dist/control/choices.js";
import { readProfile } from "../dist/cost/profile.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { readTrace, statesOf } from "../dist/cost/trace.js";
import { placementOf } from "../dist/plan/check.js";
import { codecsOf } from "../dist/plan/codecs.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { recodedAt } from "../dist/plan/problem-at.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import { comparePolicies, type PolicyFigures } from "../dist/sim/compare-policies.js";
import { makeTrace, type TraceModel, traceModels, writeTrace } from "./testbed/traces.js";

/** Means over traces of one kind. */
interface Cell {
  readonly trace: string;
  readonly cameraSpeed: number;
  readonly seconds: Readonly<Record<PolicyName, number>>;
  readonly p99Seconds: number;
  readonly switches: number;
  readonly oracleSwitches: number;
  /** Of the traces, on which re-planning was slower than the best single plan by more than 1 %. */
  readonly worse: number;
}

const seeds = [201, 202, 203, 204, 205, 206];
const seconds = 300;
const warmUpSeconds = 30;
/** Not one a second: traces change with each full second, and requests are to come anywhere between. */
const requestsPerSecond = 0.93;
/** Plans are made for one second in five. */
const planEvery = 5;
const policies = ["adaptive", "oracle", "paying", "static", "whole"] as const;
type PolicyName = (typeof policies)[number];
const profile = readProfile(
  readFileSync("bench/profiles/resnet18.profile.json", "utf8"),
  "resnet18.profile.json",
);
const cells: Cell[] = [];
for (const cameraSpeed of [0.04, 0.15]) {
  for (const model of traceModels) cells.push(measure(model, cameraSpeed));
}
report();

function measure(model: TraceModel, cameraSpeed: number): Cell {
  const runs = seeds.map((seed) => runAlong(model, seed, cameraSpeed));
  const mean = (of: (run: readonly PolicyFigures[]) => number): number =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const meanSeconds = (name: PolicyName) => mean((run) => figureOf(run, name, "meanSeconds"));
  return {
    trace: model.name,
    cameraSpeed,
    seconds: Object.fromEntries(
      policies.map((name) => [name, meanSeconds(name)]),
    ) as Cell["seconds"],
    p99Seconds: mean((run) => figureOf(run, "adaptive", "p99Seconds")),
    switches: mean((run) => figureOf(run, "adaptive", "switches")),
    oracleSwitches: mean((run) => figureOf(run, "oracle", "switches")),
    worse: runs.filter(
      (run) =>
        figureOf(run, "adaptive", "meanSeconds") > 1.01 * figureOf(run, "static", "meanSeconds"),
    ).length,
  };
}

function figureOf(
  run: readonly PolicyFigures[],
  name: PolicyName,
  figure: "meanSeconds" | "p99Seconds" | "switches",
): number {
  return run.find((policy) => policy.name === name)?.[figure] ?? Number.NaN;
}

function runAlong(model: TraceModel, seed: number, cameraSpeed: number): PolicyFigures[] {
  const topology = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, speed: ${cameraSpeed} }
  - { name: gateway, tier: edge, speed: 0.4 }
  - { name: cloud, tier: cloud, speed: 0.5 }
links:
  - { between: [camera, gateway], bandwidth: 20 Mbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: 100 Mbit/s, latency: 1 ms }
source: camera
inputBytes: { input: 150528 }
`);
  const problem = createProblem(profile, topology, { type: "latency" });
  const rows = makeTrace(model, seconds, createRandom(seed));
  const trace = readTrace(writeTrace(rows, "camera<->gateway"), topology, model.name);
  const start = planFor(problem);
  const known = statesOf(trace)
    .filter((_, second) => second % planEvery === 0)
    .flatMap(({ state }) => planFor(recodedAt(problem, state)) ?? []);
  if (start === null) throw new Error("no plan");
  const choices = createChoices(problem, [start, ...wholeChoices(problem), ...known]);
  return comparePolicies(choices, {
    arrivals: () => ({ type: "steady", perSecond: requestsPerSecond }),
    requests: Math.floor(seconds * requestsPerSecond),
    warmUp: Math.ceil(warmUpSeconds * requestsPerSecond),
    trace,
    start: 0,
  });
}

function planFor(problem: Problem): Choice | null {
  const plan = runPlanner(exact, problem, { seed: 1, clock: systemClock });
  if ("type" in plan) return null;
  return { placement: placementOf(problem, plan), codecs: codecsOf(problem, plan) };
}

function report(): void {
  const lines = [
    "# Live re-planning along synthetic traces, simulated",
    "",
    `\`npm run bench -- adaptive\`: mean latency of ResNet-18 on camera, gateway and cloud (speeds as stated, 0.4 and 0.5 of this profile's machine), input 150528 bytes, ${requestsPerSecond} requests a second for ${seconds} s, the first ${warmUpSeconds} s left out; means over ${seeds.length} traces of each kind (seeds ${seeds[0]} to ${seeds.at(-1)}; the constants of control were chosen on the seeds 101 to 103). The link of the camera follows the trace. The oracle knows the trace, switches at once and for nothing; one that pays sees each change at once, but keeps only the last three plans loaded, and has to prepare others as under control, whatever that does to requests (it knows no future, so control may do better where it pays to wait). Loading and probes take their part of devices. "Best kept" and "never split" are the best single plans of each trace in hindsight.`,
    "",
    "| trace | camera | re-planned | switches | p99 | oracle | its switches | oracle that pays | best kept | never split | above the oracle | above the one that pays | worse than best kept |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ...cells.map((cell) => {
      const { seconds: of, trace, cameraSpeed } = cell;
      const [adaptive, oracle, paying, kept, whole] = policies.map((name) =>
        formatQuantity(of[name], "s", 4),
      );
      const above = (other: number): string => `${(100 * (of.adaptive / other - 1)).toFixed(1)} %`;
      return `| ${trace} | ${cameraSpeed} | ${adaptive} | ${cell.switches.toFixed(1)} | ${formatQuantity(cell.p99Seconds, "s", 4)} | ${oracle} | ${cell.oracleSwitches.toFixed(1)} | ${paying} | ${kept} | ${whole} | ${above(of.oracle)} | ${above(of.paying)} | ${cell.worse} of ${seeds.length} |`;
    }),
    "",
  ];
  console.log(lines.join("\n"));
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/adaptive.md", lines.join("\n"));
  const document = { command: "npm run bench -- adaptive", simulated: true, seeds, cells };
  writeFileSync("bench/results/adaptive.json", `${JSON.stringify(document, null, 2)}\n`);
}
