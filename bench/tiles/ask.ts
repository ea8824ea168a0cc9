/**
 * A plan as the cost model and the simulator see it.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { systemClock } from "../../dist/base/clock.node.js";
import { answerOf } from "../../dist/compare/answer.js";
import { type Profile, readProfile, withoutCodecs } from "../../dist/cost/profile.js";
import type { Topology } from "../../dist/cost/topology.js";
import { placementOf, tilesOf } from "../../dist/plan/check.js";
import { evaluate } from "../../dist/plan/evaluate.js";
import type { Plan } from "../../dist/plan/plan.js";
import type { Planner } from "../../dist/plan/planner.js";
import { createProblem, type Problem } from "../../dist/plan/problem.js";
import { simulate } from "../../dist/sim/pipeline.js";

export interface Asked {
  readonly problem: Problem;
  readonly plan: Plan;
  readonly latencySeconds: number;
  readonly bound: number | null;
  /** Of one request at a time in virtual time ÷ by the cost model. */
  readonly simulatedRatio: number;
}

/** Measured on one core; tensors travel as they are. */
export function profileOf(network: string): Profile {
  const file = `bench/profiles/${network}.profile.json`;
  return withoutCodecs(readProfile(readFileSync(file, "utf8"), file));
}

export interface AskOptions {
  readonly tiles: boolean;
  readonly limitSeconds: number;
  /** Where the plan is judged, with the same devices: one that only relays would work at its boundary for nothing. */
  readonly judged?: Topology;
}

/** The latency of one request by the plan of a planner; a reason, where it has none. */
export function ask(
  planner: Planner,
  profile: Profile,
  topology: Topology,
  { tiles, limitSeconds, judged = topology }: AskOptions,
): Asked | string {
  const limits = tiles ? { tiles: true } : {};
  const asked = createProblem(profile, topology, { type: "latency" }, limits);
  const { plan, reason, bound } = answerOf(planner, asked, { clock: systemClock, limitSeconds });
  if (plan === null) return reason ?? "no plan";
  const problem = createProblem(profile, judged, { type: "latency" }, limits);
  const [placement, stages] = [placementOf(problem, plan), tilesOf(problem, plan)];
  const evaluated = evaluate(problem, placement, stages);
  if (evaluated.type === "infeasible") throw new Error(evaluated.reason);
  const { latencySeconds } = evaluated;
  const simulation = simulate(problem, placement, {
    arrivals: { type: "closed", inFlight: 1 },
    requests: 3,
    tiles: stages,
  });
  if (simulation.type !== "simulated") throw new Error(simulation.reason);
  const simulated = simulation.latencySeconds[0] ?? Number.NaN;
  return { problem, plan, latencySeconds, bound, simulatedRatio: simulated / latencySeconds };
}

/** For those that must have a plan. */
export function mustAsk(...words: Parameters<typeof ask>): Asked {
  const found = ask(...words);
  if (typeof found === "string") throw new Error(found);
  return found;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

export function markdown(
  head: readonly string[],
  lines: readonly (readonly (string | number)[])[],
): string {
  const rule = head.map(() => "---");
  return [head, rule, ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
