import type { Planner } from "./planner.ts";
import { exact } from "./planners/exact.ts";
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
  const refusal = exact.refuses(problem);
  if (refusal === null) return { planner: exact, reason: "it finds the best of all placements" };
  return { planner: single, reason: `exact cannot: ${refusal}` };
}
