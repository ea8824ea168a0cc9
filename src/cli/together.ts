/**
 * Several models on the same devices, on the command line: `partita plan A B --rate A=5/s`.
 *
 * @module
 */
import { join } from "node:path";
import type { Topology } from "../cost/topology.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import { type ModelDemand, planSeveral, type SeveralPlans } from "../plan/several.ts";
import type { Solve } from "../plan/solve.ts";
import { type Call, usage } from "./command.ts";
import { makeFolder, writeWhole } from "./files.ts";
import { secondsPerPlan } from "./front.ts";
import { type ModelReference, readModels, readNamed, readRates } from "./models.ts";
import { obtainProfile } from "./obtain-profile.ts";
import { limitsOf, type PlanningChoices, plannerOf, runWithin } from "./planning.ts";
import { reportInfeasible } from "./print/infeasible.ts";
import { showProgress } from "./print/progress.ts";
import { formatSeveral, severalDocument } from "./print/several.ts";
import type { ProfilingChoices } from "./profiles.ts";
import type { Terminal } from "./terminal.ts";

/** What is asked for several models, all with the same limits. */
export type DemandChoices = PlanningChoices &
  ProfilingChoices & {
    readonly rate: readonly string[];
    readonly profile: readonly string[];
    readonly tiles: boolean;
  };

type Choices = DemandChoices & {
  readonly output: string | undefined;
  readonly [option: string]: unknown;
};

type Surroundings<C> = Pick<Call<C>, "options" | "terminal" | "signal">;

/** Options of `partita plan` that are about one plan. */
const forOnePlan = ["pareto", "points", "plans", "trace", "vary", "samples", "judge"] as const;
const drawing = ["dot", "svg", "writeProblem", "compress"] as const;

/**
 * Plans several models and writes what was asked for. Returns the exit code.
 *
 * @throws USAGE_INVALID, TOPOLOGY_INVALID, FILE_WRITE_FAILED, and what obtaining profiles throws
 */
export async function planTogether(
  topology: Topology,
  call: Surroundings<Choices> & { readonly arguments: readonly string[] },
): Promise<number> {
  const { options, terminal } = call;
  refuseOptionsOfOne(options);
  const demands = await readDemands(readModels(call.arguments), call);
  const answer = await placeModels(topology, demands, options, terminal);
  if (answer.type === "infeasible") {
    const heading =
      demands.length === 1 ? "The model finds no place:" : "Not all models find a place:";
    return reportInfeasible(answer, heading, terminal);
  }
  if (options.output !== undefined) await writePlans(answer, options.output, terminal);
  if (terminal.json) terminal.document(severalDocument(answer));
  else terminal.line(formatSeveral(answer, topology, terminal));
  return 0;
}

/**
 * What is to be placed: each model with its profile, its rate and the limits of all.
 *
 * @throws USAGE_INVALID if a model has no rate, or what is asked for is none of several models
 */
export async function readDemands(
  models: readonly ModelReference[],
  call: Surroundings<DemandChoices>,
): Promise<ModelDemand[]> {
  const { options } = call;
  refuseObjective(options);
  const rates = readRates(options.rate, models);
  const further = readNamed("--profile", options.profile, models);
  const demands: ModelDemand[] = [];
  for (const { name, argument } of models) {
    const requestsPerSecond = rates.get(name);
    if (requestsPerSecond === undefined) {
      throw usage(`--rate ${name}=5/s is missing: how often model '${name}' is asked`);
    }
    const others = further.get(name);
    const profile = await obtainProfile(argument, others === undefined ? [] : [others], call);
    demands.push({ name, profile, requestsPerSecond, limits: limitsOf(profile, options) });
  }
  return demands;
}

/** Plans them with the planner and the time limit that are asked for; blocks the thread. */
export async function placeModels(
  topology: Topology,
  demands: readonly ModelDemand[],
  options: PlanningChoices,
  terminal: Terminal,
): Promise<SeveralPlans | Infeasible> {
  const solver = await loadHighsSolver();
  const progress = showProgress("plans", terminal);
  const solves = { count: 0 };
  const { timeLimit = secondsPerPlan } = options;
  const solve: Solve = (problem) => {
    solves.count++;
    progress.update(Math.min(0.99, solves.count / 100), `plan ${solves.count}`);
    const { planner } = plannerOf(options, problem, terminal.note);
    return runWithin(planner, problem, { ...options, timeLimit }, solver);
  };
  try {
    return terminal.blocking(() => planSeveral(topology, demands, solve));
  } finally {
    progress.stop();
  }
}

function refuseOptionsOfOne(options: Choices): void {
  const stray = [...forOnePlan, ...drawing].find((key) => {
    const given = options[key];
    return given !== undefined && given !== false && !(Array.isArray(given) && given.length === 0);
  });
  if (stray === undefined) return;
  const flag = stray.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw usage(
    `--${flag} is about one model in a topology of its own; leave it out, or plan the models one by one without --rate`,
  );
}

/** A part of a device draws no power of its own, and has no throughput but the rate. */
function refuseObjective({ objective, maxEnergy }: PlanningChoices): void {
  if (objective !== undefined && objective !== "latency") {
    throw usage(
      `--objective ${objective} is about one model; several are placed such that each keeps up with its --rate and answers soon: leave it out`,
    );
  }
  if (maxEnergy === undefined) return;
  throw usage("--max-energy is about one model: what several draw together is not planned");
}

async function writePlans(
  { models }: SeveralPlans,
  folder: string,
  terminal: Terminal,
): Promise<void> {
  if (folder === "-") {
    throw usage(
      "-o wants a folder for the plans of several models; --json writes all to standard output",
    );
  }
  await makeFolder(folder);
  for (const { name, plan } of models) {
    const path = join(folder, `${name}.plan.json`);
    await writeWhole(path, `${JSON.stringify(plan, null, 2)}\n`, terminal);
  }
}
