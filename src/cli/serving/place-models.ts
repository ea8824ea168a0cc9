/**
 * Where models go: all of them before anything runs, and one beside others that run.
 *
 * @module
 */
import { formatQuantity } from "../../base/units.ts";
import { planBehind, type Sharer, withoutBytes } from "../../cluster/sharing.ts";
import type { Topology } from "../../cost/topology.ts";
import { periodOfRequest } from "../../plan/batch.ts";
import type { Infeasible } from "../../plan/feasibility.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import { mostShare } from "../../plan/several.ts";
import type { Place } from "../../server/repository/hosted-models.ts";
import { judgeLike } from "../deploy.ts";
import { decideJoined } from "../joining.ts";
import type { Judge } from "../judge.ts";
import { decide, type PlanningChoices, plannerOf, problemOf } from "../planning.ts";
import type { Terminal } from "../terminal.ts";
import { placeModels as placeSeveral } from "../together.ts";
import { heldTo, keepsUp, periodAt } from "./keep-up.ts";
import { asMeasured, type ServedSource } from "./served-source.ts";

/**
 * Places all models; where not all find a place together, as many as do, in their order. Blocks the
 * thread.
 *
 * @returns by model
 * @throws TOPOLOGY_INVALID, and what planners throw
 */
export async function placeModels(
  sources: readonly ServedSource[],
  topology: Topology,
  choices: PlanningChoices,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Place>> {
  const [only, second] = sources;
  if (only !== undefined && second === undefined && !only.isRateStated) {
    return new Map([[only.name, await placeAlone(only, terminal)]]);
  }
  const answer = await placeSeveral(topology, sources, choices, terminal);
  if (answer.type === "infeasible") return await placeInOrder(sources, topology, signal);
  const plans = new Map(answer.models.map(({ name, plan }) => [name, plan]));
  return new Map(
    sources.map((source) => [source.name, asMeasured(plans.get(source.name) as Plan, source)]),
  );
}

async function placeAlone(source: ServedSource, terminal: Terminal): Promise<Place> {
  const { profile, topology, joining, choices } = source;
  const answer =
    joining === undefined
      ? await decideSingle(problemOf(profile, topology, choices), choices, terminal)
      : await decideJoined(profile, topology, joining, choices, terminal);
  return "type" in answer ? { infeasible: answer.reason } : asMeasured(answer, source);
}

async function decideSingle(
  problem: Problem,
  choices: PlanningChoices,
  terminal: Terminal,
): Promise<Plan | Infeasible> {
  const { planner } = plannerOf(choices, problem);
  return await decide(planner, problem, choices, terminal);
}

/** Each for what those before it leave; who finds no place takes nothing. */
async function placeInOrder(
  sources: readonly ServedSource[],
  topology: Topology,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  const sharers = sources.map((source) => sharerOf(source, () => planIn(places, source.name)));
  for (const source of sources) {
    places.set(source.name, await placeBeside(sources, sharers, source.name, topology, signal));
  }
  return places;
}

function planIn(places: ReadonlyMap<string, Place>, name: string): Plan | null {
  const place = places.get(name);
  return place === undefined || "infeasible" in place ? null : place;
}

/** @param plan by which it runs, or soon will; `null`: it takes nothing */
export function sharerOf(source: ServedSource, plan: () => Plan | null): Sharer {
  const { name, profile, limits, requestsPerSecond, replan } = source;
  return { name, profile, limits, requestsPerSecond, replan, plan };
}

/**
 * A place for one model beside those that have plans, at a rate that was stated.
 *
 * @param left of the topology, at the moment
 * @throws what planners throw
 */
export async function placeBeside(
  sources: readonly ServedSource[],
  sharers: readonly Sharer[],
  name: string,
  left: Topology,
  signal: AbortSignal,
): Promise<Place> {
  const source = sources.find((one) => one.name === name) as ServedSource;
  const sharer = sharers.find((one) => one.name === name) as Sharer;
  const place = await planBehind(sharers, sharer, left, signal);
  const { isRateStated, requestsPerSecond } = source;
  if ("infeasible" in place || !isRateStated || keepsUp(place, requestsPerSecond)) return place;
  const most = formatQuantity(periodAt(requestsPerSecond), "s", 4);
  const found = formatQuantity(periodOfRequest(place), "s", 4);
  return {
    infeasible: `no plan keeps up with ${requestsPerSecond} /s: that takes a period of ${most} (a model may take ${100 * mostShare} % of what it finds of a device or link), and the fastest has ${found}; lower its --rate, or add a device or a faster link`,
  };
}

/**
 * Judges plans of a model while it serves: those that it goes over to keep up with a rate that was
 * stated. What others do of computing and sending shows in what is measured.
 *
 * @param takenBytes of a device, by others
 */
export function judgeBeside(
  {
    profile,
    choices,
    isRateStated,
    requestsPerSecond,
  }: Pick<ServedSource, "profile" | "choices" | "isRateStated" | "requestsPerSecond">,
  plan: Plan,
  takenBytes: (device: string) => number,
): Judge {
  const like = isRateStated ? heldTo(plan, requestsPerSecond) : plan;
  return judgeLike(like, profile, choices, (left) => withoutBytes(left, takenBytes));
}
