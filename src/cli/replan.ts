import type { Topology } from "../cost/topology.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import type { Plan } from "../plan/plan.ts";
import { problemOfPlan } from "../plan/problem-of-plan.ts";
import { mayAskSolver, plannerOf, runWithin } from "./planning.ts";
import type { PlanningTask, Replanned } from "./planning-threads.ts";

/** Requests wait while a plan is made after a loss. */
const limitSeconds = 1;

/**
 * Plans for what is left of a topology: as the first plan was made, only within a time in which a
 * cluster can wait. Blocks the thread.
 */
export async function replan(
  { profile, choices, like }: PlanningTask,
  topology: Topology,
): Promise<Replanned> {
  const { level, threads } = like;
  // What other models take now has already been taken off the topology.
  const { reserved: _, ...alone } = like;
  const problem = problemOfPlan(alone, profile, topology);
  const { planner } = plannerOf(choices, problem);
  const timeLimit = Math.min(choices.timeLimit ?? limitSeconds, limitSeconds);
  const solver = mayAskSolver(planner) ? await loadHighsSolver() : undefined;
  const answer = runWithin(planner, problem, { ...choices, timeLimit }, solver);
  if ("type" in answer) return { infeasible: answer.reason };
  const plan: Plan = answer;
  return {
    ...plan,
    ...(level === undefined ? {} : { level }),
    ...(threads === undefined ? {} : { threads }),
  };
}
