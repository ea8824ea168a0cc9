import { findLine } from "./line.ts";
import type { Planner } from "./planner.ts";
import { createAuto, upTo } from "./planners/auto.ts";
import { cic } from "./planners/cic.ts";
import { d3, d3BestRun, d3Exact, d3LookAhead } from "./planners/d3.ts";
import { dads } from "./planners/dads.ts";
import { exact } from "./planners/exact.ts";
import { isForPieces } from "./planners/exact-pipelines.ts";
import { greedy } from "./planners/greedy.ts";
import { kpath } from "./planners/kpath.ts";
import { kpathPublished } from "./planners/kpath-published.ts";
import { neurosurgeon } from "./planners/neurosurgeon.ts";
import { pipedge } from "./planners/pipedge.ts";
import { pso } from "./planners/pso.ts";
import { random } from "./planners/random.ts";
import { resourceAware, resourceAwareWeighted } from "./planners/resource-aware.ts";
import { single } from "./planners/single.ts";
import type { Problem } from "./problem.ts";

/** All but `auto`, in order of what they promise. */
const catalogue: readonly Planner[] = [
  random,
  single,
  greedy,
  resourceAware,
  resourceAwareWeighted,
  kpathPublished,
  kpath,
  neurosurgeon,
  pipedge,
  pso,
  d3,
  d3LookAhead,
  d3BestRun,
  d3Exact,
  cic,
  dads,
  exact,
];

/** Compressing a larger graph may take half a second. */
const mostCompressed = 3000;

/** What is picked unless told. */
export const auto: Planner = createAuto(
  catalogue
    .filter((planner) => planner !== exact && planner !== random)
    .map((planner) => (planner === cic ? upTo(planner, mostCompressed) : planner)),
);

/** The planners by name. */
export const planners: Readonly<Record<string, Planner>> = Object.fromEntries(
  [...catalogue, auto].map((planner) => [planner.name, planner]),
);

/** A planner and why it was picked. */
export interface PlannerChoice {
  readonly planner: Planner;
  readonly reason: string;
}

/** The planner that fits a problem best: what `auto` stands for. */
export function choosePlanner(problem: Problem): PlannerChoice {
  return { planner: auto, reason: methodFor(problem) };
}

function methodFor(problem: Problem): string {
  const { objective, limits, devices } = problem;
  if (objective.type === "throughput") return throughputMethod(problem);
  if (findLine(problem) === null) return "branch and bound, since the devices form no line";
  const isLimited =
    devices.some(({ memoryBytes }) => memoryBytes !== null) ||
    limits.latencySeconds !== undefined ||
    limits.periodSeconds !== undefined ||
    limits.energyJoules !== undefined;
  return isLimited
    ? "one minimum cut; branch and bound if that breaks a limit"
    : "one minimum cut over devices in a line";
}

function throughputMethod(problem: Problem): string {
  return isForPieces(problem)
    ? "threshold search over chains of pieces, since the devices are many"
    : "search over chains of stages";
}
