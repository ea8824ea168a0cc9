import type { Device } from "../../../cost/topology.ts";
import { enumerateIdeals } from "../../../graph/ideals.ts";
import { evaluate } from "../../evaluate.ts";
import { type Infeasible, infeasible } from "../../feasibility.ts";
import type { Incumbent } from "../../planner.ts";
import { createProblem, type Placement, type Problem } from "../../problem.ts";
import type { Segment } from "./interior-cut.ts";
import type { SplittingModel } from "./splitting-model.ts";

/** Every cut of a splitting model, as placements of groups; `null` if there are more than `most`. */
export function everyCut(model: SplittingModel, most: number): Placement[] | null {
  const { source } = model.problem;
  const server = model.problem.devices.findIndex((_, device) => device !== source);
  const count = model.groups.length;
  const entered = new Map(model.segments.map((segment) => [segment.entry, segment]));
  const cuts: Placement[] = [];
  for (let last = -1; last < count; last++) {
    const segment = entered.get(last);
    cuts.push(model.groups.map((_, group) => (group <= last ? source : server)));
    if (segment === undefined) continue;
    const inside = cutsInside(model, segment, most - cuts.length);
    if (inside === null) return null;
    for (const held of inside) {
      cuts.push(
        model.groups.map((_, group) => (group <= last || held.has(group) ? source : server)),
      );
    }
    // What ends the segment is the next group behind which a cut may lie.
    last = (segment.end ?? count) - 1;
  }
  return cuts.length > most ? null : cuts;
}

/** The groups inside a segment that stay on the source, for each cut but the one at its entry. */
function cutsInside(
  { problem, groups }: SplittingModel,
  { entry, end }: Segment,
  most: number,
): ReadonlySet<number>[] | null {
  const first = entry + 1;
  const count = (end ?? groups.length) - first;
  const predecessors = problem.index.predecessors
    .slice(first, first + count)
    .map((before) => before.filter((node) => node >= first).map((node) => node - first));
  const ideals = enumerateIdeals(predecessors, most + 1);
  if (ideals === null) return null;
  return Array.from({ length: ideals.count - 1 }, (_, position) => {
    const held = new Set<number>();
    for (let node = 0; node < count; node++) {
      if (ideals.has(position + 1, node)) held.add(first + node);
    }
    return held;
  });
}

/** The best of all cuts of a model that `evaluate` allows. */
export interface BestCut {
  readonly incumbent: Incumbent;
  /** What no one-way placement costs less than. */
  readonly floor: number;
}

/** Cuts between two chances to stop. */
const cutsPerStep = 50;

/**
 * Tries every cut. What loads the source and the link only grows with what stays on the source and
 * with what crosses; so among cuts that a smaller one outweighs, which the model leaves out, none has
 * a smaller period than the best cut has with a server that takes no time at all. O(groups) a cut,
 * and O(nodes) for each that is better than those before.
 *
 * @param cuts of `everyCut`
 */
export function* tryEveryCut(
  problem: Problem,
  model: SplittingModel,
  cuts: readonly Placement[],
): Generator<Incumbent | null, BestCut | Infeasible> {
  const small = onGroups(problem, model, (device) => device.speed);
  const unloaded = onGroups(problem, model, (device) =>
    device.name === problem.topology.source ? device.speed : Number.POSITIVE_INFINITY,
  );
  const isSum = problem.objective.type !== "throughput";
  let best: Incumbent | null = null;
  let floor = Number.POSITIVE_INFINITY;
  let refused = infeasible("no cut is allowed");
  for (const [position, cut] of cuts.entries()) {
    if (!isSum) floor = Math.min(floor, costOf(unloaded, cut));
    if (costOf(small, cut) < (best?.value ?? Number.POSITIVE_INFINITY)) {
      const placement = model.expand(cut);
      const found = evaluate(problem, placement);
      if (found.type === "infeasible") refused = found;
      else {
        best = { placement, value: found.value, bound: null };
        yield best;
      }
    }
    if (position % cutsPerStep === cutsPerStep - 1) yield best;
  }
  return best === null ? refused : { incumbent: best, floor: isSum ? best.value : floor };
}

/** The groups, which have other memories than their nodes, on devices of other speeds. */
function onGroups(
  { topology, objective }: Problem,
  { problem }: SplittingModel,
  speedOf: (device: Device) => number,
): Problem {
  const devices = topology.devices.map((device) => ({
    ...device,
    memoryBytes: null,
    speed: speedOf(device),
  }));
  return createProblem(problem.profile, { ...topology, devices }, objective);
}

function costOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}
