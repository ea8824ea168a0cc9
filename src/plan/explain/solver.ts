import { createRandom } from "../../base/random.ts";
import type { Device, Topology } from "../../cost/topology.ts";
import type { ExplainBudget } from "../explanation.ts";
import type { Infeasible } from "../feasibility.ts";
import type { Incumbent } from "../planner.ts";
import { exact } from "../planners/exact.ts";
import { createProblem, type Problem } from "../problem.ts";

/** Plans that cost the same within this, relative, are equally good. */
export const equality = 1e-9;

/** The best placement, with or without a proof; `unknown`: the budget did not suffice. */
export type Solved = Incumbent | Infeasible | "unknown";

/** Runs `exact` within the budget. */
export class Solver {
  readonly #budget: ExplainBudget;
  solves = 0;

  constructor(budget: ExplainBudget) {
    this.#budget = budget;
  }

  solve(problem: Problem): Solved {
    if (exact.refuses(problem) !== null) return "unknown";
    if (this.solves >= this.#budget.solves) return "unknown";
    this.solves++;
    const steps = exact.plan(problem, { random: createRandom(1) });
    let last: Incumbent | null = null;
    for (let step = 0; step < this.#budget.stepsPerSolve; step++) {
      const { done, value } = steps.next();
      if (done === true) return value;
      last = value;
    }
    return last ?? "unknown";
  }
}

/** Whether nothing better is possible. */
export function isClosed({ value, bound }: Incumbent): boolean {
  return bound !== null && value - bound <= equality * Math.abs(value);
}

export function usedBy(
  problem: Problem,
  { placement, tiles = [] }: Pick<Incumbent, "placement" | "tiles">,
): string[] {
  const used = new Set([...placement, ...tiles.flatMap(({ devices }) => devices)]);
  return problem.devices.flatMap(({ name }, device) => (used.has(device) ? [name] : []));
}

/** The topology with one device changed. */
export function changeDevice(
  { topology }: Problem,
  position: number,
  change: (device: Device) => Device,
): Topology {
  const devices = topology.devices.map((device, at) => (at === position ? change(device) : device));
  return { ...topology, devices };
}

/** The problem in another topology. */
export function rebuild(problem: Problem, topology: Topology): Problem {
  return createProblem(problem.profile, topology, problem.objective, problem.limits);
}
