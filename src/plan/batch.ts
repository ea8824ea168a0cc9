/**
 * Plans for several requests that go as one: how many of them pay.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { measuredBatches, profileOfBatch, topologyOfBatch } from "../cost/batch.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import type { Profile } from "../cost/profile.ts";
import type { Topology } from "../cost/topology.ts";
import { type Infeasible, infeasible } from "./feasibility.ts";
import { additiveFactors, type Objective, objectiveValue, parseObjective } from "./objective.ts";
import type { Plan, TriedBatch } from "./plan.ts";
import { createProblem, type Limits, type Problem } from "./problem.ts";

/** How requests of a model may be joined. */
export interface Joining {
  /** So many as one at most. */
  readonly most: number;
  /** How long one may wait for others. */
  readonly waitSeconds: number;
}

/** What is asked for one request; limits and objective too. */
export interface BatchQuestion extends Joining {
  readonly profile: Profile;
  readonly topology: Topology;
  readonly objective: Objective;
  readonly limits: Limits;
}

/** More requests as one have to be better by so much, relative: they keep each other waiting. */
const leastGain = 0.02;

/**
 * The best plan for each number of requests that was measured, and of these plans the one of the fewest
 * requests that none beats by 2 %, by the objective of one request: its share of period and energy, its
 * latency with the wait.
 *
 * @param solve finds the best plan for a problem, within its limits
 * @returns the plan with its `batch`; why there is none, if there is none for any number
 * @throws PROFILE_INVALID if only single requests were measured on some kind of device
 */
export function planBatches(
  question: BatchQuestion,
  solve: (problem: Problem) => Plan | Infeasible,
): Plan | Infeasible {
  const found = sizesFor(question).map((requests) => planBatch(question, requests, solve));
  const plans = found.flatMap((one) => ("plan" in one ? [one] : []));
  const best = Math.min(...plans.map(({ value }) => value));
  const chosen = plans.find(({ value }) => value * (1 - leastGain) <= best);
  if (chosen === undefined) {
    const [single] = found;
    return single !== undefined && "infeasible" in single
      ? single.infeasible
      : infeasible("no number of requests was measured");
  }
  const { requests, plan } = chosen;
  const tried = found.map(triedOf);
  const waitSeconds = seconds(waitOf(question, requests));
  return asJoined(plan, question.profile, { most: requests, waitSeconds, tried });
}

/** Ascending; from 1 on. @throws PROFILE_INVALID */
function sizesFor({ profile, topology, most }: BatchQuestion): number[] {
  const only = Object.keys(profile.devices);
  const kinds = topology.devices.flatMap(({ profile: kind = only[0] ?? "" }) =>
    kind === "none" ? [] : [kind],
  );
  const measured = measuredBatches(profile, [...new Set(kinds)]);
  const largest = measured.at(-1) ?? 1;
  if (most > 1 && largest === 1) {
    throw new CodedError(
      "PROFILE_INVALID",
      `up to ${most} requests are to be joined, but only single ones were measured on ${[...new Set(kinds)].join(", ")}; profile the model again with --batch 1,2,4,8`,
      { most },
    );
  }
  const sizes = new Set([...measured.filter((size) => size <= most), Math.min(most, largest)]);
  return [...sizes].sort((a, b) => a - b);
}

type Found =
  | {
      readonly requests: number;
      readonly plan: Plan;
      readonly value: number;
      readonly bound: number | null;
    }
  | { readonly requests: number; readonly infeasible: Infeasible };

function planBatch(
  question: BatchQuestion,
  requests: number,
  solve: (problem: Problem) => Plan | Infeasible,
): Found {
  const { objective, limits } = question;
  const waitSeconds = waitOf(question, requests);
  if (waitSeconds > 0 && waitSeconds >= (limits.latencySeconds ?? Number.POSITIVE_INFINITY)) {
    const reason = `the wait for others alone takes the ${limits.latencySeconds} s that a request may take`;
    return { requests, infeasible: infeasible(reason) };
  }
  const answer = solve(batchProblem(question, requests));
  if ("type" in answer) return { requests, infeasible: answer };
  const { latencySeconds, periodSeconds, energyJoules } = answer.claimed;
  const value = objectiveValue(objective, {
    latencySeconds: latencySeconds + waitSeconds,
    periodSeconds: periodSeconds / requests,
    energyJoules: energyJoules / requests,
  });
  const bound =
    answer.bound === null ? null : boundOf(objective, answer.bound, requests, waitSeconds);
  return { requests, plan: answer, value, bound };
}

/** Nobody waits for company who cannot have any. */
function waitOf({ waitSeconds }: BatchQuestion, requests: number): number {
  return requests === 1 ? 0 : waitSeconds;
}

/** So many requests as one: an ordinary problem, of larger tensors and longer nodes. */
function batchProblem(question: BatchQuestion, requests: number): Problem {
  const { profile, topology, objective, limits } = question;
  return createProblem(
    profileOfBatch(profile, requests),
    topologyOfBatch(topology, requests),
    objective,
    requests === 1 ? limits : limitsOfBatch(limits, requests, waitOf(question, requests)),
  );
}

/** Rows of pictures are cut for one request: several are not shared by rows. */
function limitsOfBatch(limits: Limits, requests: number, waitSeconds: number): Limits {
  const { latencySeconds, periodSeconds, energyJoules, tiles: _, ...others } = limits;
  return {
    ...others,
    ...(latencySeconds === undefined ? {} : { latencySeconds: latencySeconds - waitSeconds }),
    ...(periodSeconds === undefined ? {} : { periodSeconds: periodSeconds * requests }),
    ...(energyJoules === undefined ? {} : { energyJoules: energyJoules * requests }),
  };
}

/** What a bound for so many says of one: latency is that of all, anything else is shared. */
function boundOf(
  objective: Objective,
  bound: number,
  requests: number,
  waitSeconds: number,
): number {
  const { latency } = additiveFactors(objective) ?? { latency: 0 };
  const shared = objective.type === "latency" ? bound : bound / requests;
  return shared + latency * waitSeconds;
}

function triedOf(found: Found): TriedBatch {
  const { requests } = found;
  if ("infeasible" in found) return { requests, reason: found.infeasible.reason };
  const { plan, value, bound } = found;
  const { latencySeconds, periodSeconds } = plan.claimed;
  return { requests, latencySeconds, throughputPerSecond: requests / periodSeconds, value, bound };
}

/** The time between answers in steady state: a pass has one for each of its requests. */
export function periodOfRequest({ claimed, batch }: Pick<Plan, "claimed" | "batch">): number {
  return claimed.periodSeconds / (batch?.most ?? 1);
}

/** A plan for so many requests as one, as it is written down: for the graph of one. */
export function asJoined(
  plan: Plan,
  { graph }: Pick<Profile, "graph">,
  batch: NonNullable<Plan["batch"]>,
): Plan {
  const throughputPerSecond = batch.most / plan.claimed.periodSeconds;
  const claimed = { ...plan.claimed, throughputPerSecond };
  return { ...plan, graphSha256: graphSha256(graph), claimed, batch };
}

/** The inverse: what planners know of. */
export function asPass(plan: Plan, problem: Problem): Plan {
  const { batch, ...single } = plan;
  if (batch === undefined) return plan;
  const throughputPerSecond = 1 / plan.claimed.periodSeconds;
  const claimed = { ...plan.claimed, throughputPerSecond };
  return { ...single, graphSha256: graphSha256(problem.profile.graph), claimed };
}

/** What was asked when a plan was made, of one request. */
export function questionOf(
  plan: Pick<Plan, "batch" | "limits" | "objective">,
  profile: Profile,
  topology: Topology,
): BatchQuestion {
  const { most, waitSeconds, tried } = plan.batch ?? { most: 1, waitSeconds: 0, tried: [] };
  const { latencySeconds, periodSeconds, energyJoules, ...others } = plan.limits;
  const limits: Limits = {
    ...others,
    ...(latencySeconds === undefined ? {} : { latencySeconds: latencySeconds + waitSeconds }),
    ...(periodSeconds === undefined ? {} : { periodSeconds: periodSeconds / most }),
    ...(energyJoules === undefined ? {} : { energyJoules: energyJoules / most }),
  };
  const largest = Math.max(most, ...tried.map(({ requests }) => requests));
  const objective = parseObjective(plan.objective);
  return { profile, topology, objective, limits, most: largest, waitSeconds };
}
