import { findLine } from "./line.ts";
import type { Planner } from "./planner.ts";
import { exact } from "./planners/exact.ts";
import { isForPieces } from "./planners/exact-pipelines.ts";
import { random } from "./planners/random.ts";
import { single } from "./planners/single.ts";
import type { Problem } from "./problem.ts";

/** The planners by name, in order of what they promise. */
export const planners: Readonly<Record<string, Planner>> = { random, single, exact };

/** A planner and why it was picked. */
export interface PlannerChoice {
  readonly planner: Planner;
  readonly reason: string;
}

/** The planner that fits a problem best: what `auto` stands for. */
export function choosePlanner(problem: Problem): PlannerChoice {
  return { planner: exact, reason: methodFor(problem) };
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
