import { onCompressed } from "../../plan/compressed.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import { formatObjective } from "../../plan/objective.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import { problemDocument } from "../../plan/problem-file.ts";
import { blockedNodes } from "../../plan/tiles/refuse.ts";
import { argumentAt, type Command, defineCommand, flag, needed, text, usage } from "../command.ts";
import { writeWhole } from "../files.ts";
import { frontOptions, planFront, refuseFrontOptions } from "../front.ts";
import { obtainProfile } from "../obtain-profile.ts";
import {
  decide,
  infeasibleExitCode,
  loadTopology,
  plannerOf,
  planningOptions,
  problemOf,
  tilesOption,
  topologyOption,
} from "../planning.ts";
import { dotToSvg, planToDot } from "../print/dot.ts";
import { formatPlan } from "../print/plan.ts";
import { formatUncertainty } from "../print/uncertainty.ts";
import { moreProfilesOption, profileArgument, profilingOptions } from "../profiles.ts";
import type { Terminal } from "../terminal.ts";
import { decideUncertain, readStates, uncertainOptions } from "../uncertain.ts";

/** `partita plan MODEL|PROFILE --topology T`. */
export const plan: Command = defineCommand({
  summary: "find the best placement of a model's nodes on the devices of a topology",
  arguments: [profileArgument],
  options: {
    topology: topologyOption,
    profile: moreProfilesOption,
    ...planningOptions,
    timeLimit: {
      ...planningOptions.timeLimit,
      summary: `${planningOptions.timeLimit.summary} (fronts and uncertain links: for each plan that they need, default 10 s)`,
    },
    tiles: tilesOption,
    compress: flag(
      "--compress",
      "first merge nodes that no best one-way cut separates; refused, with the reason, where that is not exact",
    ),
    ...frontOptions,
    ...uncertainOptions,
    ...profilingOptions,
    output: text("-o, --output <file>", "write the plan, or the front, as JSON"),
    dot: text("--dot <file>", "draw the plan in the DOT language"),
    svg: text("--svg <file>", "draw the plan, or the front, as SVG"),
    writeProblem: text(
      "--write-problem <file>",
      "write the question as the JSON document that an external planner gets; - writes it and plans nothing",
    ),
  },
  examples: [
    "partita plan squeezenet.profile.json --topology home.topology.yaml",
    "partita plan model.onnx -t home.topology.yaml --objective throughput -o best.plan.json",
    "partita plan zoo:mobilenetv2 -t home.topology.yaml --keep-local 12 --svg plan.svg",
    "partita plan squeezenet.profile.json -t home.topology.yaml --pareto latency,energy --svg front.svg",
    "partita plan squeezenet.profile.json -t home.topology.yaml --trace wifi.csv --judge p90",
    'partita plan squeezenet.profile.json -t home.topology.yaml --planner "exec:python3 planner.py"',
  ],
  run: async (call) => {
    const { options, terminal } = call;
    const file = needed(options.topology, "--topology FILE", "the devices to plan for");
    const topology = await loadTopology(file, terminal);
    const profile = await obtainProfile(argumentAt(call, 0), options.profile, call);
    const states = await readStates(topology, options, terminal);
    if (options.compress && (options.pareto !== undefined || states !== null))
      throw usage(
        "--compress holds for one plan in one state; leave --pareto, --trace and --vary out",
      );
    refuseWithTiles(options, states !== null);
    refuseWithFront(options);
    if (options.pareto !== undefined) {
      if (states !== null)
        throw usage("--pareto weighs figures of one state; leave --trace and --vary out");
      const front = await planFront(profile, topology, options.pareto, call);
      return "type" in front ? reportInfeasible(front, options.pareto, terminal) : 0;
    }
    refuseFrontOptions(options);
    const mayCut = blockedNodes(profile.graph).length === 0 && mayTile(options, states !== null);
    const tiles = options.tiles || mayCut;
    const problem = problemOf(profile, topology, { ...options, tiles });
    if (options.writeProblem !== undefined) {
      await writeProblem(problem, options.writeProblem, options.seed, terminal);
      if (options.writeProblem === "-") return 0;
    }
    const { planner, reason } = plannerOf(options, problem, terminal.note);
    const answer =
      states === null
        ? await decide(
            options.compress ? onCompressed(planner) : planner,
            problem,
            options,
            terminal,
          )
        : await decideUncertain(problem, states, options, terminal);
    if ("type" in answer) {
      return reportInfeasible(answer, formatObjective(problem.objective), terminal);
    }
    const written = await writeFiles(answer, problem, call);
    if (written.includes("-")) return 0;
    if (terminal.json) terminal.document(answer);
    else terminal.line(formatAnswer(answer, problem, reason, terminal));
    return 0;
  },
});

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
  const table = formatPlan(answer, problem, reason, terminal);
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

/** "No" is an answer: it goes to standard output, with its witness. */
function reportInfeasible(answer: Infeasible, objective: string, terminal: Terminal): number {
  if (terminal.json) {
    terminal.document(answer);
    return infeasibleExitCode;
  }
  const { bold, dim } = terminal.colours;
  const verdict = answer.isProven === false ? "was found" : "keeps the limits";
  terminal.line(bold(`No plan for ${objective} ${verdict}:`));
  terminal.line(`  ${answer.reason}`);
  const witness = Object.entries(answer.witness).map(([name, value]) => `${name} = ${value}`);
  if (witness.length > 0) terminal.line(dim(`  (${witness.join(", ")})`));
  return infeasibleExitCode;
}
