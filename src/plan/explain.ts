/**
 * Why a plan is as it is: what each device is worth, and how far the world must move to change it.
 *
 * @module
 */
import { placementOf, tilesOf } from "./check.ts";
import { codecsOf, withCodecs } from "./codecs.ts";
import { evaluate } from "./evaluate.ts";
import { withDevice, withoutDevice } from "./explain/device.ts";
import { figuresOf, findThreshold, furthest } from "./explain/figure.ts";
import { Solver } from "./explain/solver.ts";
import type { DeviceExplanation, ExplainBudget, Explanation } from "./explanation.ts";
import type { Plan } from "./plan.ts";
import type { Problem } from "./problem.ts";

/** Enough for three devices and four links. */
export const defaultBudget: ExplainBudget = { solves: 400, stepsPerSolve: 40 };

/**
 * Explains a plan by solving the problem again, changed in one respect at a time.
 *
 * A device that is used is taken away; one that is not is forced to run a node, each of a few in
 * turn. A figure is moved until the plan, evaluated there, costs more than the best; since the
 * cost of every placement is monotone in a figure and the least cost over placements of an additive
 * objective is concave in its inverse, the plan is the best on one interval around 1, whose end is
 * found by bisection. For throughput the interval need not be one: then it is the nearest end found.
 *
 * Deterministic. At most `budget.solves` runs of `exact`.
 *
 * @throws PLAN_INVALID if the plan does not fit the problem
 */
export function explain(
  problem: Problem,
  plan: Plan,
  budget: ExplainBudget = defaultBudget,
): Explanation {
  const placement = placementOf(problem, plan);
  const tiles = tilesOf(problem, plan);
  const solver = new Solver(budget);
  const evaluation = evaluate(withCodecs(problem, codecsOf(problem, plan)), placement, tiles);
  const value = evaluation.type === "feasible" ? evaluation.value : Number.NaN;
  const compute = evaluation.type === "feasible" ? evaluation.computeSeconds : [];
  const devices = problem.devices.map(({ name }, device): DeviceExplanation => {
    const nodes = placement.filter((on, node) => {
      const stage = tiles.find((shared) => shared.nodes.includes(node));
      return stage === undefined ? on === device : stage.devices.includes(device);
    }).length;
    return {
      device: name,
      isUsed: nodes > 0,
      nodes,
      computeSeconds: compute[device] ?? 0,
      opposite:
        nodes > 0
          ? withoutDevice(problem, device, value, solver)
          : withDevice(problem, device, value, solver),
    };
  });
  const own = { placement, tiles };
  const sensitivities = figuresOf(problem).map((figure) => ({
    figure,
    down: findThreshold(problem, own, figure, 1 / furthest, solver),
    up: findThreshold(problem, own, figure, furthest, solver),
  }));
  return { value, devices, sensitivities, solves: solver.solves };
}
