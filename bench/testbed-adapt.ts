/**
 * Live re-planning on the test bed, as root: `npm run bench -- testbed-adapt --trace NAME`, some eight
 * minutes for each of the traces of `bench/data/traces`; `--seconds N` for less of one, `--runs N` for
 * several runs under control. Real processes, TCP with TLS, a rate that follows the trace, parts of a
 * core; every answer is compared with the whole model's. What other traces came to is kept.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../dist/base/clock.node.js";
import { formatQuantity } from "../dist/base/units.js";
import { choiceOf, planOfChoice } from "../dist/control/adapter.js";
import { type Choice, type Choices, createChoices, wholeChoices } from "../dist/control/choices.js";
import { readProfile } from "../dist/cost/profile.js";
import { nominalState } from "../dist/cost/state.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { readTrace, statesOf, type Trace } from "../dist/cost/trace.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { recodedAt } from "../dist/plan/problem-at.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import { comparePolicies, type PolicyFigures } from "../dist/sim/compare-policies.js";
import { level } from "./testbed/asking.js";
import { calibrate, meanSpeeds } from "./testbed/calibrating.js";
import {
  type Device,
  devices,
  type LiveFigures,
  network,
  profileFile,
  quotas,
  type Row,
  runLive,
  uplinkBitsPerSecond,
} from "./testbed/live.js";
import { demandTestbed, Testbed } from "./testbed/testbed.js";
import { traceModels, writeTrace } from "./testbed/traces.js";

type Speeds = Readonly<Record<Device, number>>;
type Policy = "adaptive" | "static" | "whole";

interface Counts {
  readonly asked: number;
  readonly lost: number;
  readonly doubled: number;
  readonly wrong: number;
}

interface Cell {
  readonly trace: string;
  readonly seconds: number;
  /** Geometric means of those before and after. */
  readonly speeds: Speeds;
  readonly before: Speeds;
  readonly after: Speeds;
  readonly loadBefore: number;
  /** Under control: the run whose mean is the median. */
  readonly measured: Readonly<Partial<Record<Policy, LiveFigures>>>;
  /** Means of all runs under control, ascending. */
  readonly meanSeconds: readonly number[];
  /** Of all runs of all policies. */
  readonly counts: Counts;
  readonly simulated: readonly PolicyFigures[];
}

/** Not one a second: the trace changes with each full second. */
const perSecond = 0.93;
const warmUpSeconds = 20;
const calibrations = 15;
/** Plans are made for one second in three. */
const planEvery = 3;
const results = "bench/results/testbed-adapt";

const { values } = parseArgs({
  options: {
    trace: { type: "string" },
    seconds: { type: "string", default: "120" },
    runs: { type: "string", default: "1" },
  },
});
const runs = Number(values.runs);
const duration = Number(values.seconds);
const names = traceModels.map(({ name }) => name);
const chosen = values.trace === undefined ? names : [values.trace];
const unknown = chosen.find((name) => !names.includes(name));
const areRuns = Number.isInteger(runs) && runs % 2 === 1 && runs > 0;
if (unknown !== undefined || !(duration > warmUpSeconds && duration <= 300) || !areRuns) {
  console.error(
    `--trace is one of ${names.join(", ")}, --seconds more than ${warmUpSeconds} and at most 300, --runs odd`,
  );
  process.exit(64);
}
const requests = Math.floor(duration * perSecond);
const warmUp = Math.ceil(warmUpSeconds * perSecond);
demandTestbed();
const folder = mkdtempSync(join(tmpdir(), "partita-testbed-"));
// Ctrl-C leaves nothing behind, either.
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const testbed = Testbed.up([...devices]);
try {
  for (const name of chosen) keep(await measure(name));
} finally {
  await testbed.down();
}

async function measure(name: string): Promise<Cell> {
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const before = await calibrate(testbed, { network, quotas, runs: calibrations });
  const topologyFile = join(folder, "testbed.topology.yaml");
  writeFileSync(topologyFile, topologyText(before));
  const rows = rowsOf(name);
  const planned = settingOf(name, rows, before);
  const figures = planned.simulate(0);
  const choiceNamed = (policy: Policy): Choice =>
    planned.choices.at(figures.find((one) => one.name === policy)?.choice ?? 0);
  const [kept, whole] = [choiceNamed("static"), choiceNamed("whole")];
  const all: LiveFigures[] = [];
  const run = async (policy: Policy, planFile: string | null): Promise<LiveFigures> => {
    const options = { folder, topologyFile, planFile, rows, requests, perSecond, warmUp };
    const found = await runLive(testbed, options);
    all.push(found);
    const { latencySeconds: _, ...told } = found;
    console.log(name, policy, JSON.stringify(told));
    return found;
  };
  for (let one = 0; one < runs; one++) await run("adaptive", null);
  const controlled = all.toSorted((one, other) => one.meanSeconds - other.meanSeconds);
  const measured: Cell["measured"] = {
    adaptive: controlled[(runs - 1) / 2] as LiveFigures,
    static: await run("static", writePlan(planned.problem, kept)),
    ...(whole === kept ? {} : { whole: await run("whole", writePlan(planned.problem, whole)) }),
  };
  const after = await calibrate(testbed, { network, quotas, runs: calibrations });
  const speeds = meanSpeeds(before, after);
  console.log(`speeds before and after: ${JSON.stringify({ before, after })}`);
  const simulated = foretell(settingOf(name, rows, speeds), planned.choices.at(0), kept, whole);
  const cell = { trace: name, seconds: duration, speeds, before, after, loadBefore };
  const meanSeconds = controlled.map((one) => one.meanSeconds);
  return { ...cell, measured, meanSeconds, counts: countsOf(all), simulated };
}

function countsOf(all: readonly LiveFigures[]): Counts {
  const sum = (of: (figures: LiveFigures) => number): number =>
    all.reduce((total, figures) => total + of(figures), 0);
  return {
    asked: sum(({ asked }) => asked),
    lost: sum(({ asked, answered }) => asked - answered),
    doubled: sum(({ doubled }) => doubled),
    wrong: sum(({ wrong }) => wrong),
  };
}

interface Setting {
  readonly problem: Problem;
  readonly choices: Choices;
  simulate(start: number): PolicyFigures[];
}

function settingOf(name: string, rows: readonly Row[], speeds: Speeds): Setting {
  const topology = readTopology(topologyText(speeds));
  const profile = readProfile(readFileSync(profileFile, "utf8"), profileFile);
  const problem = createProblem(profile, topology, { type: "latency" });
  const trace = readTrace(writeTrace(rows, "camera<->gateway"), topology, name);
  const choices = choicesFor(problem, trace);
  const simulate = (start: number): PolicyFigures[] =>
    comparePolicies(choices, {
      arrivals: () => ({ type: "steady", perSecond }),
      ...{ requests, warmUp, trace, start },
    });
  return { problem, choices, simulate };
}

/** With the same first plan, and for the same plans that stay, as were measured. */
function foretell(
  { choices, simulate }: Setting,
  first: Choice,
  kept: Choice,
  whole: Choice,
): PolicyFigures[] {
  const alone = (choice: Choice, name: Policy): PolicyFigures[] =>
    simulate(choices.add(choice) ?? 0).flatMap((row) =>
      row.name === "start" ? [{ ...row, name }] : [],
    );
  const policies = simulate(choices.add(first) ?? 0);
  return [
    ...policies.filter(({ name }) => name !== "static" && name !== "whole"),
    ...alone(kept, "static"),
    ...alone(whole, "whole"),
  ];
}

function topologyText(speeds: Speeds): string {
  return `
format: partita.topology/1
devices:
  - { name: camera, speed: ${speeds.camera} }
  - { name: gateway, tier: edge, speed: ${speeds.gateway} }
  - { name: cloud, tier: cloud, speed: ${speeds.cloud} }
links:
  - { between: [camera, gateway], bandwidth: 20 Mbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: ${uplinkBitsPerSecond / 1e6} Mbit/s, latency: 1 ms }
source: camera
`;
}

function rowsOf(name: string): Row[] {
  return readFileSync(`bench/data/traces/${name}.csv`, "utf8")
    .trim()
    .split("\n")
    .slice(1, 1 + duration)
    .map((line, second) => ({ seconds: second, bitsPerSecond: Number(line.split(",")[2]) }));
}

function choicesFor(problem: Problem, trace: Trace): Choices {
  const start = planFor(problem);
  if (start === null) throw new Error("no plan");
  const known = statesOf(trace)
    .filter((_, second) => second % planEvery === 0)
    .flatMap(({ state }) => planFor(recodedAt(problem, state)) ?? []);
  return createChoices(problem, [start, ...wholeChoices(problem), ...known]);
}

function planFor(problem: Problem): Choice | null {
  const plan = runPlanner(exact, problem, { seed: 1, clock: systemClock });
  return "type" in plan ? null : choiceOf(problem, plan);
}

function writePlan(problem: Problem, choice: Choice): string {
  const plan = planOfChoice(problem, choice, nominalState(problem.topology));
  const file = join(folder, "kept.plan.json");
  writeFileSync(file, JSON.stringify({ ...plan, level, threads: 1 }));
  return file;
}

/** Beside what is known of other traces. */
function keep(cell: Cell): void {
  const file = `${results}.json`;
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as { readonly cells: readonly Cell[] }).cells
    : [];
  const cells = names.flatMap((name) => [cell, ...known].find(({ trace }) => trace === name) ?? []);
  const surroundings = { node: process.version, cpu: cpus()[0]?.model, kernel: release() };
  const document = {
    command: "npm run bench -- testbed-adapt",
    ...surroundings,
    ...{ warmUpSeconds, perSecond, quotas, cells },
  };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  const text = tableOf(cells);
  writeFileSync(`${results}.md`, text);
  console.log(text);
}

function tableOf(cells: readonly Cell[]): string {
  return [
    "# Live re-planning on the test bed",
    "",
    `\`npm run bench -- testbed-adapt\`: ${network} on three network namespaces with parts of a core (${devices.map((device) => `${device} ${quotas[device]} %`).join(", ")}), real agents and a real coordinator over TLS, ${perSecond} requests a second, the first ${warmUpSeconds} s left out. The link of the camera follows the trace, in both directions; gateway and cloud have ${uplinkBitsPerSecond / 1e6} Mbit/s; coordinator and client are beside the camera, without a limit of their processors. "Best kept" and "never split" are the best single plans for the trace in hindsight, as simulated. The oracles are simulated, with the speeds that were measured before and after each trace; one switches at once and for nothing, the other pays for loading plans. Of several runs under control the one with the median mean stands, and the least and the most behind it. Lost, doubled and wrong are of all runs together.`,
    "",
    "| trace | re-planned | switches | p99 | best kept | never split | oracle | oracle that pays | above the oracle | above the one that pays | lost, doubled, wrong | simulated: re-planned | best kept | simulator off by: re-planned | best kept |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ...cells.map(rowOf),
    "",
  ].join("\n");
}

function rowOf({ trace, seconds, measured, meanSeconds, counts, simulated }: Cell): string {
  const foretold = (name: string): number =>
    simulated.find((one) => one.name === name)?.meanSeconds ?? Number.NaN;
  const { adaptive, static: kept } = measured;
  if (adaptive === undefined || kept === undefined) return "";
  const time = (value: number): string => formatQuantity(value, "s", 3);
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const [least = 0, most = 0] = [meanSeconds[0], meanSeconds.at(-1)];
  const range = meanSeconds.length === 1 ? "" : ` (${time(least)} to ${time(most)})`;
  const cells = [
    `${trace}, ${seconds} s`,
    `${time(adaptive.meanSeconds)}${range}`,
    String(adaptive.switches),
    time(adaptive.p99Seconds),
    time(kept.meanSeconds),
    time((measured.whole ?? kept).meanSeconds),
    time(foretold("oracle")),
    time(foretold("paying")),
    percent(adaptive.meanSeconds / foretold("oracle") - 1),
    percent(adaptive.meanSeconds / foretold("paying") - 1),
    `${counts.lost}, ${counts.doubled}, ${counts.wrong} of ${counts.asked}`,
    time(foretold("adaptive")),
    time(foretold("static")),
    percent(foretold("adaptive") / adaptive.meanSeconds - 1),
    percent(foretold("static") / kept.meanSeconds - 1),
  ];
  return `| ${cells.join(" | ")} |`;
}
