import { type AdditiveCosts, additiveCosts } from "../../additive.ts";
import type { Placement, Problem } from "../../problem.ts";
import type { Resource } from "../../resources.ts";
import { findHops } from "../../transfers.ts";

/** A sum of costs, each with its weight. */
export type Weighted = readonly (readonly [AdditiveCosts, number])[];

/** Adds costs up; `Infinity` wherever a node cannot run or a tensor may not go. */
export function weigh(problem: Problem, terms: Weighted): AdditiveCosts {
  const allowed = additiveCosts({ ...problem, objective: { type: "latency" } }) as AdditiveCosts;
  const counted = terms.filter(([, weight]) => weight > 0);
  return {
    node: (device, node) => {
      if (allowed.node(device, node) === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
      return counted.reduce((sum, [costs, weight]) => sum + weight * costs.node(device, node), 0);
    },
    hop: (tensor, link) => {
      if (problem.private.has(tensor)) return Number.POSITIVE_INFINITY;
      return counted.reduce((sum, [costs, weight]) => sum + weight * costs.hop(tensor, link), 0);
    },
  };
}

/** What a placement uses of each resource; `null` if a tensor has no route. */
export function usesOf(
  problem: Problem,
  resources: readonly Resource[],
  placement: Placement,
): number[] | null {
  const hops = findHops(problem, placement);
  if ("to" in hops) return null;
  return resources.map((resource) => {
    const nodes = placement.reduce((sum, device, node) => sum + resource.node(device, node), 0);
    return hops.reduce((sum, { tensor, link }) => sum + resource.hop(tensor, link), nodes);
  });
}
