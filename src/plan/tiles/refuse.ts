import { CodedError } from "../../base/errors.ts";
import type { Plan } from "../plan.ts";
import type { Problem } from "../problem.ts";

/**
 * For what does not know stages that several devices run together.
 *
 * @param what it is, in words: "a front"
 * @throws USAGE_INVALID if the problem allows them
 */
export function refuseTiles({ limits }: Problem, what: string): void {
  if (limits.tiles !== true) return;
  throw new CodedError(
    "USAGE_INVALID",
    `${what} knows no stages that several devices run together; leave out the limit 'tiles' (--tiles)`,
  );
}

/**
 * @param what is to be done with the plan, in words: "be simulated"
 * @throws PLAN_INVALID if it has stages that several devices run together
 */
export function refuseTiledPlan({ stages }: Plan, what: string): void {
  const tiled = stages.find(({ tiles }) => tiles !== undefined);
  if (tiled === undefined) return;
  throw new CodedError(
    "PLAN_INVALID",
    `several devices (${tiled.devices.join(", ")}) run stage '${tiled.id}' of the plan together, each some of the rows: such a plan cannot ${what} yet; plan again without --tiles`,
    { stage: tiled.id, devices: tiled.devices },
  );
}
