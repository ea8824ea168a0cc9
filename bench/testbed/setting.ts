/**
 * Devices with parts of a core and links with rates of their own: what is planned for them, and what
 * real agents then do.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../dist/base/clock.node.js";
import { seconds } from "../../dist/base/units.js";
import type { RequestTimings } from "../../dist/cluster/data-message.js";
import { planOfChoice } from "../../dist/control/adapter.js";
import { wholeChoices } from "../../dist/control/choices.js";
import { readProfile } from "../../dist/cost/profile.js";
import { nominalState } from "../../dist/cost/state.js";
import { readTopology } from "../../dist/cost/topology-file.js";
import { placementOf, tilesOf } from "../../dist/plan/check.js";
import { codecsOf, withCodecs } from "../../dist/plan/codecs.js";
import { type Evaluation, evaluate } from "../../dist/plan/evaluate.js";
import type { Objective } from "../../dist/plan/objective.js";
import type { Plan } from "../../dist/plan/plan.js";
import { planners } from "../../dist/plan/planners.js";
import { createProblem, type Limits, type Problem } from "../../dist/plan/problem.js";
import { runPlanner } from "../../dist/plan/run-planner.js";
import { type Simulation, simulate } from "../../dist/sim/pipeline.js";
import { type Answer, level } from "./asking.js";
import { profileFileOf } from "./calibrating.js";
import { Cluster } from "./cluster.js";
import type { Testbed } from "./testbed.js";

export interface Setting {
  readonly network: string;
  /** Percent of one core by device. */
  readonly quotas: Readonly<Record<string, number>>;
  readonly tiers?: Readonly<Record<string, "device" | "edge" | "cloud">>;
  readonly links: readonly Link[];
  /** Where inputs come from and answers go to. */
  readonly source: string;
  /**
   * What a hop costs the agent that gets it beside what profiles know, which are measured within one
   * process: seconds at the profile's speed.
   */
  readonly hopSeconds: number;
  /**
   * The product itself, by `up`, lets what takes a second on these devices take so many, and paces
   * links; 1: quotas and the test bed do.
   */
  readonly slowdown: number;
}

export interface Link {
  readonly between: readonly [string, string];
  readonly megabitsPerSecond: number;
}

export type Speeds = Readonly<Record<string, number>>;

/** Planner, objective and limits of a plan. */
export interface Way {
  readonly planner: string;
  /** What the planner minimises; left out: the objective, by which the plan is judged. */
  readonly plannedFor?: Way["objective"];
  /** Those that it may use; left out: all. */
  readonly devices?: readonly string[];
  readonly objective: Objective["type"] & ("latency" | "throughput");
  readonly limits?: Limits;
}

/** What real agents did with a plan. */
export interface Run {
  readonly asked: number;
  readonly answered: number;
  /** Answers with the bits of the whole model's. */
  readonly bitEqual: number;
  /** Of all answers, against the largest magnitude of the whole model's. */
  readonly worstDifference: number;
  readonly meanSeconds: number;
  readonly medianSeconds: number;
  /** Between two answers, behind the first ones. */
  readonly periodSeconds: number;
  readonly latencySeconds: readonly number[];
  readonly timings: readonly RequestTimings[];
  /**
   * Processor seconds of each agent's main thread for a request: messages, encryption, slicing and
   * stitching, not the sessions.
   */
  readonly agentSeconds: Readonly<Record<string, number>>;
}

const latencyMilliseconds = 0.2;
const settleSeconds = 2;
/** Planning must not take what measuring needs. */
const timeLimitSeconds = 20;

export function problemOf(setting: Setting, speeds: Speeds, way: Way): Problem {
  const file = profileFileOf(setting.network);
  const profile = readProfile(readFileSync(file, "utf8"), file);
  const devices = Object.entries(profile.devices).map(([name, kind]) => {
    const overheadSeconds = seconds(kind.overheadSeconds + setting.hopSeconds);
    return [name, { ...kind, overheadSeconds }] as const;
  });
  return createProblem(
    { ...profile, devices: Object.fromEntries(devices) },
    readTopology(topologyText(among(setting, way.devices), speeds)),
    { type: way.objective },
    way.limits,
  );
}

/** The same with some of the devices. */
export function among(setting: Setting, devices: readonly string[] | undefined): Setting {
  if (devices === undefined) return setting;
  const isIn = (name: string): boolean => devices.includes(name);
  const quotas = Object.entries(setting.quotas).filter(([name]) => isIn(name));
  const links = setting.links.filter(({ between }) => between.every(isIn));
  return { ...setting, quotas: Object.fromEntries(quotas), links };
}

function topologyText({ quotas, tiers, links, source }: Setting, speeds: Speeds): string {
  const devices = Object.keys(quotas).map((name) => {
    const tier = tiers?.[name];
    return `  - { name: ${name}, speed: ${speeds[name]}${tier === undefined ? "" : `, tier: ${tier}`} }`;
  });
  const lines = links.map(
    ({ between: [one, other], megabitsPerSecond }) =>
      `  - { between: [${one}, ${other}], bandwidth: ${megabitsPerSecond} Mbit/s, latency: ${latencyMilliseconds} ms }`,
  );
  return [
    "format: partita.topology/1",
    "devices:",
    ...devices,
    ...(lines.length === 0 ? ["links: []"] : ["links:", ...lines]),
    `source: ${source}`,
    "",
  ].join("\n");
}

/** Everything on one device. */
export function planAlone(setting: Setting, speeds: Speeds, device: string): Plan {
  const way: Way = { planner: "single", objective: "latency", devices: [setting.source, device] };
  const problem = problemOf(setting, speeds, way);
  const position = problem.devices.findIndex(({ name }) => name === device);
  const choice = wholeChoices(problem).find(({ placement }) =>
    placement.every((d) => d === position),
  );
  const plan =
    choice === undefined ? null : planOfChoice(problem, choice, nominalState(problem.topology));
  if (plan === null) throw new Error(`device '${device}' cannot run ${setting.network} alone`);
  return { ...plan, level, threads: 1 };
}

/** @returns why there is none, as words */
export function planFor(setting: Setting, speeds: Speeds, way: Way): Plan | string {
  const planner = planners[way.planner];
  if (planner === undefined) throw new Error(`there is no planner '${way.planner}'`);
  const run = { seed: 1, clock: systemClock, timeLimitSeconds };
  const { plannedFor = way.objective } = way;
  const problem = problemOf(setting, speeds, { ...way, objective: plannedFor });
  const plan = runPlanner(planner, problem, run);
  return "type" in plan ? plan.reason : { ...plan, level, threads: 1 };
}

/** What a plan costs with other speeds than it was made for. */
export function predict(setting: Setting, speeds: Speeds, way: Way, plan: Plan): Evaluation {
  const { problem, placement, tiles } = placed(setting, speeds, way, plan);
  const evaluation = evaluate(problem, placement, tiles);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  return evaluation;
}

/** What a plan does in virtual time, with so many requests in flight. */
export function foretell(
  setting: Setting,
  speeds: Speeds,
  way: Way,
  plan: Plan,
  inFlight: number,
): Simulation {
  const { problem, placement, tiles } = placed(setting, speeds, way, plan);
  const simulation = simulate(problem, placement, {
    arrivals: { type: "closed", inFlight },
    ...{ requests: 200, warmUp: 20, tiles },
  });
  if (simulation.type === "infeasible") throw new Error(simulation.reason);
  return simulation;
}

function placed(setting: Setting, speeds: Speeds, way: Way, plan: Plan) {
  // Plans that exchange halos are no pipelines, whatever they are asked for.
  const objective = way.plannedFor ?? way.objective;
  const asked = problemOf(setting, speeds, { ...way, objective });
  const problem = withCodecs(asked, codecsOf(asked, plan));
  return { problem, placement: placementOf(asked, plan), tiles: tilesOf(asked, plan) };
}

export interface RunOptions {
  readonly folder: string;
  readonly requests: number;
  readonly inFlight: number;
  /** Requests before quotas and rates hold. */
  readonly warmUps: number;
  /** First answers that figures of time leave out. */
  readonly warmUp: number;
  /** Whether quotas and rates hold. */
  readonly isLimited: boolean;
}

/** Runs a plan on real agents; nothing of them is left when it resolves or rejects. */
export async function runPlan(
  testbed: Testbed,
  setting: Setting,
  plan: Plan,
  options: RunOptions,
): Promise<Run> {
  const { folder, requests, inFlight, warmUp } = options;
  const { network, source } = setting;
  const devices = [
    ...new Set([
      source,
      ...plan.stages.flatMap((stage) => stage.devices),
      ...plan.transfers.flatMap(({ from, to }) => [from, to]),
    ]),
  ];
  const used = among(setting, devices);
  setLimits(testbed, setting, false);
  const topologyFile = join(folder, "topology.yaml");
  const planFile = join(folder, "plan.json");
  const imitated = 1 / setting.slowdown;
  writeFileSync(
    topologyFile,
    topologyText(used, Object.fromEntries(devices.map((name) => [name, imitated]))),
  );
  writeFileSync(planFile, JSON.stringify(plan));
  const isImitated = setting.slowdown !== 1;
  const start = isImitated ? Cluster.imitate : Cluster.start;
  const cluster = await start(testbed, {
    ...{ folder, topologyFile, network, devices, desk: source },
    heartbeat: { every: "2 s", missed: 20 },
    plan: ["--plan", planFile, ...(isImitated ? [] : ["--no-adapt"])],
  });
  try {
    const asking = cluster.ask({
      requests,
      warmUps: options.warmUps,
      settleSeconds,
      pace: { inFlight },
    });
    await asking.line(/^ready/);
    setLimits(testbed, setting, options.isLimited && !isImitated);
    await asking.line(/^begun/);
    const before = agentSecondsOf(cluster);
    await asking.line(/^done/);
    const after = agentSecondsOf(cluster);
    const own = [...after.keys()].map((device) => {
      const spent = (after.get(device) ?? Number.NaN) - (before.get(device) ?? Number.NaN);
      return [device, spent / requests];
    });
    return { ...figuresOf(asking.lines, requests, warmUp), agentSeconds: Object.fromEntries(own) };
  } finally {
    await cluster.stop();
    setLimits(testbed, setting, false);
  }
}

/** Parts are handed out without limits: that is not what is measured. */
function setLimits(testbed: Testbed, { quotas, links }: Setting, areOn: boolean): void {
  for (const [device, quota] of Object.entries(quotas)) testbed.quota(device, areOn ? quota : 100);
  for (const {
    between: [one, other],
    megabitsPerSecond,
  } of links) {
    const rate = areOn ? 1e6 * megabitsPerSecond : null;
    testbed.rate({ from: one, to: other }, rate);
    testbed.rate({ from: other, to: one }, rate);
  }
}

/** Linux counts a thread's processor time in hundredths of a second. */
const ticksPerSecond = 100;

/** Of the main threads so far. */
function agentSecondsOf({ agents }: Cluster): Map<string, number> {
  const seconds = [...agents].map(([device, { pid }]) => {
    const line = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    // utime and stime; proc(5) counts fields from the process id on.
    return [device, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond] as const;
  });
  return new Map(seconds);
}

function figuresOf(
  lines: readonly string[],
  requests: number,
  warmUp: number,
): Omit<Run, "agentSeconds"> {
  const answers = lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Answer);
  for (const { error } of answers) if (error !== undefined) console.error(error);
  const good = answers.filter(({ seconds }) => seconds !== undefined);
  const ends = good.map(({ at, seconds = 0 }) => at + seconds).sort((a, b) => a - b);
  const byStart = good.toSorted((one, other) => one.at - other.at);
  const latencySeconds = byStart.map(({ seconds = 0 }) => seconds);
  const warm = latencySeconds.slice(warmUp);
  const sorted = warm.toSorted((a, b) => a - b);
  return {
    asked: requests,
    answered: good.length,
    bitEqual: good.filter(({ isRight }) => isRight === true).length,
    worstDifference: Math.max(...good.map(({ difference = Number.NaN }) => difference)),
    meanSeconds: warm.reduce((sum, one) => sum + one, 0) / warm.length,
    medianSeconds: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    periodSeconds:
      ((ends.at(-1) ?? Number.NaN) - (ends[warmUp] ?? Number.NaN)) / (ends.length - 1 - warmUp),
    latencySeconds,
    timings: byStart.flatMap(({ timings }) => timings ?? []),
  };
}
