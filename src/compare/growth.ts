/**
 * Growth: what planners need as graphs and topologies grow. Each cell of the table is one planner on
 * one problem; whoever measures runs each in a process of its own, so that its memory is its own.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import { modelProfile } from "../cost/roofline.ts";
import type { Graph } from "../graph/graph.ts";
import { check } from "../plan/check.ts";
import { withCodecs } from "../plan/codecs.ts";
import { evaluate } from "../plan/evaluate.ts";
import type { LinearSolver } from "../plan/linear-solver.ts";
import { makePlan } from "../plan/make-plan.ts";
import type { Incumbent, Planner } from "../plan/planner.ts";
import { planners } from "../plan/planners.ts";
import { createProblem, type Problem } from "../plan/problem.ts";
import { drawGraph } from "../zoo/graph.ts";
import type { ZooName } from "../zoo/zoo.ts";
import { deepenGraph } from "./deepen.ts";
import { growthTopology, type Shape } from "./growth-topologies.ts";

/** One planner on one problem. */
export interface GrowthCell {
  readonly type: "planner";
  /** What grows. */
  readonly study: "nodes" | "devices";
  readonly network: ZooName;
  /** Wanted; the graph may have somewhat more. */
  readonly nodes: number;
  readonly shape: Shape;
  readonly devices: number;
  readonly objective: "latency" | "throughput";
  readonly planner: string;
  /** After which the planner is stopped. */
  readonly limitSeconds: number;
}

/**
 * How a cell ended: with the planner's own end, at the limit with an incumbent or without one, with
 * a refusal, or with no allowed placement.
 */
export type GrowthEnd = "finished" | "stopped" | "nothing" | "refused" | "infeasible";

export interface GrowthResult {
  readonly end: GrowthEnd;
  /** The graph's own. */
  readonly nodes: number;
  /** `createProblem`. */
  readonly problemSeconds: number;
  /** The median where it is short, and so repeated. */
  readonly planSeconds: number;
  /** How many times planned. */
  readonly runs: number;
  /** Evaluating the answer, writing it down and checking it. */
  readonly writeSeconds: number;
  /** Seconds; `null` without an incumbent. */
  readonly value: number | null;
  readonly bound: number | null;
  /** What planning added to the process at its largest, in the first run; `null`: it did not plan. */
  readonly memoryBytes: number | null;
  /** Of a refusal, or of no placement. */
  readonly reason?: string;
  readonly method?: string;
}

/** Bytes of the process. */
export interface ProcessMemory {
  readonly peak: number;
  readonly now: number;
}

/** What the host gives. */
export interface GrowthHost {
  readonly clock: Clock;
  readonly memory: () => ProcessMemory;
  readonly solver?: LinearSolver;
}

/** Shorter ones are repeated, so that the median says something. */
const longSeconds = 0.3;
const repeats = 5;

/**
 * Runs one cell. Node and hop costs are modelled by `modelProfile`, links by `growthTopology`. What
 * ends soon is run again five times, and the median of these stands.
 *
 * @throws PLAN_INVALID if the planner's answer does not hold
 */
export function runGrowthCell(cell: GrowthCell, host: GrowthHost): GrowthResult {
  const { clock, memory } = host;
  const graph = growthGraph(cell.network, cell.nodes);
  const profile = modelProfile(graph);
  const topology = growthTopology(cell.shape, cell.devices);
  const planner = planners[cell.planner];
  if (planner === undefined) throw new Error(`there is no planner '${cell.planner}'`);
  const started = clock.now();
  const problem = createProblem(profile, topology, { type: cell.objective });
  const built = clock.now();
  const empty = {
    nodes: graph.nodes.length,
    problemSeconds: built - started,
    planSeconds: 0,
    runs: 0,
    writeSeconds: 0,
    value: null,
    bound: null,
    memoryBytes: null,
  };
  const refusal = planner.refuses(problem);
  if (refusal !== null) return { ...empty, end: "refused", reason: refusal };
  const before = memory();
  const first = drive(planner, problem, cell, host);
  const memoryBytes = addedMemory(before, memory());
  const { end, incumbent, reason } = first;
  const writing = clock.now();
  if (incumbent !== null) writeDown(cell, problem, incumbent);
  const writeSeconds = clock.now() - writing;
  const isShort = end === "finished" && first.seconds < longSeconds;
  const again = Array.from({ length: isShort ? repeats : 0 }, () => {
    // Another problem, since routes are kept.
    const fresh = createProblem(profile, topology, { type: cell.objective });
    return drive(planner, fresh, cell, host).seconds;
  });
  return {
    ...empty,
    end,
    planSeconds: again.sort((a, b) => a - b)[Math.floor(repeats / 2)] ?? first.seconds,
    runs: 1 + again.length,
    writeSeconds,
    value: incumbent?.value ?? null,
    bound: incumbent?.bound ?? null,
    memoryBytes,
    ...(reason === undefined ? {} : { reason }),
    ...(incumbent?.method === undefined ? {} : { method: incumbent.method }),
  };
}

/** A network of the zoo, deepened to so many nodes. */
export function growthGraph(network: ZooName, nodes: number): Graph {
  return deepenGraph(drawGraph(network), nodes);
}

/** At most: what was there before may have been let go meanwhile. */
export function addedMemory(before: ProcessMemory, after: ProcessMemory): number {
  const highest = after.peak > before.peak ? after.peak : after.now;
  return Math.max(0, highest - before.now);
}

interface Driven {
  readonly end: GrowthEnd;
  readonly incumbent: Incumbent | null;
  readonly seconds: number;
  readonly reason?: string;
}

function drive(planner: Planner, problem: Problem, cell: GrowthCell, host: GrowthHost): Driven {
  const { clock, solver } = host;
  const started = clock.now();
  const random = createRandom(1);
  const steps = planner.plan(problem, solver === undefined ? { random } : { random, solver });
  let incumbent: Incumbent | null = null;
  for (;;) {
    const step = steps.next();
    const seconds = clock.now() - started;
    if (step.done === true) {
      return "type" in step.value
        ? { end: "infeasible", incumbent: null, seconds, reason: step.value.reason }
        : { end: "finished", incumbent: step.value, seconds };
    }
    incumbent = step.value ?? incumbent;
    if (seconds < cell.limitSeconds) continue;
    return { end: incumbent === null ? "nothing" : "stopped", incumbent, seconds };
  }
}

function writeDown(cell: GrowthCell, problem: Problem, incumbent: Incumbent): void {
  const { placement, codecs } = incumbent;
  const coded = codecs === undefined ? problem : withCodecs(problem, codecs);
  const evaluation = evaluate(coded, placement);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  const provenance = { planner: cell.planner, optimalAmong: null, seed: 1, decisionSeconds: 0 };
  check(problem, makePlan(coded, incumbent, evaluation, provenance));
}
