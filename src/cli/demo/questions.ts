/**
 * The three questions that the demo asks of the same machines.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import type { Objective } from "../../plan/objective.ts";
import type { Plan } from "../../plan/plan.ts";
import { planners } from "../../plan/planners.ts";
import { createProblem, type Limits, type Problem } from "../../plan/problem.ts";
import { runPlanner } from "../../plan/run-planner.ts";

export interface Question {
  readonly letter: "a" | "b" | "c";
  readonly text: string;
  readonly objective: Objective;
  readonly limits: Limits;
}

/** A question with its plan, and the best that one device alone could do. */
export interface Answer {
  readonly question: Question;
  readonly problem: Problem;
  readonly plan: Plan;
  /** `null` where no device can do it alone. */
  readonly alone: { readonly device: string; readonly value: number } | null;
  /** The value of the best device alone ÷ the plan's; `null` where there is none. */
  readonly gain: number | null;
  readonly splits: boolean;
}

/** What the camera keeps to itself ends with the second node that has weights. */
const learnedNodes = 2;
/** Biases and constants are no weights. */
const fewestWeightBytes = 1024;
const timeLimitSeconds = 5;

export function askQuestions(profile: Profile, source: string): Question[] {
  const kept = firstLearnedNodes(profile);
  return [
    {
      letter: "a",
      text: "Which plan has the lowest latency?",
      objective: { type: "latency" },
      limits: {},
    },
    {
      letter: "b",
      text: "Which plan answers most requests per second?",
      objective: { type: "throughput" },
      limits: {},
    },
    {
      letter: "c",
      text: `The picture may not leave the ${source}: which plan answers most requests per second? (--keep-local ${kept}: the first ${kept} nodes stay there)`,
      objective: { type: "throughput" },
      limits: { keepLocal: kept },
    },
  ];
}

function firstLearnedNodes({ graph }: Profile): number {
  const learned = graph.nodes.flatMap(({ parameterBytes }, node) =>
    parameterBytes >= fewestWeightBytes ? [node] : [],
  );
  return Math.min(graph.nodes.length, (learned[learnedNodes - 1] ?? 0) + 1);
}

/** Plans exactly, within five seconds; the plan says how good it is proven to be. */
export function answerQuestion(
  question: Question,
  profile: Profile,
  topology: Topology,
  clock: Clock,
): Answer | Infeasible {
  const problem = createProblem(profile, topology, question.objective, question.limits);
  const exact = planners["exact"];
  if (exact === undefined) throw new Error("the planner 'exact' is missing");
  const plan = runPlanner(exact, problem, { seed: 1, clock, timeLimitSeconds });
  if ("type" in plan) return plan;
  const value =
    question.objective.type === "throughput"
      ? plan.claimed.periodSeconds
      : plan.claimed.latencySeconds;
  const [alone = null] = Object.entries(plan.alternatives)
    .map(([device, seconds]) => ({ device, value: seconds }))
    .sort((one, other) => one.value - other.value);
  return {
    question,
    problem,
    plan,
    alone,
    gain: alone === null ? null : alone.value / value,
    splits: new Set(Object.values(plan.placement)).size > 1,
  };
}
