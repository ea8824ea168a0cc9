/**
 * Pareto fronts on the command line: `partita plan --pareto`.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import type { Infeasible } from "../plan/feasibility.ts";
import { loadHighsSolver } from "../plan/highs.node.ts";
import { parseAxes } from "../plan/pareto/axis.ts";
import { type Front, findFront } from "../plan/pareto.ts";
import { choosePlanner } from "../plan/planners.ts";
import type { Solve } from "../plan/solve.ts";
import { type Option, text, usage, whole } from "./command.ts";
import { drawFront } from "./draw/pareto.ts";
import { unwritable, writeWhole } from "./files.ts";
import { type PlanningChoices, problemOf, runWithin } from "./planning.ts";
import { formatFront } from "./print/pareto.ts";
import { showProgress } from "./print/progress.ts";
import type { Terminal } from "./terminal.ts";

/** Options as `partita plan` lists them. */
export const frontOptions: {
  readonly pareto: Option<string | undefined>;
  readonly points: Option<number | undefined>;
  readonly plans: Option<string | undefined>;
} = {
  pareto: text(
    "--pareto <a,b>",
    "the plans that weigh two figures against each other: latency, energy, throughput, memory, memory:DEVICE",
  ),
  points: whole(
    "--points <n>",
    "at most so many points of a front with throughput or memory (default 12)",
    2,
  ),
  plans: text(
    "--plans <folder>",
    "write the plan of every point of the front, point-00.plan.json …",
  ),
};

type FrontChoices = PlanningChoices & {
  readonly [K in keyof typeof frontOptions]: ReturnType<(typeof frontOptions)[K]["read"]>;
} & { readonly [K in "output" | "svg" | "dot"]: string | undefined };

const defaultPoints = 12;
/** For each plan that a front or a set of states needs: they need dozens. */
export const secondsPerPlan = 10;

/** @throws USAGE_INVALID for options that only a front has */
export function refuseFrontOptions({ points, plans }: FrontChoices): void {
  const [stray] = [
    points === undefined ? [] : ["--points"],
    plans === undefined ? [] : ["--plans"],
  ].flat();
  if (stray === undefined) return;
  throw usage(`${stray} is about a front; add for instance --pareto latency,energy`);
}

/**
 * Finds a front and writes what was asked for.
 *
 * @returns why no placement is allowed, if none is
 * @throws USAGE_INVALID, TOPOLOGY_INVALID, FILE_WRITE_FAILED
 */
export async function planFront(
  profile: Profile,
  topology: Topology,
  pareto: string,
  { options, terminal }: { readonly options: FrontChoices; readonly terminal: Terminal },
): Promise<Front | Infeasible> {
  refuseOthers(options);
  const axes = parseAxes(pareto, topology);
  const problem = problemOf(profile, topology, options);
  const { points = defaultPoints, timeLimit = secondsPerPlan } = options;
  const solver = await loadHighsSolver();
  const progress = showProgress("front", terminal);
  const solves = { count: 0 };
  const solve: Solve = (part) => {
    solves.count++;
    progress.update(Math.min(0.99, solves.count / (3 * points)), `plan ${solves.count}`);
    return runWithin(choosePlanner(part).planner, part, { ...options, timeLimit }, solver);
  };
  const front = terminal.blocking(() => findFront(problem, axes, { solve, points }));
  progress.stop();
  if ("type" in front) return front;
  await writeFiles(front, options, terminal);
  if (options.output === "-" || options.svg === "-") return front;
  if (terminal.json) terminal.document(front);
  else terminal.line(formatFront(front, terminal));
  return front;
}

function refuseOthers({ planner, objective, dot }: FrontChoices): void {
  if (planner !== undefined && planner !== "auto" && planner !== "exact") {
    throw usage(
      `--pareto needs the planner exact, not ${planner}: a point belongs to a front only if nothing is proven to beat it`,
    );
  }
  if (objective !== undefined) {
    throw usage("--pareto takes the place of --objective: its two figures are the objectives");
  }
  if (dot !== undefined) {
    throw usage(
      "--dot draws one plan, not a front; use --svg, or --plans and then one of its plans",
    );
  }
}

async function writeFiles(
  front: Front,
  { output, svg, plans }: FrontChoices,
  terminal: Terminal,
): Promise<void> {
  const files: [string, string][] = [];
  if (output !== undefined) files.push([output, asJson(front)]);
  if (svg !== undefined) files.push([svg, await drawFront(front)]);
  if (plans !== undefined) {
    await mkdir(plans, { recursive: true }).catch((error: unknown) => {
      throw unwritable(plans, error);
    });
    front.points.forEach(({ plan }, position) => {
      const name = `point-${String(position).padStart(2, "0")}.plan.json`;
      files.push([join(plans, name), asJson(plan)]);
    });
  }
  for (const [path, content] of files) await writeWhole(path, content, terminal);
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
