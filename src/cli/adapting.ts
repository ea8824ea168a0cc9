/**
 * What live re-planning would do along a trace: the plans that it may choose from, and the comparison.
 *
 * @module
 */
import { choiceOf } from "../control/adapter.ts";
import { type Choice, type Choices, createChoices, wholeChoices } from "../control/choices.ts";
import { statesOf, type Trace } from "../cost/trace.ts";
import type { Planner } from "../plan/planner.ts";
import type { Problem } from "../plan/problem.ts";
import { recodedAt } from "../plan/problem-at.ts";
import { comparePolicies, type PolicyFigures } from "../sim/compare-policies.ts";
import type { SimulationOptions } from "../sim/pipeline.ts";
import { decide, type PlanningChoices } from "./planning.ts";
import type { Terminal } from "./terminal.ts";

/** More states than this are thinned out, evenly: neighbours in time have mostly one best plan. */
const mostStates = 60;

export interface Adaptation {
  readonly choices: Choices;
  readonly figures: readonly PolicyFigures[];
}

/**
 * Plans for the states of a trace, and compares control with an oracle and with plans that stay.
 *
 * @param start what serves first
 */
export async function compareAdapting(
  problem: Problem,
  start: Choice,
  asked: { create(): SimulationOptions; readonly trace: Trace; readonly warmUp: number },
  planner: Planner,
  chosen: PlanningChoices,
  terminal: Terminal,
): Promise<Adaptation> {
  const states = statesOf(asked.trace);
  const step = Math.max(1, states.length / mostStates);
  const known: Choice[] = [start, ...wholeChoices(problem)];
  for (let at = 0; at < states.length; at += step) {
    const { state } = states[Math.floor(at)] as (typeof states)[number];
    const plan = await decide(planner, recodedAt(problem, state), chosen, terminal);
    if ("type" in plan) continue;
    known.push(choiceOf(problem, plan));
  }
  const choices = createChoices(problem, known);
  const figures = terminal.blocking(() =>
    comparePolicies(choices, {
      arrivals: () => asked.create().arrivals,
      requests: asked.create().requests,
      warmUp: asked.warmUp,
      trace: asked.trace,
      start: choices.add(start) ?? 0,
    }),
  );
  return { choices, figures };
}
