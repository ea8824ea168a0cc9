import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { questionOf } from "../plan/batch.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import { parseObjective } from "../plan/objective.ts";
import type { Plan } from "../plan/plan.ts";
import { problemOfPlan } from "../plan/problem-of-plan.ts";
import { answerJoined, joiningOf } from "./joining.ts";
import { mayAskSolver, type PlanningChoices, plannerOf, runWithin } from "./planning.ts";
import type { PlanModel, PlanningTask, Replanned } from "./planning-threads.ts";

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
  const timeLimit = Math.min(choices.timeLimit ?? limitSeconds, limitSeconds);
  const answer = await solve(alone, profile, topology, { ...choices, timeLimit });
  if ("type" in answer) return { infeasible: answer.reason };
  const plan: Plan = answer;
  return {
    ...plan,
    ...(level === undefined ? {} : { level }),
    ...(threads === undefined ? {} : { threads }),
  };
}

/**
 * Where requests are joined, how many of them is decided anew, all within the time of one plan: as the
 * plan was made, or, where there is none yet, as the limits of one request say.
 */
async function solve(
  like: PlanModel,
  profile: Profile,
  topology: Topology,
  choices: PlanningChoices & { readonly timeLimit: number },
): Promise<Plan | Infeasible> {
  if (like.batch !== undefined) {
    const question = questionOf(like, profile, topology);
    const waitSeconds = choices.maxWait ?? question.waitSeconds;
    const timeLimit = choices.timeLimit / like.batch.tried.length;
    return await answerJoined({ ...question, waitSeconds }, { ...choices, timeLimit });
  }
  const joining = joiningOf(choices);
  if (joining !== null) {
    const { limits } = like;
    const question = { profile, topology, objective: parseObjective(like.objective), limits };
    // Numbers of requests that are measured double.
    const timeLimit = choices.timeLimit / (1 + Math.ceil(Math.log2(joining.most)));
    return await answerJoined({ ...question, ...joining }, { ...choices, timeLimit });
  }
  const problem = problemOfPlan(like, profile, topology);
  const { planner } = plannerOf(choices, problem);
  const solver = mayAskSolver(planner) ? await loadHighsSolver() : undefined;
  return runWithin(planner, problem, choices, solver);
}
