/**
 * From the options that say how requests may be joined to a plan that joins them.
 *
 * @module
 */
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { type BatchQuestion, type Joining, planBatches } from "../plan/batch.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import type { Plan } from "../plan/plan.ts";
import { usage } from "./command.ts";
import { type PlanningChoices, plannerOf, problemOf, runWithin } from "./planning.ts";
import type { Terminal } from "./terminal.ts";

/** How requests may be joined; `null`: nobody asked for it. @throws USAGE_INVALID */
export function joiningOf({
  maxBatch,
  maxWait,
}: Pick<PlanningChoices, "maxBatch" | "maxWait">): Joining | null {
  if (maxBatch !== undefined) return { most: maxBatch, waitSeconds: maxWait ?? 0 };
  if (maxWait === undefined) return null;
  throw usage(
    "--max-wait says how long a request waits to be joined with others: add --max-batch N",
  );
}

/** @throws USAGE_INVALID if requests are to be joined where several models share devices */
export function refuseJoiningOfSeveral({ maxBatch, maxWait }: PlanningChoices): void {
  if (maxBatch === undefined && maxWait === undefined) return;
  throw usage(
    "--max-batch and --max-wait are for one model; leave them out, or plan the model alone",
  );
}

/**
 * The best plan for each number of requests that was measured, and of them the one that pays.
 *
 * @throws USAGE_INVALID, PROFILE_INVALID, TOPOLOGY_INVALID, TENSOR_UNKNOWN
 */
export async function decideJoined(
  profile: Profile,
  topology: Topology,
  joining: Joining,
  choices: PlanningChoices & { readonly tiles?: boolean },
  terminal: Terminal,
): Promise<Plan | Infeasible> {
  const { objective, limits } = problemOf(profile, topology, choices);
  const question = { profile, topology, objective, limits, ...joining };
  return await answerJoined(question, choices, terminal);
}

/** @param terminal left out: `Terminal.blocking` is already taken care of */
export async function answerJoined(
  question: BatchQuestion,
  choices: PlanningChoices,
  terminal?: Terminal,
): Promise<Plan | Infeasible> {
  const solver = await loadHighsSolver();
  const plan = () =>
    planBatches(question, (problem) =>
      runWithin(plannerOf(choices, problem).planner, problem, choices, solver),
    );
  return terminal === undefined ? plan() : terminal.blocking(plan);
}
