/**
 * Compression before solving: a smaller graph whose best one-way placement is that of the whole one.
 *
 * @module
 */

import { type Seconds, seconds } from "../base/units.ts";
import { type Graph, indexGraph } from "../graph/graph.ts";
import {
  type CompressionStates,
  cutWeights,
  excludesReturn,
  lineFromSource,
  refuseCompression,
} from "./compress/conditions.ts";
import { contract } from "./compress/graph.ts";
import { mergeIntoSuccessors, mergeSegments } from "./compress/rules.ts";
import type { CutWeights } from "./compress/weights.ts";
import { createProblem, type Placement, type Problem } from "./problem.ts";

/** A problem with groups of nodes for nodes. */
export interface Compression {
  readonly type: "compressed";
  readonly problem: Problem;
  /** The nodes of each group, in graph order. */
  readonly groups: readonly (readonly number[])[];
  /**
   * The placements among which none is better than the best one of the groups: `one-way` ones,
   * whose tensors only travel away from the source (and the answer back), or `all`.
   */
  readonly covers: "one-way" | "all";
  /** From groups to nodes. */
  expand(placement: Placement): Placement;
}

/** Why a problem is not compressed. */
export interface NotCompressed {
  readonly type: "refused";
  readonly reason: string;
}

/**
 * Merges nodes between which no best cut ever lies, for an additive objective on devices in a line,
 * source at one end, no node slower on a later device.
 *
 * One principle: if D' ⊂ D are ideals and the cut of D' carries no more, D' costs no more, since
 * whatever moves away from the source is no slower there. "No more" is meant in bytes and in the
 * number of tensors if it is to hold in many states; else, on two devices, in what the hops cost.
 * O(nodes + uses) time, and one maximum flow for each way into a part of the graph between two
 * articulation nodes.
 *
 * @param states default: the state that the topology states
 * @see Yang, Li, He and Zhang, "DNN real-time collaborative inference acceleration with mobile edge
 * computing", IJCNN 2022
 */
export function compress(
  problem: Problem,
  states: CompressionStates | null = null,
): Compression | NotCompressed {
  const line = lineFromSource(problem);
  if (line === null) {
    return { type: "refused", reason: "the devices form no line with the source at its end" };
  }
  const reason = refuseCompression(problem, line, states);
  if (reason !== null) return { type: "refused", reason };
  const weights = cutWeights(problem, line, states);
  const { graph, groups } = mergeAll(problem, weights);
  const devices = Object.fromEntries(
    Object.entries(problem.profile.devices).map(([name, kind]) => {
      return [
        name,
        { ...kind, nodeSeconds: groups.map((nodes) => addUp(kind.nodeSeconds, nodes)) },
      ];
    }),
  );
  return {
    type: "compressed",
    problem: createProblem(
      { ...problem.profile, graph, devices },
      problem.topology,
      problem.objective,
    ),
    groups,
    covers: excludesReturn(problem, line, weights) ? "all" : "one-way",
    expand: (placement) => {
      const whole = new Array<number>(problem.index.graph.nodes.length);
      groups.forEach((nodes, group) => {
        for (const node of nodes) whole[node] = placement[group] as number;
      });
      return whole;
    },
  };
}

interface Merged {
  readonly graph: Graph;
  readonly groups: readonly (readonly number[])[];
}

/** Segments, then successors until nothing changes, then what that has made of the segments. */
function mergeAll(problem: Problem, weights: CutWeights): Merged {
  const { graph } = problem.index;
  let merged: Merged = { graph, groups: graph.nodes.map((_, node) => [node]) };
  const apply = (rule: typeof mergeSegments): boolean => {
    const before = merged.graph.nodes.length;
    merged = merge(problem, merged, weights, rule);
    return merged.graph.nodes.length < before;
  };
  apply(mergeSegments);
  while (apply(mergeIntoSuccessors));
  apply(mergeSegments);
  return merged;
}

function merge(
  problem: Problem,
  { graph, groups }: Merged,
  weights: CutWeights,
  rule: typeof mergeSegments,
): Merged {
  const index = indexGraph(graph);
  const original = graph.tensors.map(({ name }) => problem.index.tensorByName.get(name) as number);
  const own: CutWeights = {
    ...weights,
    weightOf: (tensor, component) => weights.weightOf(original[tensor] as number, component),
  };
  const next = contract(index, rule(index, own), own);
  const whole = next.groups.map((members) =>
    members.flatMap((member) => groups[member] ?? []).sort((a, b) => a - b),
  );
  return { graph: next.graph, groups: whole };
}

/** `null` if the device cannot run one of them. */
function addUp(nodeSeconds: readonly (Seconds | null)[], nodes: readonly number[]): Seconds | null {
  let total = 0;
  for (const node of nodes) {
    const own = nodeSeconds[node] ?? null;
    if (own === null) return null;
    total += own;
  }
  return seconds(total);
}
