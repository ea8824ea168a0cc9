/**
 * The options that say what a plan is to be like, and the way from them to a plan: the same for all
 * commands that plan.
 *
 * @module
 */
import { systemClock } from "../base/clock.node.ts";
import { CodedError } from "../base/errors.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { readTopology } from "../cost/topology-file.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import type { LinearSolver } from "../plan/linear-solver.ts";
import { formatObjective, parseObjective } from "../plan/objective.ts";
import { type Plan, readPlan } from "../plan/plan.ts";
import type { Planner } from "../plan/planner.ts";
import { exact } from "../plan/planners/exact.ts";
import { auto, choosePlanner, type PlannerChoice, planners } from "../plan/planners.ts";
import { createProblem, type Limits, type Problem } from "../plan/problem.ts";
import { runPlanner } from "../plan/run-planner.ts";
import { refuseBlocked } from "../plan/tiles/refuse.ts";
import { type Argument, flag, type Option, quantity, text, usage, whole } from "./command.ts";
import { execPlanner, execPrefix } from "./exec-planner.ts";
import { readText, shownName } from "./files.ts";
import type { Terminal } from "./terminal.ts";

export const topologyArgument: Argument = {
  syntax: "<topology>",
  summary: "devices and links, as YAML or JSON",
};

/** Options as commands list them. */
export const planningOptions: {
  readonly objective: Option<string | undefined>;
  readonly planner: Option<string | undefined>;
  readonly keepLocal: Option<string | undefined>;
  readonly maxLatency: Option<number | undefined>;
  readonly maxPeriod: Option<number | undefined>;
  readonly maxEnergy: Option<number | undefined>;
  readonly maxMemory: Option<number | undefined>;
  readonly maxBatch: Option<number | undefined>;
  readonly maxWait: Option<number | undefined>;
  readonly timeLimit: Option<number | undefined>;
  readonly seed: Option<number | undefined>;
} = {
  objective: text(
    "--objective <what>",
    'latency (default), throughput, energy, or a sum such as "latency + 0.2 s/J · energy"',
  ),
  planner: text(
    "--planner <name>",
    "algorithm (default: auto); exec:COMMAND runs a program that reads the problem on its standard input",
  ),
  keepLocal: text(
    "--keep-local <tensor|n>",
    "privacy: everything this tensor is made from, or the first n nodes, stays on the source",
  ),
  maxLatency: quantity("--max-latency <50 ms>", "upper limit of the latency", "s"),
  maxPeriod: quantity("--max-period <50 ms>", "upper limit of the time between answers", "s"),
  maxEnergy: quantity("--max-energy <2 J>", "upper limit of the energy of one inference", "J"),
  maxMemory: quantity(
    "--max-memory <512 MiB>",
    "upper limit of the memory of each device, where the topology says no less",
    "B",
  ),
  maxBatch: whole("--max-batch <n>", "join up to n requests that wait, if it pays (default 1)", 1),
  maxWait: quantity(
    "--max-wait <5 ms>",
    "let a request wait so long for others to be joined with (default 0 s: only for room)",
    "s",
  ),
  timeLimit: quantity(
    "--time-limit <10 s>",
    "stop after this time with the best found, its bound and its gap",
    "s",
  ),
  seed: whole("--seed <n>", "seed of planners that draw lots (default 1)"),
};

export const topologyOption: Option<string | undefined> = text(
  "-t, --topology <file>",
  topologyArgument.summary,
);

/** EX_UNAVAILABLE of sysexits(3): nothing keeps the limits. */
export const infeasibleExitCode = 69;

/** Beside `planningOptions`, for commands that deal with one plan. */
export const tilesOption: Option<boolean> = flag(
  "--tiles",
  "let several devices run a stage together, each some of the rows, and one device tile by tile what its memory has no room for",
);

/** What the options of `planningOptions` were given as. */
export type PlanningChoices = {
  readonly [K in keyof typeof planningOptions]: ReturnType<(typeof planningOptions)[K]["read"]>;
};

/** @throws TOPOLOGY_INVALID, FILE_NOT_FOUND; USAGE_INVALID for a model */
export async function loadTopology(path: string, terminal: Terminal): Promise<Topology> {
  return (await loadTopologyText(path, terminal)).topology;
}

/** The same, with what was read. @throws TOPOLOGY_INVALID, FILE_NOT_FOUND; USAGE_INVALID for a model */
export async function loadTopologyText(
  path: string,
  terminal: Terminal,
): Promise<{ readonly text: string; readonly topology: Topology }> {
  if (/^zoo:|\.onnx$/.test(path)) {
    throw usage(`${path} is a model, where a topology is meant: a YAML or JSON file`);
  }
  const text = await readText(path, terminal);
  return { text, topology: readTopology(text, shownName(path)) };
}

/** @throws PLAN_INVALID, FILE_NOT_FOUND */
export async function loadPlan(path: string, terminal: Terminal): Promise<Plan> {
  return readPlan(await readText(path, terminal), shownName(path));
}

/** @throws USAGE_INVALID, PROFILE_INVALID, TOPOLOGY_INVALID, TENSOR_UNKNOWN */
export function problemOf(
  profile: Profile,
  topology: Topology,
  choices: PlanningChoices & { readonly tiles?: boolean },
): Problem {
  const limits = limitsOf(profile, choices);
  return createProblem(profile, topology, parseObjective(choices.objective ?? "latency"), limits);
}

/**
 * The limits that are asked for, of a graph that there is something to plan of.
 *
 * @throws USAGE_INVALID, PROFILE_INVALID
 */
export function limitsOf(
  profile: Profile,
  choices: PlanningChoices & { readonly tiles?: boolean },
): Limits {
  if (profile.graph.nodes.length === 0) {
    throw new CodedError(
      "PROFILE_INVALID",
      `the graph '${profile.graph.name}' has no nodes: there is nothing to place; profile a model that computes something`,
    );
  }
  if (choices.tiles === true) refuseBlocked(profile.graph);
  const { maxLatency, maxPeriod, maxEnergy, maxMemory, keepLocal } = choices;
  return {
    ...(maxLatency === undefined ? {} : { latencySeconds: maxLatency }),
    ...(maxPeriod === undefined ? {} : { periodSeconds: maxPeriod }),
    ...(maxEnergy === undefined ? {} : { energyJoules: maxEnergy }),
    ...(maxMemory === undefined ? {} : { memoryBytes: maxMemory }),
    ...(keepLocal === undefined ? {} : { keepLocal: tensorOrCount(keepLocal, profile) }),
    ...(choices.tiles === true ? { tiles: true } : {}),
  };
}

/**
 * @param note receives what a program that plans (`exec:COMMAND`) wrote to its standard error
 * @throws USAGE_INVALID
 */
export function plannerOf(
  choices: PlanningChoices,
  problem: Problem,
  note?: (text: string) => void,
): PlannerChoice {
  const { planner: name = "auto", timeLimit, seed = 1 } = choices;
  if (name.startsWith(execPrefix)) {
    const planner = execPlanner(name, {
      seed,
      ...(timeLimit === undefined ? {} : { timeLimitSeconds: timeLimit }),
      ...(note === undefined ? {} : { note }),
    });
    return { planner, reason: "it was asked for" };
  }
  if (name === "auto") return choosePlanner(problem);
  const planner = Object.hasOwn(planners, name) ? planners[name] : undefined;
  if (planner !== undefined) return { planner, reason: "it was asked for" };
  throw usage(
    `--planner wants ${Object.keys(planners).join(", ")}, or exec:COMMAND, not "${name}"`,
  );
}

/** Runs a planner, with a solver for bounds where it may ask for one; blocks the thread. */
export async function decide(
  planner: Planner,
  problem: Problem,
  choices: PlanningChoices,
  terminal: Terminal,
): Promise<Plan | Infeasible> {
  const solver = mayAskSolver(planner) ? await loadHighsSolver() : undefined;
  return terminal.blocking(() => runWithin(planner, problem, choices, solver));
}

/** Whether a planner makes use of a solver for bounds. */
export function mayAskSolver({ name }: Planner): boolean {
  return name === exact.name || name === auto.name;
}

/** Runs a planner, where `Terminal.blocking` is already taken care of. */
export function runWithin(
  planner: Planner,
  problem: Problem,
  { timeLimit: timeLimitSeconds, seed = 1 }: PlanningChoices,
  solver?: LinearSolver,
): Plan | Infeasible {
  return runPlanner(planner, problem, {
    seed,
    clock: systemClock,
    ...(solver === undefined ? {} : { solver }),
    ...(timeLimitSeconds === undefined ? {} : { timeLimitSeconds }),
  });
}

/** For commands that cannot go on without a plan. @throws PLAN_INFEASIBLE */
export function demandPlan(answer: Plan | Infeasible, problem: Problem): Plan {
  if (!("type" in answer)) return answer;
  const message = `no plan for ${formatObjective(problem.objective)} is allowed: ${answer.reason}`;
  throw new CodedError("PLAN_INFEASIBLE", message, { witness: answer.witness });
}

/**
 * Exporters also name tensors by numbers, so that an existing tensor comes first.
 *
 * @throws USAGE_INVALID for an input of the graph, which would keep nothing
 */
function tensorOrCount(written: string, { graph }: Profile): string | number {
  if (graph.inputs.includes(written)) {
    throw usage(
      `--keep-local ${written} would keep nothing: it is an input of the graph; name the first tensor that may leave, or 1 to keep the first node and its inputs`,
    );
  }
  const isTensor = graph.tensors.some(({ name }) => name === written);
  return !isTensor && /^\d+$/.test(written) ? Number(written) : written;
}
