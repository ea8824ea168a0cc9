import type { Topology } from "../../cost/topology.ts";
import { onCompressed } from "../../plan/compressed.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import { formatObjective } from "../../plan/objective.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Planner } from "../../plan/planner.ts";
import type { Problem } from "../../plan/problem.ts";
import { problemDocument } from "../../plan/problem-file.ts";
import { problemOfPlan } from "../../plan/problem-of-plan.ts";
import { blockedNodes } from "../../plan/tiles/refuse.ts";
import {
  argumentAt,
  type Call,
  type Command,
  defineCommand,
  flag,
  needed,
  type Option,
  text,
  usage,
} from "../command.ts";
import { writeWhole } from "../files.ts";
import { frontOptions, planFront, refuseFrontOptions } from "../front.ts";
import { decideJoined, joiningOf, refuseJoiningOfSeveral } from "../joining.ts";
import { modelsArgument, rateOption } from "../models.ts";
import { obtainProfile } from "../obtain-profile.ts";
import {
  decide,
  loadTopology,
  plannerOf,
  planningOptions,
  problemOf,
  tilesOption,
  topologyOption,
} from "../planning.ts";
import { dotToSvg, planToDot } from "../print/dot.ts";
import { reportInfeasible } from "../print/infeasible.ts";
import { formatPlan } from "../print/plan.ts";
import { formatBatch } from "../print/plan-batch.ts";
import { formatUncertainty } from "../print/uncertainty.ts";
import { moreProfilesOption, profilingOptions } from "../profiles.ts";
import type { Terminal } from "../terminal.ts";
import { planTogether } from "../together.ts";
import { decideUncertain, readStates, uncertainOptions } from "../uncertain.ts";

const options = {
  topology: topologyOption,
  profile: moreProfilesOption,
  rate: rateOption,
  ...planningOptions,
  timeLimit: {
    ...planningOptions.timeLimit,
    summary: `${planningOptions.timeLimit.summary} (several models, fronts and uncertain links: for each plan that they need, default 10 s)`,
  },
  tiles: tilesOption,
  compress: flag(
    "--compress",
    "first merge nodes that no best one-way cut separates; refused, with the reason, where that is not exact",
  ),
  ...frontOptions,
  ...uncertainOptions,
  ...profilingOptions,
  output: text(
    "-o, --output <file>",
    "write the plan, or the front, as JSON; of several models the folder for NAME.plan.json of each",
  ),
  dot: text("--dot <file>", "draw the plan in the DOT language"),
  svg: text("--svg <file>", "draw the plan, or the front, as SVG"),
  writeProblem: text(
    "--write-problem <file>",
    "write the question as the JSON document that an external planner gets; - writes it and plans nothing",
  ),
} as const;

type Choices = {
  readonly [K in keyof typeof options]: (typeof options)[K] extends Option<infer T> ? T : never;
};

/** `partita plan MODEL|PROFILE... --topology T`. */
export const plan: Command = defineCommand({
  summary: "find the best placement of a model's nodes on the devices of a topology",
  arguments: [modelsArgument],
  options,
  examples: [
    "partita plan squeezenet.profile.json --topology home.topology.yaml",
    "partita plan model.onnx -t home.topology.yaml --objective throughput -o best.plan.json",
    "partita plan zoo:mobilenetv2 -t home.topology.yaml --keep-local 12 --svg plan.svg",
    "partita plan squeezenet.profile.json -t home.topology.yaml --pareto latency,energy --svg front.svg",
    "partita plan squeezenet.profile.json -t home.topology.yaml --trace wifi.csv --judge p90",
    'partita plan squeezenet.profile.json -t home.topology.yaml --planner "exec:python3 planner.py"',
    "partita plan faces.onnx zoo:mobilenetv2 -t home.topology.yaml --rate faces=5/s --rate mobilenetv2=2/s -o plans",
  ],
  run: async (call) => {
    const { topology: file, rate } = call.options;
    const path = needed(file, "--topology FILE", "the devices to plan for");
    const topology = await loadTopology(path, call.terminal);
    const isSeveral = call.arguments.length > 1 || rate.length > 0;
    if (isSeveral) refuseJoiningOfSeveral(call.options);
    return isSeveral ? planTogether(topology, call) : planAlone(topology, call);
  },
});

async function planAlone(topology: Topology, call: Call<Choices>): Promise<number> {
  const { options: chosen, terminal } = call;
  const profile = await obtainProfile(argumentAt(call, 0), chosen.profile, call);
  const states = await readStates(topology, chosen, terminal);
  const joining = joiningOf(chosen);
  if (joining !== null) refuseWithJoining(chosen, states !== null);
  if (chosen.compress && (chosen.pareto !== undefined || states !== null))
    throw usage(
      "--compress holds for one plan in one state; leave --pareto, --trace and --vary out",
    );
  refuseWithTiles(chosen, states !== null);
  refuseWithFront(chosen);
  if (chosen.pareto !== undefined) {
    if (states !== null)
      throw usage("--pareto weighs figures of one state; leave --trace and --vary out");
    const front = await planFront(profile, topology, chosen.pareto, call);
    return "type" in front ? reportNoPlan(front, chosen.pareto, terminal) : 0;
  }
  refuseFrontOptions(chosen);
  const mayCut = blockedNodes(profile.graph).length === 0 && mayTile(chosen, states !== null);
  const tiles = chosen.tiles || mayCut;
  const problem = problemOf(profile, topology, { ...chosen, tiles });
  if (chosen.writeProblem !== undefined) {
    await writeProblem(problem, chosen.writeProblem, chosen.seed, terminal);
    if (chosen.writeProblem === "-") return 0;
  }
  const { planner, reason } = plannerOf(chosen, problem, terminal.note);
  const answer = await answerTo(problem, states, { planner, joining }, call);
  if ("type" in answer) {
    return reportNoPlan(answer, formatObjective(problem.objective), terminal);
  }
  const planned = answer.batch === undefined ? problem : problemOfPlan(answer, profile, topology);
  const written = await writeFiles(answer, planned, call);
  if (written.includes("-")) return 0;
  if (terminal.json) terminal.document(answer);
  else terminal.line(formatAnswer(answer, planned, reason, terminal));
  return 0;
}

/** Plans for one state or for many, for single requests or for joined ones. */
async function answerTo(
  problem: Problem,
  states: Parameters<typeof decideUncertain>[1] | null,
  {
    planner,
    joining,
  }: { readonly planner: Planner; readonly joining: ReturnType<typeof joiningOf> },
  { options: chosen, terminal }: Call<Choices>,
): Promise<Plan | Infeasible> {
  if (states !== null) return await decideUncertain(problem, states, chosen, terminal);
  if (joining === null) {
    const own = chosen.compress ? onCompressed(planner) : planner;
    return await decide(own, problem, chosen, terminal);
  }
  const { profile, topology } = problem;
  const { tiles = false } = problem.limits;
  return await decideJoined(profile, topology, joining, { ...chosen, tiles }, terminal);
}

/** A plan for several requests as one is one of several. */
function refuseWithJoining(
  options: {
    readonly compress: boolean;
    readonly pareto: string | undefined;
    readonly writeProblem: string | undefined;
  },
  isUncertain: boolean,
): void {
  const { compress, pareto, writeProblem: written } = options;
  if (!compress && pareto === undefined && written === undefined && !isUncertain) return;
  throw usage(
    "--max-batch compares plans for several numbers of requests in one state; leave --compress, --pareto, --write-problem, --trace and --vary out",
  );
}

/** Whether a device with a capped memory may run tile by tile without being told. */
function mayTile(
  options: { readonly maxMemory: number | undefined; readonly compress: boolean },
  isUncertain: boolean,
): boolean {
  return options.maxMemory !== undefined && !options.compress && !isUncertain;
}

/** What plans with one device a stage. */
function refuseWithTiles(
  options: {
    readonly tiles: boolean;
    readonly compress: boolean;
    readonly pareto: string | undefined;
  },
  isUncertain: boolean,
): void {
  if (!options.tiles) return;
  if (!options.compress && options.pareto === undefined && !isUncertain) return;
  throw usage(
    "--tiles is for one plan in one state of the whole graph; leave --compress, --pareto, --trace and --vary out",
  );
}

/** A front is many questions. */
function refuseWithFront(options: {
  readonly pareto: string | undefined;
  readonly writeProblem: string | undefined;
}): void {
  if (options.pareto === undefined || options.writeProblem === undefined) return;
  throw usage("--write-problem writes the question of one plan; leave --pareto out");
}

function writeProblem(problem: Problem, file: string, seed = 1, terminal: Terminal): Promise<void> {
  if (file === "") throw usage("--write-problem wants a file, or - for standard output");
  const document = problemDocument(problem, seed);
  return writeWhole(file, `${JSON.stringify(document, null, 1)}\n`, terminal);
}

function formatAnswer(answer: Plan, problem: Problem, reason: string, terminal: Terminal): string {
  const plain = formatPlan(answer, problem, reason, terminal);
  const table =
    answer.batch === undefined ? plain : `${formatBatch(answer.batch, terminal)}\n\n${plain}`;
  if (answer.uncertainty === undefined) return table;
  const uncertainty = formatUncertainty(answer.uncertainty, answer.objective, terminal);
  const heading = terminal.colours.bold("In the topology as it is stated");
  return `${uncertainty}\n\n${heading}\n\n${table}`;
}

/** Writes what was asked for; returns where. */
async function writeFiles(
  answer: Plan,
  problem: Problem,
  {
    options,
    terminal,
  }: {
    readonly options: Readonly<Record<"output" | "dot" | "svg", string | undefined>>;
    readonly terminal: Terminal;
  },
): Promise<string[]> {
  const { output, dot, svg } = options;
  const files: [string, string][] = [];
  if (output !== undefined) files.push([output, `${JSON.stringify(answer, null, 2)}\n`]);
  if (dot !== undefined) files.push([dot, planToDot(answer, problem)]);
  if (svg !== undefined) files.push([svg, await dotToSvg(planToDot(answer, problem))]);
  for (const [path, content] of files) await writeWhole(path, content, terminal);
  return files.map(([path]) => path);
}

function reportNoPlan(answer: Infeasible, objective: string, terminal: Terminal): number {
  const verdict = answer.isProven === false ? "was found" : "keeps the limits";
  return reportInfeasible(answer, `No plan for ${objective} ${verdict}:`, terminal);
}
