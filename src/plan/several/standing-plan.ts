import type { Topology } from "../../cost/topology.ts";
import { placementOf, tilesOf } from "../check.ts";
import { codecsOf, withCodecs } from "../codecs.ts";
import type { Placement, Problem } from "../problem.ts";
import { problemAt } from "../problem-at.ts";
import { problemOfPlan } from "../problem-of-plan.ts";
import type { TileStage } from "../tiles.ts";
import type { PlacedModel } from "./remaining.ts";

/** A plan as it stands, with all that a simulation or an evaluation of it needs. */
export interface StandingPlan {
  /** With the plan's routes and codecs. */
  readonly problem: Problem;
  readonly placement: Placement;
  readonly tiles: readonly TileStage[];
}

/**
 * A plan on a topology other than that it was made for, which has the same devices and links at
 * other speeds: it keeps its routes and codecs.
 *
 * @param whole the topology that `plan.reserved` was taken off
 * @throws PLAN_INVALID; as `createProblem`
 */
export function planOn(
  { profile, plan }: Pick<PlacedModel, "profile" | "plan">,
  whole: Topology,
  now: Topology,
): StandingPlan {
  const asked = problemOfPlan(plan, profile, whole);
  const placement = placementOf(asked, plan);
  const tiles = tilesOf(asked, plan);
  const coded = withCodecs(asked, codecsOf(asked, plan));
  const problem = problemAt(coded, {
    bandwidthBitsPerSecond: now.links.map((link) => link.bandwidthBitsPerSecond),
    slowDown: asked.devices.map(({ speed }, device) => speed / (now.devices[device]?.speed ?? 1)),
  });
  return { problem, placement, tiles };
}
