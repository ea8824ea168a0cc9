import { CodedError } from "../../base/errors.ts";
import { formatQuantity } from "../../base/units.ts";
import { windowOf } from "../../cluster/window.ts";
import { choiceOf } from "../../control/adapter.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Trace } from "../../cost/trace.ts";
import { asPass } from "../../plan/batch.ts";
import { check, placementOf, tilesOf } from "../../plan/check.ts";
import { codecsOf, withCodecs } from "../../plan/codecs.ts";
import type { Evaluation } from "../../plan/evaluate.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Placement, Problem } from "../../plan/problem.ts";
import { problemOfPlan } from "../../plan/problem-of-plan.ts";
import type { TileStage } from "../../plan/tiles.ts";
import { type JoinedOptions, simulateJoined } from "../../sim/joined.ts";
import {
  type Simulation,
  type SimulationOptions,
  type Span,
  simulate as simulatePlan,
} from "../../sim/pipeline.ts";
import { compareAdapting } from "../adapting.ts";
import {
  argumentAt,
  type Call,
  type Command,
  defineCommand,
  flag,
  type Option,
  text,
  texts,
  usage,
  whole,
} from "../command.ts";
import { drawChart } from "../draw/chart.ts";
import { ganttChart } from "../draw/gantt.ts";
import { firstWindow, ganttDataOf, mostSpans } from "../draw/simulation.ts";
import { writeWhole } from "../files.ts";
import { decideJoined, joiningOf, refuseJoiningOfSeveral } from "../joining.ts";
import { modelsArgument, rateOption } from "../models.ts";
import { obtainProfile } from "../obtain-profile.ts";
import {
  decide,
  demandPlan,
  loadPlan,
  loadTopology,
  plannerOf,
  planningOptions,
  problemOf,
  tilesOption,
  topologyArgument,
} from "../planning.ts";
import { adaptationDocument, formatAdaptation } from "../print/adaptation.ts";
import {
  formatSimulation,
  type SimulationReport,
  simulationDocument,
} from "../print/simulation.ts";
import { moreProfilesOption, profilingOptions } from "../profiles.ts";
import { type ArrivalPlan, readArrivalPlan, readLosses, readWindow } from "../simulating.ts";
import { simulateTogether } from "../simulating-several.ts";
import type { Terminal } from "../terminal.ts";
import { readTraces } from "../traces.ts";

const defaults = { requests: 1000, arrivals: "closed", seed: 1 };

const mostRequests = 100_000_000;

const options = {
  plan: texts(
    "-p, --plan <file>",
    "simulate this plan instead of making one; of several models NAME=FILE for each",
  ),
  profile: moreProfilesOption,
  rate: rateOption,
  ...planningOptions,
  tiles: tilesOption,
  seed: whole("--seed <n>", "seed of Poisson arrivals, and of planners that draw lots (default 1)"),
  ...profilingOptions,
  requests: whole(
    "--requests <n>",
    `how many (default ${defaults.requests}, or all listed; of several models together 10000)`,
    1,
  ),
  arrivals: text(
    "--arrivals <how>",
    'closed:4: so many in flight at all times (default closed: as many as fill the pipeline); poisson:10/s; steady:10/s; or a CSV file: "seconds", then a time a line',
  ),
  trace: texts(
    "--trace <file>",
    "CSV of what changes when: seconds,link,bandwidthBitsPerSecond or seconds,device,slowDown",
  ),
  adapt: flag(
    "--adapt",
    "compare live re-planning along the --trace with an oracle, with plans that stay, and with never splitting",
  ),
  loss: texts("--loss <device@5s>", "a device that stops at a time, for ever"),
  warmUp: whole(
    "--warm-up <n>",
    "first answers that the figures leave out (default: a tenth; none with --loss)",
  ),
  svg: text("--svg <file>", "draw what devices and links do when, as SVG"),
  window: text("--window <2s..3s>", "what to draw (default: the first requests)"),
} as const;

type Choices = {
  readonly [K in keyof typeof options]: (typeof options)[K] extends Option<infer T> ? T : never;
};

/** `partita simulate TOPOLOGY MODEL|PROFILE...`. */
export const simulate: Command = defineCommand({
  summary: "run a plan in virtual time: queues, arrivals, changing links and loads, losses",
  arguments: [topologyArgument, modelsArgument],
  options,
  examples: [
    "partita simulate home.topology.yaml squeezenet.profile.json --plan best.plan.json",
    "partita simulate home.topology.yaml zoo:mobilenetv2 --objective throughput --arrivals poisson:10/s",
    "partita simulate home.topology.yaml model.profile.json --trace wifi.csv --loss cloud@5s --svg run.svg",
    "partita simulate home.topology.yaml model.profile.json --trace wifi.csv --arrivals steady:4/s --adapt",
    "partita simulate home.topology.yaml faces.profile.json cars.profile.json --rate faces=5/s --rate cars=2/s",
  ],
  run: async (call) => {
    const { svg, rate } = call.options;
    const topology = await loadTopology(argumentAt(call, 0), call.terminal);
    if (call.arguments.length > 2 || rate.length > 0) {
      refuseJoiningOfSeveral(call.options);
      return simulateTogether(topology, call, mostRequests);
    }
    const question = await readQuestion(topology, call);
    const planned = await obtainPlan(topology, call);
    if (planned.joining !== null) {
      refuseWithJoining(call.options);
      const { warmUp, trace } = question;
      const { arrivals, requests } = question.create(planned.full);
      const { joining } = planned;
      const asked = { arrivals, requests, warmUp, trace, joining };
      const found = call.terminal.blocking(() =>
        simulateJoined(planned.problemFor, planned.placement, asked),
      );
      const simulation = demandSimulation(found);
      const { requestsPerPass } = simulation;
      const joined = { most: joining.most, requestsPerPass };
      return report(simulation, planned, question, call, joined);
    }
    const asked = (): SimulationOptions => ({
      ...question.create(planned.full),
      tiles: planned.tiles,
    });
    if (call.options.adapt) return reportAdapting(planned, question, call);
    if (svg === undefined) return report(runPlan(planned, asked(), call), planned, question, call);
    const window = question.window ?? firstWindow(planned.problem, planned.placement, asked());
    const spans: Span[] = [];
    let count = 0;
    const onSpan = (span: Span): void => {
      if (span.endSeconds <= window[0] || span.startSeconds >= window[1]) return;
      if (count++ < mostSpans) spans.push(span);
    };
    const simulation = runPlan(planned, { ...asked(), onSpan }, call);
    if (count === 0) {
      call.terminal.note("nothing happens in the window that is drawn");
    }
    if (count > mostSpans) {
      call.terminal.note(
        `drew the first ${mostSpans} of ${count} bars; a shorter --window shows all`,
      );
    }
    const data = ganttDataOf(planned.problem, simulation, spans, window, asked());
    await writeWhole(svg, await drawChart(ganttChart(data)), call.terminal);
    return svg === "-" ? 0 : report(simulation, planned, question, call);
  },
});

type Surroundings = Pick<Call<Choices>, "arguments" | "options" | "terminal" | "signal">;

/** What is asked for beside the plan. */
interface Question {
  readonly arrivals: ArrivalPlan;
  readonly warmUp: number;
  readonly events: readonly string[];
  readonly trace: Trace;
  /** `null`: the first requests. */
  readonly window: readonly [number, number] | null;
  /** The same simulation each time; so many in flight fill the pipeline. */
  create(full: number): SimulationOptions;
}

/** @throws USAGE_INVALID, TRACE_INVALID, FILE_NOT_FOUND */
async function readQuestion(
  topology: Topology,
  { options: chosen, terminal }: Surroundings,
): Promise<Question> {
  if (chosen.window !== undefined && chosen.svg === undefined) {
    throw usage("--window says what --svg draws; add --svg FILE");
  }
  const window = chosen.window === undefined ? null : readWindow(chosen.window);
  const losses = readLosses(chosen.loss, topology);
  if (chosen.adapt) refuseWithAdapt(chosen);
  const trace = await readTraces(chosen.trace, topology, terminal);
  const { seed = defaults.seed, arrivals: how = defaults.arrivals } = chosen;
  const arrivals = await readArrivalPlan(how, seed, terminal);
  const requests = chosen.requests ?? arrivals.listed ?? defaults.requests;
  if (requests > mostRequests) {
    throw usage(`--requests ${requests} is more than the ${mostRequests} that fit into memory`);
  }
  const warmUp = chosen.warmUp ?? (losses.length > 0 ? 0 : Math.floor(requests / 10));
  if (warmUp >= requests) {
    throw usage(`--warm-up ${warmUp} leaves nothing of ${requests} requests to measure`);
  }
  const changes = trace.changes.length;
  const events = [
    ...(changes > 0
      ? [
          `${changes} ${changes === 1 ? "change" : "changes"} of links and devices (${chosen.trace.join(", ")})`,
        ]
      : []),
    ...losses.map(
      ({ device, seconds }) =>
        `${topology.devices[device]?.name} is lost at ${formatQuantity(seconds, "s")}`,
    ),
  ];
  const create = (full: number): SimulationOptions => ({
    arrivals: arrivals.create(full),
    requests,
    warmUp,
    trace,
    losses,
  });
  return { arrivals, warmUp, events, trace, window, create };
}

interface Planned {
  /** With codecs of its own. */
  readonly asked: Problem;
  readonly plan: Plan;
  /** With the plan's codecs. */
  readonly problem: Problem;
  readonly placement: Placement;
  readonly tiles: readonly TileStage[];
  readonly claimed: Evaluation;
  /** How requests are joined; `null`: each goes alone. */
  readonly joining: JoinedOptions["joining"] | null;
  /** So many requests as one, with the plan's codecs. */
  readonly problemFor: (requests: number) => Problem;
  /** So many requests in flight fill the pipeline. */
  readonly full: number;
}

/** @throws PLAN_INVALID, PLAN_INFEASIBLE, USAGE_INVALID, and what loading and measuring throw */
async function obtainPlan(topology: Topology, call: Surroundings): Promise<Planned> {
  const { options: chosen, terminal } = call;
  const [file, ...others] = chosen.plan;
  if (others.length > 0) throw usage("--plan is given twice for one model; keep one");
  if (file !== undefined) refuseChoices(chosen);
  const given = file === undefined ? null : await loadPlan(file, terminal);
  const profile = await obtainProfile(argumentAt(call, 1), chosen.profile, call);
  const plan = given ?? (await makePlan(profile, topology, call));
  const problem = problemOfPlan(plan, profile, topology);
  const pass = asPass(plan, problem);
  const claimed = check(problem, pass);
  const { most, waitSeconds } = plan.batch ?? { most: 1, waitSeconds: 0 };
  const passes = windowOf(plan);
  const rows = passes * most;
  const joining = most === 1 ? null : { most, waitSeconds, passes, rows };
  return {
    ...{ asked: problem, plan: pass, joining },
    problem: withCodecs(problem, codecsOf(problem, pass)),
    problemFor: (requests) => {
      const own = problemOfPlan(plan, profile, topology, requests);
      return withCodecs(own, codecsOf(own, pass));
    },
    placement: placementOf(problem, pass),
    tiles: tilesOf(problem, pass),
    claimed,
    full: joining === null ? passes : rows + most,
  };
}

async function makePlan(
  profile: Profile,
  topology: Topology,
  { options: chosen, terminal }: Surroundings,
): Promise<Plan> {
  const problem = problemOf(profile, topology, chosen);
  const joining = joiningOf(chosen);
  const answer =
    joining === null
      ? await decide(plannerOf(chosen, problem).planner, problem, chosen, terminal)
      : await decideJoined(profile, topology, joining, chosen, terminal);
  return demandPlan(answer, problem);
}

/** @throws USAGE_INVALID for what is simulated of single requests only */
function refuseWithJoining({ loss, svg, adapt }: Choices): void {
  if (loss.length === 0 && svg === undefined && !adapt) return;
  throw usage(
    "a plan that joins requests is simulated along a --trace, but not with --loss, --adapt and --svg; leave them out, or plan without --max-batch",
  );
}

function refuseWithAdapt({ trace, loss, svg }: Choices): void {
  if (trace.length === 0) throw usage("--adapt re-plans along a --trace; add --trace FILE");
  if (loss.length > 0) throw usage("--adapt knows no losses; leave out --loss");
  if (svg !== undefined) throw usage("--adapt prints a table; leave out --svg");
}

async function reportAdapting(
  { asked: problem, plan, full }: Planned,
  question: Question,
  { options: chosen, terminal }: Surroundings,
): Promise<number> {
  const { arrivals, warmUp, events, trace } = question;
  const found = await compareAdapting(
    problem,
    choiceOf(problem, plan),
    { create: () => question.create(full), trace, warmUp },
    plannerOf(chosen, problem).planner,
    chosen,
    terminal,
  );
  const report = { ...found, arrivals: arrivals.text(full), warmUp, events };
  if (terminal.json) terminal.document(adaptationDocument(report));
  else terminal.line(formatAdaptation(report, terminal));
  return 0;
}

/** A plan that is given is simulated as it is: what was to make another must not seem to be obeyed. */
function refuseChoices(chosen: Choices): void {
  const { seed: _, ...planning } = planningOptions;
  const idle = Object.entries(planning)
    .filter(([key]) => chosen[key as keyof typeof planning] !== undefined)
    .map(([, { flags }]) => flags.split(" ")[0])
    .concat(chosen.tiles ? ["--tiles"] : []);
  if (idle.length === 0) return;
  throw usage(`${idle.join(", ")} cannot change the plan of --plan; leave it out, or plan again`);
}

function runPlan(
  { problem, placement }: Planned,
  asked: SimulationOptions,
  { terminal }: { readonly terminal: Terminal },
): Simulation {
  return demandSimulation(terminal.blocking(() => simulatePlan(problem, placement, asked)));
}

/** @throws PLAN_INFEASIBLE */
function demandSimulation<S extends Simulation>(found: S | Infeasible): S {
  if (found.type === "simulated") return found;
  throw new CodedError("PLAN_INFEASIBLE", found.reason, { witness: found.witness });
}

function report(
  simulation: Simulation,
  { claimed, full }: Planned,
  { arrivals: plan, warmUp, events }: Question,
  { terminal }: { readonly terminal: Terminal },
  joined: SimulationReport["joined"] = null,
): number {
  const arrivals = plan.text(full);
  const found: SimulationReport = { simulation, claimed, joined, arrivals, warmUp, events };
  if (terminal.json) terminal.document(simulationDocument(found));
  else terminal.line(formatSimulation(found, terminal));
  return 0;
}
