import type { AdditiveCosts } from "../../additive.ts";
import type { DevicePair } from "../../device-pair.ts";
import type { Problem } from "../../problem.ts";
import { type BoundaryCosts, createRowCut, type LineCut, type RowFlow } from "../exact-line.ts";

/** Cuts between two devices, built once and solved for many costs. */
export interface PairCut {
  /**
   * The best placement where memory and limits are left aside; `null`: all cost `Infinity`.
   *
   * @param costs infinite exactly where those are that it was built for
   */
  solve(costs: AdditiveCosts): LineCut | null;
}

/**
 * Prepares the minimum cut between two devices of any topology, where all others only relay.
 *
 * What a tensor costs depends on where it is made and on which of the two read it, and is the union
 * of the links of its routes. So the two form a row: a tensor made on one of them pays what its
 * delivery costs together with its node, and what its readers on the other add to that at the
 * boundary between. A graph input whose source is neither of the two stands in the middle of a row of
 * three. O(nodes + uses of tensors + links of routes) time.
 *
 * @param flow `up`: nothing made on the far device is read on the near one
 */
export function createPairCut(
  problem: Problem,
  costs: AdditiveCosts,
  pair: DevicePair,
  flow: RowFlow,
): PairCut {
  const ways = problem.linkBytes.map((_, tensor) => waysOf(problem, tensor, pair));
  const apart = { ...problem, sink: null };
  const first = rowOf(problem, costs, pair, ways);
  const cut = createRowCut(apart, first.costs, flow);
  return {
    solve: (given) => {
      const row = rowOf(problem, given, pair, ways);
      if (row.constant === Number.POSITIVE_INFINITY) return null;
      const found = cut.solve(row.costs);
      return found === null ? null : { ...found, bound: found.bound + row.constant };
    },
  };
}

/** Links, `null` where some of them are missing. */
type Links = readonly number[] | null;

/** The links that a tensor passes, apart by what they are passed for. */
type Ways = Made | Given;

interface Made {
  /** Whatever reads it, where it is made on the near device. */
  readonly fromNear: Links;
  /** More than that, if the far device reads it. */
  readonly up: Links;
  readonly fromFar: Links;
  readonly down: Links;
}

interface Given {
  /** Whoever reads the graph input. */
  readonly always: Links;
  /** More than that if the near device, or the far one, reads it. */
  readonly toNear: Links;
  readonly toFar: Links;
}

function waysOf(problem: Problem, tensor: number, { near, far }: DevicePair): Ways {
  const { index, hops, sink, source } = problem;
  const isDelivered = sink !== null && index.outputs.includes(tensor);
  const route = (from: number, to: number): Links => hops.route(from, to, tensor);
  const delivery = (from: number): Links => (isDelivered ? route(from, sink) : []);
  if (typeof index.producer[tensor] === "number") {
    const fromNear = delivery(near);
    const fromFar = delivery(far);
    return {
      fromNear,
      up: without(route(near, far), fromNear),
      fromFar,
      down: without(route(far, near), fromFar),
    };
  }
  const back = delivery(source);
  const toNear = route(source, near);
  const toFar = route(source, far);
  const isRead = index.consumers[tensor]?.length !== 0;
  const both = isRead ? (toNear ?? []).filter((link) => toFar?.includes(link) === true) : [];
  const always = back === null ? null : [...new Set([...back, ...both])];
  return { always, toNear: without(toNear, always), toFar: without(toFar, always) };
}

function without(links: Links, others: Links): Links {
  return links === null ? null : links.filter((link) => others?.includes(link) !== true);
}

/** The costs of a row, and what is paid whatever the placement. */
function rowOf(
  { index, source }: Problem,
  costs: AdditiveCosts,
  { near, far }: DevicePair,
  ways: readonly Ways[],
): { costs: BoundaryCosts; constant: number } {
  const pay = (tensor: number, links: Links): number => {
    if (links === null) return Number.POSITIVE_INFINITY;
    return links.reduce((sum, link) => sum + costs.hop(tensor, link), 0);
  };
  let constant = 0;
  for (const tensor of index.inputs) {
    constant += pay(tensor, (ways[tensor] as Given).always);
  }
  const devices = source === near ? [near, far] : [near, source, far];
  const last = devices.length - 2;
  return {
    constant,
    costs: {
      devices,
      node: (device, node) => {
        if (device !== near && device !== far) return Number.POSITIVE_INFINITY;
        return (index.nodeOutputs[node] ?? []).reduce(
          (sum, tensor) => {
            const made = ways[tensor] as Made;
            return sum + pay(tensor, device === near ? made.fromNear : made.fromFar);
          },
          costs.node(device, node),
        );
      },
      up: (tensor, boundary) => {
        if (boundary !== last) return 0;
        const way = ways[tensor] as Ways;
        return pay(tensor, "up" in way ? way.up : way.toFar);
      },
      down: (tensor, boundary) => {
        const way = ways[tensor] as Ways;
        if ("down" in way) return boundary === last ? pay(tensor, way.down) : 0;
        return boundary === 0 && last > 0 ? pay(tensor, way.toNear) : 0;
      },
    },
  };
}
