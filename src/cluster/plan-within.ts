import { messageOf } from "../base/errors.ts";
import type { Plan } from "../plan/plan.ts";
import { hasPair, type Pair, type World } from "./coordination/state.ts";
import type { CoordinatorOptions } from "./coordinator-options.ts";
import type { BookedPlan, PlanBook } from "./plan-book.ts";
import { missingEnd, reducedTopology } from "./reduced-topology.ts";

export interface PlanWithinOptions extends Pick<CoordinatorOptions, "topology" | "replan"> {
  readonly book: PlanBook;
  /** Devices whose channel leads through the coordinator. */
  readonly tunnelled: () => readonly Pair[];
}

/** Why there is no plan. */
export interface NoPlan {
  readonly infeasible: string;
  /** The planner did not come to an end; asked again, it may. Left out: no. */
  readonly hasFailed?: boolean;
}

/**
 * Has a plan made for a world; that there is none, or that the planner fails, is an answer. A planner
 * cannot be told that two devices do not reach each other over the relay that reaches both: if it has
 * them do so, it has to do without one of them.
 */
export async function planWithin(
  options: PlanWithinOptions,
  world: World,
  signal: AbortSignal,
): Promise<BookedPlan | NoPlan> {
  const { topology, book } = options;
  for (let left = world; ; ) {
    const answer = await ask(options, left, signal);
    if ("infeasible" in answer) return answer;
    try {
      const booked = book.add(answer);
      const broken = booked.shape.pairs.find((pair) => hasPair(world.cut, pair));
      if (broken === undefined) return booked;
      const { source, sink } = topology;
      const spare = [broken.b, broken.a].find((name) => name !== source && name !== sink);
      if (spare === undefined || left.without.includes(spare)) {
        return { infeasible: `'${broken.a}' and '${broken.b}' do not reach each other` };
      }
      left = { ...left, without: [...left.without, spare].sort() };
    } catch (error) {
      return { infeasible: messageOf(error) };
    }
  }
}

async function ask(
  { replan, topology, tunnelled }: PlanWithinOptions,
  world: World,
  signal: AbortSignal,
): Promise<Plan | NoPlan> {
  if (replan === undefined) return { infeasible: "this coordinator has no planner" };
  const left = reducedTopology(topology, world, tunnelled());
  const missing = missingEnd(left);
  if (missing !== undefined) return { infeasible: `'${missing}' is away or cannot be reached` };
  try {
    return await replan(left, signal);
  } catch (error) {
    return { infeasible: messageOf(error), hasFailed: true };
  }
}
