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
  readonly planSeconds: number;
  /** Evaluating the answer, writing it down and checking it. */
  readonly writeSeconds: number;
  /** Seconds; `null` without an incumbent. */
  readonly value: number | null;
  readonly bound: number | null;
  /** Bytes of the process's memory that planning added at most; `null`: not measured. */
  readonly memoryBytes: number | null;
  /** Of a refusal, or of no placement. */
  readonly reason?: string;
  readonly method?: string;
}

/** What the host gives. */
export interface GrowthHost {
  readonly clock: Clock;
  /** Highest and present size of the process, in bytes. */
  readonly memory: () => { readonly peak: number; readonly now: number };
  readonly solver?: LinearSolver;
}

/**
 * Runs one cell. Node and hop costs are modelled by `modelProfile`, links by `growthTopology`.
 *
 * @throws PLAN_INVALID if the planner's answer does not hold
 */
export function runGrowthCell(
  cell: GrowthCell,
  { clock, memory, solver }: GrowthHost,
): GrowthResult {
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
    writeSeconds: 0,
    value: null,
    bound: null,
    memoryBytes: null,
  };
  const refusal = planner.refuses(problem);
  if (refusal !== null) return { ...empty, end: "refused", reason: refusal };
  const before = memory().now;
  const { end, incumbent, reason } = drive(planner, problem, cell, {
    clock,
    memory,
    ...(solver === undefined ? {} : { solver }),
  });
  const planned = clock.now();
  const memoryBytes = Math.max(0, memory().peak - before);
  const result = { ...empty, end, planSeconds: planned - built, memoryBytes };
  if (incumbent === null) return { ...result, ...(reason === undefined ? {} : { reason }) };
  writeDown(cell, problem, incumbent);
  const { value, bound, method } = incumbent;
  const writeSeconds = clock.now() - planned;
  return { ...result, writeSeconds, value, bound, ...(method === undefined ? {} : { method }) };
}

/** A network of the zoo, deepened to so many nodes. */
export function growthGraph(network: ZooName, nodes: number): Graph {
  return deepenGraph(drawGraph(network), nodes);
}

interface Driven {
  readonly end: GrowthEnd;
  readonly incumbent: Incumbent | null;
  readonly reason?: string;
}

function drive(planner: Planner, problem: Problem, cell: GrowthCell, host: GrowthHost): Driven {
  const { clock, solver } = host;
  const deadline = clock.now() + cell.limitSeconds;
  const random = createRandom(1);
  const steps = planner.plan(problem, solver === undefined ? { random } : { random, solver });
  let incumbent: Incumbent | null = null;
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      return "type" in step.value
        ? { end: "infeasible", incumbent: null, reason: step.value.reason }
        : { end: "finished", incumbent: step.value };
    }
    incumbent = step.value ?? incumbent;
    if (clock.now() < deadline) continue;
    return { end: incumbent === null ? "nothing" : "stopped", incumbent };
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
