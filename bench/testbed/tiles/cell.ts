/**
 * One setting of tile-parallel stages on the test bed: plans made for measured speeds, run for real, and
 * set beside what was predicted.
 *
 * @module
 */
import { windowOf } from "../../../dist/cluster/window.js";
import type { Plan } from "../../../dist/plan/plan.js";
import { calibrate, meanSpeeds } from "../calibrating.js";
import {
  foretell,
  planAlone,
  planFor,
  predict,
  problemOf,
  type Run,
  type RunOptions,
  runPlan,
  type Setting,
  type Speeds,
  type Way,
} from "../setting.js";
import type { Testbed } from "../testbed.js";

/** What is to be planned and perhaps run. */
export interface Want {
  readonly what: string;
  readonly setting: Setting;
  readonly way: Way;
  /** Everything on this device; left out: as the planner says. */
  readonly alone?: string;
  /** Only planned for. */
  readonly isModelled?: boolean;
}

export interface CellOptions extends Omit<RunOptions, "isLimited"> {
  readonly testbed: Testbed;
  readonly calibrations: number;
  /** Devices that have the speed of another one, which is measured. */
  readonly like?: Readonly<Record<string, string>>;
  /**
   * Whether speeds are measured between any two runs, not just before and behind all of them, and for
   * longer: what depends on the mean time of many requests depends on that of the speeds.
   */
  readonly isUnsteady?: boolean;
  /** Left out: devices are as fast as their quotas let them be. */
  readonly imitated?: Imitated;
}

/** Devices are to be so slow that one takes so long for all nodes that may be shared. */
export interface Imitated {
  readonly sharedSeconds: number;
}

/** A plan, what was predicted of it, and what became of it. */
export interface Row {
  readonly what: string;
  readonly megabitsPerSecond: readonly number[];
  /** Why there is no plan; `null`: there is one. */
  readonly refusal: string | null;
  /** Devices of each stage, those of a shared one joined by "+". */
  readonly stages: readonly string[];
  /** Of the devices that share some stage, the most; 1: none is shared. */
  readonly members: number;
  readonly hops: number;
  /** Of the model's compute, by the profile, what shared stages run. */
  readonly sharedPart: number;
  /** Latency, for the throughput the period. */
  readonly predictedSeconds: number;
  /** In virtual time, for the throughput. */
  readonly simulatedSeconds: number | null;
  readonly measured: Measured | null;
  /** The row whose plan and so whose figures it has. */
  readonly sameAs: string | null;
}

export interface Measured extends Omit<Run, "timings"> {
  /** Median latency, for the throughput the period. */
  readonly seconds: number;
  /** The median of a request without the stages that nobody shares; `null`: none is shared. */
  readonly sharedSeconds: number | null;
}

export interface Cell {
  readonly part: string;
  readonly name: string;
  readonly network: string;
  readonly quotas: Readonly<Record<string, number>>;
  readonly hopSeconds: number;
  readonly slowdown: number;
  readonly before: Speeds;
  readonly after: Speeds;
  readonly speeds: Speeds;
  readonly rows: readonly Row[];
}

/** Plans with the speeds before all, predicts with the geometric means of those before and after. */
export async function measureCell(
  part: string,
  name: string,
  asked: readonly Want[],
  options: CellOptions,
): Promise<Cell> {
  const [{ setting } = wantNone()] = asked;
  const calibrated = await speedsOf(setting, options);
  const slowdown = slowdownOf(setting, calibrated, options.imitated);
  const wants = asked.map((want) => ({ ...want, setting: imitating(want.setting, slowdown) }));
  const before = slowed(calibrated, slowdown);
  const again = async (): Promise<Speeds> => slowed(await speedsOf(setting, options), slowdown);
  const found: Found[] = [];
  let last: Speeds = before;
  for (const want of wants) {
    const one = await realise(want, before, found, options);
    if (one.run === null || one.sameAs !== null || options.isUnsteady !== true) found.push(one);
    else {
      const next = await again();
      found.push({ ...one, around: meanSpeeds(last, next) });
      last = next;
    }
  }
  const after = options.isUnsteady === true ? last : await again();
  const speeds = meanSpeeds(before, after);
  const { network, quotas, hopSeconds } = setting;
  const rows = found.map((one) => rowOf(one, one.around ?? speeds));
  return { part, name, network, quotas, hopSeconds, slowdown, before, after, speeds, rows };
}

/** Plans, and runs the plan unless one that does the same was run before. */
async function realise(
  want: Want,
  speeds: Speeds,
  earlier: readonly Found[],
  options: CellOptions,
): Promise<Found> {
  const plan = planOf(want, speeds);
  const none = { want, plan, key: null, run: null, around: null, sameAs: null };
  if (typeof plan === "string") {
    console.log(want.what, plan);
    return none;
  }
  const key = keyOf(want, plan);
  const same = earlier.find((one) => one.run !== null && one.key === key);
  if (same !== undefined) return { ...same, want, plan, sameAs: same.want.what };
  if (want.isModelled === true) return none;
  const run = await runPlan(options.testbed, want.setting, plan, { ...options, isLimited: true });
  console.log(want.what, tell(run, want));
  return { ...none, key, run };
}

/** Messages are not slowed down. */
function imitating(setting: Setting, slowdown: number): Setting {
  return { ...setting, slowdown, hopSeconds: setting.hopSeconds / slowdown };
}

/** For the source. */
function slowdownOf(setting: Setting, speeds: Speeds, imitated: Imitated | undefined): number {
  if (imitated === undefined) return 1;
  const { profile, index } = problemOf(setting, unit(setting), {
    ...{ planner: "", objective: "latency" },
  });
  const [kind] = Object.values(profile.devices);
  const shared = index.graph.nodes.reduce(
    (sum, { window }, position) =>
      window === undefined ? sum : sum + (kind?.nodeSeconds[position] ?? 0),
    0,
  );
  return (imitated.sharedSeconds * (speeds[setting.source] ?? Number.NaN)) / shared;
}

function slowed(speeds: Speeds, slowdown: number): Speeds {
  const all = Object.entries(speeds).map(([device, speed]) => [device, speed / slowdown]);
  return Object.fromEntries(all);
}

interface Found {
  readonly want: Want;
  readonly plan: Plan | string;
  /** Plans with the same one do the same; `null`: it was not run. */
  readonly key: string | null;
  readonly run: Run | null;
  /** Speeds just before and behind the run; `null`: those of the cell. */
  readonly around: Speeds | null;
  readonly sameAs: string | null;
}

const unsteadySeconds = 15;

function wantNone(): never {
  throw new Error("nothing is wanted");
}

async function speedsOf(
  { network, quotas }: Setting,
  { testbed, calibrations, like = {}, isUnsteady = false }: CellOptions,
): Promise<Record<string, number>> {
  const own = Object.entries(quotas).filter(([device]) => like[device] === undefined);
  const long = isUnsteady ? { leastSeconds: unsteadySeconds, isMean: true } : {};
  const asked = { network, quotas: Object.fromEntries(own), runs: calibrations, ...long };
  const speeds: Record<string, number> = await calibrate(testbed, asked);
  for (const device of Object.keys(quotas)) {
    speeds[device] ??= speeds[like[device] ?? ""] ?? Number.NaN;
  }
  console.log(network, JSON.stringify(speeds));
  return speeds;
}

function planOf({ setting, way, alone }: Want, speeds: Speeds): Plan | string {
  return alone === undefined ? planFor(setting, speeds, way) : planAlone(setting, speeds, alone);
}

/** Plans that do the same have the same stages and transfers. */
function keyOf({ setting, way }: Want, { stages, transfers }: Plan): string {
  const places = stages.map(({ devices, nodes, tiles }) => [devices, nodes, tiles]);
  const ways = transfers.map(({ tensor, from, to, codec, rows, columns }) => [
    ...[tensor, from, to, codec, rows, columns],
  ]);
  return JSON.stringify([setting.links, way.objective, places, ways]);
}

function tell(run: Run, want: Want): string {
  const { answered, asked, bitEqual, worstDifference } = run;
  const right = `${answered} of ${asked}, ${bitEqual} bit-equal, ${worstDifference}`;
  return `${timeOf(run, want)} s; ${right}; ${JSON.stringify(run.agentSeconds)}`;
}

function timeOf(run: Run, { way }: Want): number {
  return way.objective === "latency" ? run.medianSeconds : run.periodSeconds;
}

function rowOf({ want, plan, run, sameAs }: Found, speeds: Speeds): Row {
  const { what, setting, way } = want;
  const base = { what, megabitsPerSecond: setting.links.map((link) => link.megabitsPerSecond) };
  const none = { simulatedSeconds: null, measured: null, sameAs: null };
  if (typeof plan === "string") {
    const empty = { stages: [], members: 1, hops: 0, sharedPart: 0, predictedSeconds: Number.NaN };
    return { ...base, ...none, ...empty, refusal: plan };
  }
  const evaluation = predict(setting, speeds, way, plan);
  const isLatency = way.objective === "latency";
  return {
    ...base,
    refusal: null,
    stages: plan.stages.map(({ devices }) => devices.join("+")),
    members: Math.max(...plan.stages.map(({ devices }) => devices.length)),
    hops: plan.transfers.length,
    sharedPart: sharedPartOf(setting, plan),
    predictedSeconds: isLatency ? evaluation.latencySeconds : evaluation.periodSeconds,
    simulatedSeconds: isLatency
      ? null
      : foretell(setting, speeds, way, plan, inFlightOf(run, plan)).periodSeconds,
    measured: run === null ? null : measuredOf(run, plan, want),
    sameAs,
  };
}

function inFlightOf(run: Run | null, plan: Plan): number {
  return Math.min(run?.asked ?? 100, windowOf(plan));
}

/** Of the seconds of all nodes those of shared stages. */
function sharedPartOf(setting: Setting, plan: Plan): number {
  const { profile, index } = problemOf(setting, unit(setting), {
    ...{ planner: "", objective: "latency" },
  });
  const [kind] = Object.values(profile.devices);
  const secondsOf = (nodes: readonly string[]): number =>
    nodes.reduce((sum, node) => {
      const position = index.nodeByName.get(node) ?? -1;
      return sum + (kind?.nodeSeconds[position] ?? 0);
    }, 0);
  const shared = plan.stages.filter(({ tiles }) => tiles !== undefined);
  const all = plan.stages.reduce((sum, { nodes }) => sum + secondsOf(nodes), 0);
  return shared.reduce((sum, { nodes }) => sum + secondsOf(nodes), 0) / all;
}

function unit({ quotas }: Setting): Speeds {
  return Object.fromEntries(Object.keys(quotas).map((device) => [device, 1]));
}

function measuredOf({ timings, ...run }: Run, plan: Plan, want: Want): Measured {
  const alone = new Set(plan.stages.flatMap(({ id, tiles }) => (tiles === undefined ? [id] : [])));
  const isShared = alone.size < plan.stages.length;
  const rest = timings.map(({ totalSeconds, stages }) =>
    stages.reduce(
      (left, { stage, busySeconds }) => (alone.has(stage) ? left - busySeconds : left),
      totalSeconds,
    ),
  );
  const median = rest.sort((a, b) => a - b)[Math.floor(rest.length / 2)] ?? Number.NaN;
  return {
    ...run,
    seconds: timeOf({ timings, ...run }, want),
    sharedSeconds: isShared ? median : null,
  };
}
