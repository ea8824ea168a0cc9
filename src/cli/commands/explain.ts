import { asPass } from "../../plan/batch.ts";
import { check } from "../../plan/check.ts";
import { defaultBudget, explain as explainPlan } from "../../plan/explain.ts";
import { problemOfPlan } from "../../plan/problem-of-plan.ts";
import { argumentAt, type Command, defineCommand, needed, text, texts, whole } from "../command.ts";
import { obtainProfile } from "../obtain-profile.ts";
import { loadPlan, loadTopology } from "../planning.ts";
import { formatExplanation } from "../print/explanation.ts";
import { profilingOptions } from "../profiles.ts";

/** `partita explain PLAN --profile P --topology T`. */
export const explain: Command = defineCommand({
  summary: "say why a plan is as it is, and what would have to change for it to change",
  arguments: [{ syntax: "<plan>", summary: "a .plan.json" }],
  options: {
    topology: text("-t, --topology <file>", "the topology that the plan was made for"),
    profile: texts("--profile <file|model>", "the profile that it was made from (repeatable)"),
    ...profilingOptions,
    effort: whole("--effort <n>", `most problems to solve (default ${defaultBudget.solves})`, 1),
  },
  examples: ["partita explain model.plan.json --profile model.profile.json -t home.topology.yaml"],
  run: async (call) => {
    const { options, terminal } = call;
    const given = await loadPlan(argumentAt(call, 0), terminal);
    const file = needed(options.topology, "--topology FILE", "what the plan was made for");
    const topology = await loadTopology(file, terminal);
    const [first, ...others] = options.profile;
    const argument = needed(first, "--profile FILE", "what the plan was made from");
    const profile = await obtainProfile(argument, others, call);
    const problem = problemOfPlan(given, profile, topology);
    const plan = asPass(given, problem);
    check(problem, plan);
    const budget = { ...defaultBudget, solves: options.effort ?? defaultBudget.solves };
    const explanation = terminal.blocking(() => explainPlan(problem, plan, budget));
    if (terminal.json) terminal.document(explanation);
    else terminal.line(formatExplanation(explanation, plan, problem, terminal));
    return 0;
  },
});
