/**
 * Models that are to be served, with all that planning and running them needs.
 *
 * @module
 */
import type { Replan } from "../../cluster/coordinator-options.ts";
import type { Profile } from "../../cost/profile.ts";
import { profiledBenchmarks } from "../../cost/relative-speed.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Joining } from "../../plan/batch.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Limits } from "../../plan/problem.ts";
import { forGraph } from "../../plan/reservation.ts";
import type { PreparedGraph } from "../../runtime/prepare.node.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { Call } from "../command.ts";
import { replanner, runConstants } from "../deploy.ts";
import { profileModel, shapesOf } from "../measuring.ts";
import { loadModel, type NamedModel } from "../model-argument.ts";
import { modelSha256 } from "../model-hash.ts";
import { limitsOf, type PlanningChoices } from "../planning.ts";
import type { PlanModel } from "../planning-threads.ts";
import { prepareModel } from "../prepare.ts";
import { loadProfile, type ProfilingChoices } from "../profiles.ts";
import { keepUp, periodAt } from "./keep-up.ts";
import type { NamedArgument } from "./named-models.ts";

/** How often a model is taken to be asked of which that was not stated. */
const usualRequestsPerSecond = 1;

export type SourceChoices = PlanningChoices &
  ProfilingChoices & { readonly profile: readonly string[]; readonly tiles: boolean };

export interface ServedSource {
  /** Where it is served. */
  readonly name: string;
  readonly named: NamedModel;
  /** Its graph has the name, too. */
  readonly prepared: PreparedGraph;
  readonly constantOutputs: TensorValues;
  readonly profile: Profile;
  readonly limits: Limits;
  readonly requestsPerSecond: number;
  /** Whether that was stated, so that a plan must keep up with it. */
  readonly isRateStated: boolean;
  /** How its requests may be joined; left out: each goes by itself. */
  readonly joining?: Joining;
  /** What is asked of its plans. */
  readonly choices: SourceChoices;
  /** What all its plans have in common. */
  readonly like: PlanModel;
  /** Plans it within a time in which a cluster can wait, at a rate that was stated if it can be. */
  readonly replan: Replan;
  readonly benchmarks: Readonly<Record<string, number>>;
  /** With what the topology says of this model's inputs only. */
  readonly topology: Topology;
}

type Surrounding = Pick<Call<SourceChoices>, "options" | "terminal" | "signal">;

/**
 * Loads, measures and optimises one model after the other.
 *
 * @throws PROFILE_INVALID if a profile is of none of the models, and what loading and measuring throw
 */
export async function loadSources(
  models: readonly NamedArgument[],
  topology: Topology,
  call: Surrounding,
): Promise<readonly ServedSource[]> {
  const sources: ServedSource[] = [];
  const profiles = await profilesByModel(call);
  for (const model of models) sources.push(await loadSource(model, topology, profiles, call));
  return sources;
}

/** Files of profiles by the model that they were measured with; of one model all are taken to be its own. */
async function profilesByModel({ options, terminal }: Surrounding): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for (const file of options.profile) {
    const { source } = await loadProfile(file, terminal);
    const hash = source?.modelSha256 ?? "";
    files.set(hash, [...(files.get(hash) ?? []), file]);
  }
  return files;
}

async function loadSource(
  { name, argument, requestsPerSecond, joining }: NamedArgument,
  topology: Topology,
  profiles: ReadonlyMap<string, readonly string[]>,
  { options, terminal, signal }: Surrounding,
): Promise<ServedSource> {
  const choices = { ...options, maxBatch: joining?.most, maxWait: joining?.waitSeconds };
  const named = await loadModel(argument, terminal);
  const files = profiles.get(modelSha256(named.model)) ?? profiles.get("") ?? [];
  const surrounding = { terminal, signal, options: choices };
  const profile = await profileModel({ ...named, name }, files, surrounding);
  signal.throwIfAborted();
  const level = profile.source?.level ?? "extended";
  const { threads } = profile.source ?? {};
  const prepared = await prepareModel(named.model, level, shapesOf(profile));
  const limits = limitsOf(profile, choices);
  const objective = choices.objective ?? "latency";
  const like = { objective, limits, level, ...(threads === undefined ? {} : { threads }) };
  return {
    name,
    named,
    prepared: { ...prepared, graph: { ...prepared.graph, name } },
    constantOutputs: await runConstants(prepared, threads ?? 1),
    profile,
    limits,
    requestsPerSecond: requestsPerSecond ?? usualRequestsPerSecond,
    isRateStated: requestsPerSecond !== null,
    ...(joining === null ? {} : { joining }),
    choices,
    like,
    replan: replanOf(profile, like, choices, requestsPerSecond),
    benchmarks: profiledBenchmarks(profile, topology),
    topology: forGraph(topology, profile.graph),
  };
}

function replanOf(
  profile: Profile,
  like: PlanModel,
  choices: SourceChoices,
  requestsPerSecond: number | null,
): Replan {
  const fastest = replanner(profile, like, choices);
  if (requestsPerSecond === null) return fastest;
  const limits = { ...like.limits, periodSeconds: periodAt(requestsPerSecond) };
  const steady = replanner(profile, { ...like, limits }, choices);
  return keepUp(fastest, steady, requestsPerSecond);
}

/** A plan that runs its parts as those of the model are measured. */
export function asMeasured(plan: Plan, { like: { level, threads } }: ServedSource): Plan {
  return {
    ...plan,
    ...(level === undefined ? {} : { level }),
    ...(threads === undefined ? {} : { threads }),
  };
}
