/**
 * Live re-planning along the synthetic traces, simulated: `npm run bench -- adaptive`. The camera's
 * access link follows the trace; requests come steadily. Simulated, not measured: the policies see one
 * world and one load, with the profile of this package for ResNet-18.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "../dist/base/clock.node.js";
import { formatQuantity } from "../dist/base/units.js";
import { type Choice, createChoices, wholeChoices } from "../dist/control/choices.js";
import { readProfile } from "../dist/cost/profile.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { readTrace, statesOf } from "../dist/cost/trace.js";
import { placementOf } from "../dist/plan/check.js";
import { codecsOf } from "../dist/plan/codecs.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { problemAt } from "../dist/plan/problem-at.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import { comparePolicies, type PolicyFigures } from "../dist/sim/compare-policies.js";

interface Cell {
  readonly trace: string;
  readonly cameraSpeed: number;
  readonly requestsPerSecond: number;
  readonly plans: number;
  readonly policies: readonly PolicyFigures[];
}

const seconds = 300;
const warmUpSeconds = 30;
const profile = readProfile(
  readFileSync("bench/profiles/resnet18.profile.json", "utf8"),
  "resnet18.profile.json",
);
const cells: Cell[] = [];
for (const cameraSpeed of [0.04, 0.15]) {
  for (const trace of ["3g", "4g", "5g", "wifi-drop"]) cells.push(measure(trace, cameraSpeed, 1));
}
report();

function measure(name: string, cameraSpeed: number, requestsPerSecond: number): Cell {
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
  const trace = readTrace(readFileSync(`bench/data/traces/${name}.csv`, "utf8"), topology, name);
  const start = planFor(problem);
  const known = statesOf(trace).flatMap(({ state }) => planFor(problemAt(problem, state)) ?? []);
  if (start === null) throw new Error("no plan");
  const choices = createChoices(problem, [start, ...wholeChoices(problem), ...known]);
  const policies = comparePolicies(choices, {
    arrivals: () => ({ type: "steady", perSecond: requestsPerSecond }),
    requests: seconds * requestsPerSecond,
    warmUp: warmUpSeconds * requestsPerSecond,
    trace,
    start: 0,
  });
  return { trace: name, cameraSpeed, requestsPerSecond, plans: choices.count(), policies };
}

function planFor(problem: Problem): Choice | null {
  const plan = runPlanner(exact, problem, { seed: 1, clock: systemClock });
  if ("type" in plan) return null;
  return { placement: placementOf(problem, plan), codecs: codecsOf(problem, plan) };
}

function report(): void {
  const names = ["adaptive", "oracle", "static", "whole"] as const;
  const lines = [
    "# Live re-planning along synthetic traces, simulated",
    "",
    `\`npm run bench -- adaptive\`: mean latency of ResNet-18 on camera, gateway and cloud (speeds as stated, 0.4 and 0.5 of this profile's machine), input 150528 bytes, one request a second for ${seconds} s, the first ${warmUpSeconds} s left out. The link of the camera follows the trace (\`bench/data/traces\`). The oracle knows the trace, switches at once and for nothing; "best kept" and "never split" are the best single plans in hindsight.`,
    "",
    "| trace | camera | re-planned | switches | p99 | oracle | its switches | best kept | never split | above the oracle |",
    "|---|---|---|---|---|---|---|---|---|---|",
    ...cells.map(({ trace, cameraSpeed, policies }) => {
      const [adaptive, oracle, kept, whole] = names.map((name) =>
        policies.find((policy) => policy.name === name),
      );
      const mean = (found: PolicyFigures | undefined): string =>
        formatQuantity(found?.meanSeconds ?? Number.NaN, "s", 4);
      return `| ${trace} | ${cameraSpeed} | ${mean(adaptive)} | ${adaptive?.switches} | ${formatQuantity(adaptive?.p99Seconds ?? Number.NaN, "s", 4)} | ${mean(oracle)} | ${oracle?.switches} | ${mean(kept)} | ${mean(whole)} | ${(100 * (adaptive?.regret ?? Number.NaN)).toFixed(1)} % |`;
    }),
    "",
  ];
  console.log(lines.join("\n"));
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/adaptive.md", lines.join("\n"));
  const document = { command: "npm run bench -- adaptive", simulated: true, cells };
  writeFileSync("bench/results/adaptive.json", `${JSON.stringify(document, null, 2)}\n`);
}
