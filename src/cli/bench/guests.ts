import { isCoded } from "../../base/errors.ts";
import { infeasible } from "../../plan/feasibility.ts";
import type { Planner } from "../../plan/planner.ts";
import { planners } from "../../plan/planners.ts";
import { usage } from "../command.ts";
import { execPlanner, execPrefix } from "../exec-planner.ts";

/**
 * Planners by name, or programs, to stand in every table.
 *
 * @param note receives the first failure of each program, and what it wrote to its standard error
 * @throws USAGE_INVALID
 */
export function guestPlanners(
  names: readonly string[],
  note: (text: string) => void,
): readonly Planner[] {
  return names.map((name) => {
    if (name.startsWith(execPrefix)) return forgiving(execPlanner(name, { note }), note);
    const planner = Object.hasOwn(planners, name) ? planners[name] : undefined;
    if (planner !== undefined) return planner;
    throw usage(
      `--planner wants ${Object.keys(planners).join(", ")}, or exec:COMMAND, not "${name}"`,
    );
  });
}

/** A program that fails on one problem has no answer there; the table goes on. */
function forgiving(planner: Planner, note: (text: string) => void): Planner {
  let failures = 0;
  return {
    ...planner,
    *plan(problem, tools) {
      try {
        return yield* planner.plan(problem, tools);
      } catch (error) {
        if (!isCoded(error)) throw error;
        failures++;
        if (failures === 1) {
          note(`${error.message}\n(later failures of '${planner.name}' stand in the tables only)`);
        }
        return { ...infeasible(error.message), isProven: false };
      }
    },
  };
}
