import { CodedError } from "../base/errors.ts";
import { graphSha256 } from "../cost/graph-hash.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { claimOf } from "./make-plan.ts";
import { formatObjective } from "./objective.ts";
import type { Plan } from "./plan.ts";
import type { Placement, Problem } from "./problem.ts";

/** A claim may differ from the evaluation by this much, relative. */
const tolerance = 1e-9;

/**
 * Refuses a plan that does not fit a problem, breaks a limit, or claims what does not hold.
 *
 * @returns the evaluation of its placement
 * @throws PLAN_INVALID
 */
export function check(problem: Problem, plan: Plan): Evaluation {
  if (plan.graphSha256 !== graphSha256(problem.profile.graph)) {
    throw invalid("the plan was made for another graph (graphSha256 differs); plan again");
  }
  if (plan.objective !== formatObjective(problem.objective)) {
    throw invalid(
      `the plan is for objective "${plan.objective}", not "${formatObjective(problem.objective)}"`,
    );
  }
  const evaluation = evaluate(problem, placementOf(problem, plan));
  if (evaluation.type === "infeasible")
    throw invalid(`the plan is not allowed: ${evaluation.reason}`);
  const claim = claimOf(problem, evaluation);
  checkClaim("latencySeconds", plan.claimed.latencySeconds, claim.latencySeconds);
  checkClaim("periodSeconds", plan.claimed.periodSeconds, claim.periodSeconds);
  checkClaim("throughputPerSecond", plan.claimed.throughputPerSecond, claim.throughputPerSecond);
  checkClaim("energyJoules", plan.claimed.energyJoules, claim.energyJoules);
  for (const [device, value] of Object.entries(claim.memoryBytes)) {
    checkClaim(`memoryBytes.${device}`, plan.claimed.memoryBytes[device], value);
  }
  if (plan.bound !== null && plan.bound > evaluation.value * (1 + tolerance)) {
    throw invalid(`the plan's bound ${plan.bound} is above its own value ${evaluation.value}`);
  }
  return evaluation;
}

/**
 * The plan's placement in positions.
 *
 * @throws PLAN_INVALID if it leaves a node out or names a device or node that does not exist
 */
export function placementOf(problem: Problem, plan: Plan): Placement {
  const deviceByName = new Map(problem.devices.map(({ name }, device) => [name, device]));
  const stray = Object.keys(plan.placement).find((name) => !problem.index.nodeByName.has(name));
  if (stray !== undefined) throw invalid(`the plan places node '${stray}', which the graph lacks`);
  return problem.index.graph.nodes.map(({ name }) => {
    const device = plan.placement[name];
    if (device === undefined) throw invalid(`the plan places node '${name}' nowhere`);
    const position = deviceByName.get(device);
    if (position !== undefined) return position;
    throw invalid(`the plan places node '${name}' on '${device}', which the topology lacks`);
  });
}

function checkClaim(field: string, claimed: number | undefined, evaluated: number): void {
  const difference = Math.abs((claimed ?? Number.NaN) - evaluated);
  if (difference <= tolerance * Math.abs(evaluated)) return;
  // An empty graph has a period of 0, and so both throughputs are infinite.
  if (claimed === evaluated) return;
  throw invalid(`the plan claims ${field} = ${claimed}, but it is ${evaluated}`);
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
