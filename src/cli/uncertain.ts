/**
 * Links and devices that change, on the command line: `partita plan --trace` and `--vary`.
 *
 * @module
 */
import { createRandom } from "../base/random.ts";
import type { Topology } from "../cost/topology.ts";
import { statesOf, type WeightedState } from "../cost/trace.ts";
import { parseVariation, sampleStates } from "../cost/variation.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import type { Solve } from "../plan/solve.ts";
import { parseJudge } from "../plan/uncertain/judge.ts";
import { planUncertain } from "../plan/uncertain.ts";
import { type Option, text, texts, usage, whole } from "./command.ts";
import { secondsPerPlan } from "./front.ts";
import { type PlanningChoices, plannerOf, runWithin } from "./planning.ts";
import { showProgress } from "./print/progress.ts";
import type { Terminal } from "./terminal.ts";
import { readTraces } from "./traces.ts";

/** Options as `partita plan` lists them. */
export const uncertainOptions: {
  readonly trace: Option<readonly string[]>;
  readonly vary: Option<readonly string[]>;
  readonly samples: Option<number | undefined>;
  readonly judge: Option<string | undefined>;
} = {
  trace: texts(
    "--trace <file>",
    "the best plan to keep while links and devices change as in this CSV: seconds,link,bandwidthBitsPerSecond or seconds,device,slowDown",
  ),
  vary: texts(
    "--vary <what>",
    "the same for a distribution: 'camera->gateway=5..40 Mbit/s', 'cloud=1..3' (slow-down), 'a->b=lognormal(20 Mbit/s, 0.5)'",
  ),
  samples: whole("--samples <n>", "states drawn for --vary (default 1000)", 1),
  judge: text(
    "--judge <what>",
    "what makes a plan for --trace or --vary the best: mean (default) or a quantile such as p90",
  ),
};

type UncertainChoices = PlanningChoices & {
  readonly [K in keyof typeof uncertainOptions]: ReturnType<(typeof uncertainOptions)[K]["read"]>;
};

const defaultSamples = 1000;

/**
 * The states of the world that the options speak of; `null` if they speak of none.
 *
 * @throws USAGE_INVALID, TRACE_INVALID, FILE_NOT_FOUND
 */
export async function readStates(
  topology: Topology,
  { trace, vary, samples, judge, seed = 1 }: UncertainChoices,
  terminal: Terminal,
): Promise<readonly WeightedState[] | null> {
  if (trace.length > 0 && vary.length > 0) {
    throw usage(
      "--trace and --vary cannot be mixed: a trace says what happens, --vary how it is spread",
    );
  }
  if (trace.length === 0 && vary.length === 0) {
    if (judge === undefined && samples === undefined) return null;
    throw usage(
      `--${judge === undefined ? "samples" : "judge"} is about links that change; add --trace FILE or --vary WHAT`,
    );
  }
  if (vary.length > 0) {
    const variations = vary.map((written) => parseVariation(written, topology));
    return sampleStates(topology, variations, samples ?? defaultSamples, createRandom(seed));
  }
  if (samples !== undefined)
    throw usage("--samples is about --vary; a trace has the states that it has");
  return statesOf(await readTraces(trace, topology, terminal));
}

/** Plans for states of the world. @throws USAGE_INVALID */
export async function decideUncertain(
  problem: Problem,
  states: readonly WeightedState[],
  choices: UncertainChoices,
  terminal: Terminal,
): Promise<Plan | Infeasible> {
  const judge = parseJudge(choices.judge ?? "mean");
  const { planner } = plannerOf(choices, problem);
  const { timeLimit = secondsPerPlan, seed = 1 } = choices;
  const solver = await loadHighsSolver();
  const progress = showProgress("plans", terminal);
  const solves = { count: 0 };
  const solve: Solve = (part) => {
    solves.count++;
    progress.update(1 - 0.97 ** solves.count, `plan ${solves.count}`);
    return runWithin(planner, part, { ...choices, timeLimit }, solver);
  };
  const started = performance.now();
  const plan = terminal.blocking(() =>
    planUncertain(problem, { solve, solver, judge, states, seed }),
  );
  progress.stop();
  if ("type" in plan) return plan;
  return { ...plan, decisionSeconds: (performance.now() - started) / 1000 };
}
