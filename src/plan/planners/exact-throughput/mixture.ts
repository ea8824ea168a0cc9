import type { AdditiveCosts } from "../../additive.ts";
import type { Placement, Problem } from "../../problem.ts";
import { chooseOrder, priced, relax } from "../../relaxation.ts";
import { createSearchSpace, mostDevices, type SearchSpace } from "../../search-space.ts";
import { findHops } from "../../transfers.ts";

/** Cuts are made over copies of all nodes for each device. */
const mostWork = 20_000;
const rounds = 60;

/**
 * Periods that no placement undercuts, each higher than the last.
 *
 * The largest load is never below a weighted mean of all loads, and a mean is a sum over nodes and
 * hops: its least value over all placements is bounded by one minimum cut (see `relax`). The weights
 * start where they make devices alike and shift, round by round, to what the placements of those cuts
 * load most. Whatever they are, the bound holds.
 *
 * @see Plotkin, Shmoys and Tardos, "Fast approximation algorithms for fractional packing and
 * covering problems", Mathematics of Operations Research 20(2), 1995, for the shifting of weights
 */
export function* mixedLoads(problem: Problem): Generator<number, void> {
  const { devices, index } = problem;
  const isLarge = devices.length * index.graph.nodes.length > mostWork;
  if (isLarge || devices.length > mostDevices || devices.length < 2) return;
  const space = createSearchSpace({ ...problem, limits: { periodSeconds: 1 } }, nothing(problem));
  // Memory adds up to no period.
  const loads = space.resources.map(({ memoryOf }) => memoryOf === null);
  let weights = firstWeights(space, loads);
  const mixed = { ...space, objective: priced(space, weights), resources: [] };
  const choice = chooseOrder(mixed);
  let order = choice.next();
  for (; order.done !== true; order = choice.next()) yield 0;
  const free = space.resources.map(() => 0);
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const relaxed = relax(space, order.value, space.domains, weights, free);
    if (relaxed === null) return;
    // Weights and costs are rounded, apart and in their sums.
    best = Math.max(best, relaxed.bound * (1 - 1e-6));
    yield best;
    weights = shift(weights, loadsOf(space, relaxed.placement), 1 / Math.sqrt(1 + round));
  }
}

/** Costs nothing where it is allowed. */
function nothing(problem: Problem): AdditiveCosts {
  const allow = (isAllowed: boolean): number => (isAllowed ? 0 : Number.POSITIVE_INFINITY);
  return {
    node: (device, node) =>
      allow(
        Number.isFinite(problem.seconds.get(device, node)) &&
          (device === problem.source || !problem.pinned.has(node)),
      ),
    hop: (tensor) => allow(!problem.private.has(tensor)),
  };
}

/** Devices by how fast they do everything; links share a tenth. */
function firstWeights({ resources }: SearchSpace, loads: readonly boolean[]): number[] {
  const totals = resources.map(({ node }) => node.reduce((sum, seconds) => sum + seconds, 0));
  const links = loads.filter((isLoad, at) => isLoad && totals[at] === 0).length;
  const speed = totals.reduce(
    (sum, total, at) => (loads[at] && total > 0 ? sum + 1 / total : sum),
    0,
  );
  const weights = totals.map((total, at) => {
    if (!loads[at]) return 0;
    return total > 0 ? 0.9 / (total * speed) : 0.1 / links;
  });
  return normalised(weights);
}

/** Seconds of each load; infinite ones do not come up. */
function loadsOf(
  { problem, resources, nodes, links }: SearchSpace,
  placement: Placement,
): number[] {
  const hops = findHops(problem, placement);
  return resources.map(({ node, hop }) => {
    let sum = placement.reduce(
      (total, device, at) => total + (node[device * nodes + at] as number),
      0,
    );
    if (!("to" in hops)) {
      for (const { tensor, link } of hops) sum += hop[tensor * links + link] as number;
    }
    return sum;
  });
}

function shift(weights: readonly number[], loads: readonly number[], step: number): number[] {
  const mean = weights.reduce((sum, weight, at) => sum + weight * (loads[at] as number), 0);
  if (mean === 0) return [...weights];
  return normalised(
    weights.map((weight, at) => {
      const excess = Math.min((loads[at] as number) / mean, 3) - 1;
      return weight * Math.exp(step * excess);
    }),
  );
}

function normalised(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
