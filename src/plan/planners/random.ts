import type { Random } from "../../base/random.ts";
import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner } from "../planner.ts";
import type { Placement, Problem } from "../problem.ts";

/** Enough to find a decent cut of a small network; more would make a lucky planner of a baseline. */
const tries = 200;
/** Nodes looked at between two chances to stop. */
const nodesPerStep = 100_000;

/**
 * The best of 200 random placements: what chance alone finds, the baseline under every heuristic.
 *
 * Half of them cut the graph order into one run for each of some devices, half of them place node by
 * node; then what privacy and colocation demand is set right. O(tries · (nodes + uses of tensors)) time.
 * Promises nothing: it may miss the only allowed placement.
 */
export const random: Planner = {
  name: "random",
  optimalAmong: null,
  refuses: () => null,
  *plan(problem, tools) {
    let best: Incumbent | null = null;
    let refused: Infeasible | null = null;
    let looked = 0;
    for (let trial = 0; trial < tries; trial++) {
      const placement = obey(problem, draw(problem, trial, tools.random));
      const found = evaluate(problem, placement);
      if (found.type === "infeasible") {
        refused ??= found;
      } else if (best === null || found.value < best.value) {
        best = { placement, value: found.value, bound: null };
        yield best;
      }
      looked += placement.length;
      if (looked < nodesPerStep) continue;
      looked = 0;
      yield best;
    }
    if (best !== null) return best;
    return {
      ...infeasible(
        `none of ${tries} random placements is allowed; of the first: ${refused?.reason}`,
        refused?.witness,
      ),
      isProven: false,
    };
  },
};

function draw(problem: Problem, trial: number, chance: Random): number[] {
  const able = problem.devices.flatMap((_, device) => (canRun(problem, device) ? [device] : []));
  const devices = chance.shuffle(able.length === 0 ? [problem.source] : able);
  const { nodes } = problem.index.graph;
  if (trial % 2 === 1) {
    const some = devices.slice(0, 1 + chance.integer(devices.length));
    return nodes.map(() => chance.pick(some));
  }
  const used = 1 + chance.integer(devices.length);
  const cuts = Array.from({ length: used - 1 }, () => chance.integer(nodes.length + 1));
  return nodes.map((_, node) => devices[cuts.filter((cut) => cut <= node).length] as number);
}

/** Whether a device can run any node. */
function canRun(problem: Problem, device: number): boolean {
  return problem.kinds[device]?.nodeSeconds.some((seconds) => seconds !== null) ?? false;
}

/** Groups follow their first node, private nodes go home. */
function obey(problem: Problem, drawn: number[]): Placement {
  for (const [first, ...others] of problem.groups) {
    const pinned = [first as number, ...others].some((node) => problem.pinned.has(node));
    const device = pinned ? problem.source : (drawn[first as number] as number);
    for (const node of [first as number, ...others]) drawn[node] = device;
  }
  for (const node of problem.pinned) drawn[node] = problem.source;
  return drawn;
}
