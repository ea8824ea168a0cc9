import { articulationNodes } from "../../graph/articulation.ts";
import { devicePairs, refusePair } from "../device-pair.ts";
import { evaluate } from "../evaluate.ts";
import { type Infeasible, infeasible } from "../feasibility.ts";
import type { Incumbent, Planner, Planning } from "../planner.ts";
import type { Placement, Problem } from "../problem.ts";

/** Nodes looked at between two chances to stop. */
const nodesPerStep = 20_000;

/**
 * Neurosurgeon: the best single cut between two devices.
 *
 * Tries every cut behind a node that all paths pass, and everything on either device: O(cuts · (nodes
 * + uses of tensors)) time, since each is evaluated whole, with all limits. On a chain that is behind
 * every node, as published; on other graphs, for which the paper has no answer, one tensor or the
 * outputs of one node cross, and nothing is cut inside branches. The best among these placements,
 * whatever the objective.
 *
 * @see Kang et al., "Neurosurgeon: collaborative intelligence between the cloud and mobile edge",
 * ASPLOS 2017
 */
export const neurosurgeon: Planner = {
  name: "neurosurgeon",
  optimalAmong: "chain-cuts",
  refuses: refusePair,
  plan: tryChainCuts,
};

/** The best cut behind an articulation node, or why none is allowed. */
export function* tryChainCuts(problem: Problem): Planning {
  const cuts = findChainCuts(problem);
  const count = cuts.length;
  let best: Incumbent | null = null;
  let refused: Infeasible | null = null;
  let looked = 0;
  for (const cut of cuts) {
    const placement = placementOf(problem, cut);
    const found = evaluate(problem, placement);
    if (found.type === "infeasible") refused ??= found;
    else if (best === null || found.value < best.value) {
      best = { placement, value: found.value, bound: null, method: `${count} cuts` };
    }
    looked += placement.length;
    if (looked < nodesPerStep) continue;
    looked = 0;
    yield best;
  }
  if (best !== null) return best;
  return {
    ...infeasible(
      `none of ${count} cuts is allowed; of the first: ${refused?.reason}`,
      refused?.witness,
    ),
    isProven: false,
  };
}

/**
 * Placements of the graph order that cut it once, behind an articulation node, or not at all: first
 * everything on one device each, then the first nodes on the near device. Equal ones come once.
 */
export function chainCuts(problem: Problem): Placement[] {
  return findChainCuts(problem).map((cut) => placementOf(problem, cut));
}

/** Nodes up to the last one here on the near device, all others on the far one. */
interface ChainCut {
  readonly near: number;
  readonly far: number;
  readonly last: number;
}

function placementOf({ index }: Problem, { near, far, last }: ChainCut): Placement {
  return index.graph.nodes.map((_, node) => (node <= last ? near : far));
}

function findChainCuts(problem: Problem): ChainCut[] {
  const { nodes } = problem.index.graph;
  const cuts = articulationNodes(problem.index).filter((node) => node < nodes.length - 1);
  const pairs = devicePairs(problem);
  const devices = new Set(pairs.flatMap(({ near, far }) => [near, far]));
  const whole = [...devices].map((device) => ({ near: device, far: device, last: -1 }));
  if (devices.size < 2) return whole;
  const divided = pairs.flatMap(({ near, far }) => cuts.map((last) => ({ near, far, last })));
  return [...whole, ...divided];
}
