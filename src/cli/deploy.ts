/**
 * From a topology and a model to a running cluster: what `up` and `run` have in common.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import type { Replan } from "../cluster/coordinator-options.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { Profile } from "../cost/profile.ts";
import { profiledBenchmarks } from "../cost/relative-speed.ts";
import type { Topology } from "../cost/topology.ts";
import { shapesOfBatch } from "../onnx/batch.ts";
import { extractConstantOutputs } from "../onnx/extract.ts";
import { asJoined } from "../plan/batch.ts";
import type { Plan } from "../plan/plan.ts";
import { problemOfPlan } from "../plan/problem-of-plan.ts";
import { createOnnxRuntime } from "../runtime/onnxruntime.node.ts";
import type { PreparedGraph } from "../runtime/prepare.node.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { checkDeployable } from "./check-deployable.ts";
import { type Call, flag, type Option, text, texts, usage } from "./command.ts";
import { checkPlanned } from "./cut.ts";
import { type Fleet, type FleetOptions, startFleet } from "./fleet.ts";
import { decideJoined, joiningOf } from "./joining.ts";
import type { Judge } from "./judge.ts";
import { profileModel, shapesOf } from "./measuring.ts";
import { loadModel, type NamedModel } from "./model-argument.ts";
import {
  decide,
  demandPlan,
  loadPlan,
  loadTopology,
  type PlanningChoices,
  plannerOf,
  planningOptions,
  problemOf,
  runWithin,
  tilesOption,
} from "./planning.ts";
import { type PlanModel, PlanningThreads } from "./planning-threads.ts";
import { prepareModel } from "./prepare.ts";
import { type ProfilingChoices, profilingOptions } from "./profiles.ts";
import type { Shapes } from "./shape-option.ts";

/** The coordinator does nothing else meanwhile. */
const judgeSeconds = 0.1;

interface OwnChoices {
  readonly plan: string | undefined;
  readonly profile: readonly string[];
  readonly fullSpeed: boolean;
  readonly tiles: boolean;
}

export type DeployChoices = OwnChoices & PlanningChoices & ProfilingChoices;

/** Options of all commands that run a plan. */
export const deployOptions: typeof planningOptions &
  typeof profilingOptions & {
    readonly [K in keyof OwnChoices]: Option<OwnChoices[K]>;
  } = {
  plan: text("-p, --plan <file>", "run this plan instead of making one"),
  profile: texts(
    "--profile <file>",
    "plan with these profiles instead of measuring; with --plan, after a loss only",
  ),
  ...planningOptions,
  tiles: tilesOption,
  ...profilingOptions,
  fullSpeed: flag(
    "--full-speed",
    "run as fast as this machine can, whatever speeds and links the topology states",
  ),
};

/** What a cluster is to run. */
export interface Deployable {
  readonly named: NamedModel;
  readonly topology: Topology;
  readonly plan: Plan;
  readonly prepared: PreparedGraph;
  readonly constantOutputs: TensorValues;
  /** What the standard benchmark took where each device's kind was profiled, in seconds. */
  readonly benchmarks?: Readonly<Record<string, number>>;
  /** Plans for what is left of the topology; left out: the plan was given, and nothing measured. */
  readonly replan?: Replan;
  /** Judges plans while they serve; left out with `replan`. */
  readonly judge?: Judge;
}

/**
 * Loads everything, plans unless a plan is given, and optimises the graph.
 *
 * @throws PLAN_INFEASIBLE, PLAN_INVALID, and what loading, measuring and planning throw
 */
export async function prepareDeployment(
  topologyFile: string,
  modelArgument: string,
  call: Pick<Call<DeployChoices>, "options" | "terminal" | "signal">,
): Promise<Deployable> {
  const { options, terminal } = call;
  const topology = await loadTopology(topologyFile, terminal);
  if (options.plan !== undefined) refuseChoices(options);
  const given = options.plan === undefined ? null : await loadPlan(options.plan, terminal);
  const named = await loadModel(modelArgument, terminal);
  const planning =
    given === null
      ? await planFor(named, topology, call)
      : await planLike(given, named, topology, call);
  const { plan, profile, ...others } = planning;
  const level = plan.level ?? "extended";
  const shapes = profile === null ? shapesOfPlan(plan, named, options) : shapesOf(profile);
  const prepared = await prepareModel(named.model, level, shapes);
  checkPlanned(prepared, plan, level);
  if (given !== null) checkDeployable(plan, prepared.graph, topology);
  const constantOutputs = await runConstants(prepared, plan.threads ?? 1);
  const graph = { ...prepared.graph, name: named.name };
  const deployable = { named, topology, plan, prepared: { ...prepared, graph }, constantOutputs };
  return { ...deployable, ...others };
}

/** One request is what a plan that joins them is for. */
function shapesOfPlan({ batch }: Plan, { model }: NamedModel, { shape }: DeployChoices): Shapes {
  return batch === undefined ? shape : shapesOfBatch(model, shape, 1);
}

/** A plan, and the profile that it can be replaced by others with; `null`: there is none. */
type Planned = Pick<Deployable, "plan" | "replan" | "judge" | "benchmarks"> & {
  readonly profile: Profile | null;
};

/**
 * A plan that is given is run as it is: what was to make another must not seem to be obeyed. Profiles
 * are for the time after a loss.
 */
function refuseChoices(options: DeployChoices): void {
  const { shape: _, ...measuring } = profilingOptions;
  const idle = Object.entries({ ...planningOptions, ...measuring })
    .filter(([key]) => options[key as keyof DeployChoices] !== undefined)
    .map(([, { flags }]) => flags.split(" ")[0])
    .concat(options.tiles ? ["--tiles"] : []);
  if (idle.length === 0) return;
  throw usage(
    `${idle.join(", ")} cannot change the plan of --plan; leave ${idle.length === 1 ? "it" : "them"} out, or plan again`,
  );
}

async function planFor(
  named: NamedModel,
  topology: Topology,
  call: Pick<Call<DeployChoices>, "options" | "terminal" | "signal">,
): Promise<Planned> {
  const { options, terminal } = call;
  const joining = joiningOf(options);
  const profile = await profileModel(named, options.profile, call);
  const problem = problemOf(profile, topology, options);
  const { planner } = plannerOf(options, problem);
  const answer =
    joining === null
      ? await decide(planner, problem, options, terminal)
      : await decideJoined(profile, topology, joining, options, terminal);
  const plan = demandPlan(answer, problem);
  return {
    plan,
    profile,
    benchmarks: profiledBenchmarks(profile, topology),
    replan: replanner(profile, plan, options),
    judge: judgeLike(plan, profile, options),
  };
}

/**
 * Plans that are gone over to while requests flow keep the limits of the first, and join as many.
 *
 * @param leave what others leave of a part of the topology. Default: all
 */
export function judgeLike(
  plan: Plan,
  profile: Profile,
  options: PlanningChoices & { readonly tiles: boolean },
  leave: (left: Topology) => Topology = (left) => left,
): Judge {
  const { reserved: _, ...alone } = plan;
  const { batch } = plan;
  return {
    problemOf: (left, rows) =>
      problemOfPlan(alone, profile, leave(left), batch === undefined ? 1 : rows),
    solve: (changed) => {
      const { planner } = plannerOf(options, changed);
      const answer = runWithin(planner, changed, { ...options, timeLimit: judgeSeconds });
      return "type" in answer || batch === undefined ? answer : asJoined(answer, profile, batch);
    },
  };
}

/** With profiles, a plan that is given can be replaced after a loss. @throws PLAN_INVALID */
async function planLike(
  plan: Plan,
  named: NamedModel,
  topology: Topology,
  call: Pick<Call<DeployChoices>, "options" | "terminal" | "signal">,
): Promise<Planned> {
  const { options } = call;
  if (options.profile.length === 0) return { plan, profile: null };
  const profile = await profileModel(named, options.profile, call);
  if (graphSha256(profile.graph) !== plan.graphSha256) {
    const message = `the profile is of another graph than the plan ${options.plan}: after a loss nothing could be planned with it; give the one that the plan was made with`;
    throw new CodedError("PLAN_INVALID", message);
  }
  return {
    plan,
    profile,
    benchmarks: profiledBenchmarks(profile, topology),
    replan: replanner(profile, plan, options),
  };
}

/** Plans again in other threads, while this one serves. */
export function replanner(profile: Profile, like: PlanModel, options: PlanningChoices): Replan {
  const keys = Object.keys(planningOptions) as (keyof PlanningChoices)[];
  const choices = Object.fromEntries(keys.map((key) => [key, options[key]])) as PlanningChoices;
  const threads = new PlanningThreads({ profile, choices, like });
  return (left, signal) => threads.plan(left, signal);
}

/** Outputs that are the same for every request are computed once. */
export async function runConstants(
  { model, openTypes }: PreparedGraph,
  threads: number,
): Promise<TensorValues> {
  const part = extractConstantOutputs(model, openTypes);
  if (part === null) return {};
  const session = await createOnnxRuntime().load(part, { threads });
  try {
    return (await session.run({})).outputs;
  } finally {
    await session.release();
  }
}

/** Starts its processes on this machine. */
export function deploy(
  { named: _, judge: _judge, ...deployable }: Deployable,
  how: Omit<FleetOptions, Exclude<keyof Deployable, "judge">>,
): Promise<Fleet> {
  return startFleet({ ...deployable, ...how });
}
