/**
 * D3: device, edge and cloud, a graph split between them without flow back.
 *
 * @module
 */
import { type AdditiveCosts, additiveCosts } from "../additive.ts";
import { evaluate } from "../evaluate.ts";
import { infeasible } from "../feasibility.ts";
import { findLine, type Line } from "../line.ts";
import { fromSource, leadsAway } from "../one-way.ts";
import type { Planner } from "../planner.ts";
import type { Problem } from "../problem.ts";
import { type D3Rules, publishedRules } from "./d3/board.ts";
import { planPartition } from "./d3/partition.ts";
import { type SharedRun, separate } from "./d3/separation.ts";
import { findTiers, type Tiers } from "./d3/tiers.ts";
import { cutLineOneWay } from "./one-way-cut.ts";

/**
 * The horizontal partition (HPA) by the local rule: a node takes the tier where it and the moves of
 * what it reads cost least, whatever comes after. Sums each dependency for itself; the value claimed
 * is that of `evaluate`, a tensor once a link.
 *
 * O(tiers · (nodes + uses of tensors)) time. Promises nothing. Where stages may be shared and the edge
 * has several devices, these then share a run of nodes by tiles (`separate`).
 *
 * @see Zhang, Xiang, Zhang, Li, Zhu and Gu, "Dynamic DNN decomposition for lossless synergistic
 * inference", arXiv 2101.05952, 2021; rules as reconstructed
 */
export const d3: Planner = heuristic("d3", publishedRules);

/** `d3` whose edge devices share so much of the run as costs least, not all of it. */
export const d3BestRun: Planner = heuristic("d3-best-run", publishedRules, "best");

/** `d3` with a choice that counts the cheapest step to one of the node's consumers as well. */
export const d3LookAhead: Planner = heuristic("d3-look-ahead", {
  ...publishedRules,
  choice: "look-ahead",
});

/**
 * The best placement without flow back, which D3's problem asks for, on tiers in a line: one minimum
 * cut. The best one-way placement by `evaluate`, unless it breaks a limit: then it has no answer.
 */
export const d3Exact: Planner = {
  name: "d3-exact",
  optimalAmong: null,
  refuses: (problem) => {
    const tiers = findTiers(problem);
    if (typeof tiers === "string") return tiers;
    if (findRow(problem, tiers) !== null) return null;
    return "its minimum cut wants the tiers in a row, and some tensors take a link past one of them; `exact` can answer";
  },
  *plan(problem) {
    const tiers = findTiers(problem);
    const row = typeof tiers === "string" ? null : findRow(problem, tiers);
    if (row === null) return infeasible("the tiers stand in no row");
    const cut = cutLineOneWay(problem, row, additiveCosts(problem) as AdditiveCosts);
    if (cut === null) return { ...infeasible(noFlowBack), isProven: false };
    const found = evaluate(problem, cut.placement);
    if (found.type === "infeasible") return { ...found, isProven: false };
    const { placement } = cut;
    const best = { placement, value: found.value, bound: null, method: "minimum cut, one way" };
    yield best;
    return leadsAway(row, problem) ? { ...best, bestAmong: "one-way" } : best;
  },
};

const noFlowBack = "without flow back no tier can run some node and all that stands behind it";

/** The line of the devices, from the source, if the tiers stand in it in their order. */
function findRow(problem: Problem, { devices }: Tiers): Line | null {
  const line = findLine(problem);
  const row = line === null ? null : fromSource(line, problem);
  if (row === null) return null;
  const places = devices.map((device) => row.devices.indexOf(device));
  return places.every((place, tier) => tier === 0 || place > (places[tier - 1] as number))
    ? row
    : null;
}

function heuristic(name: string, rules: D3Rules, shared: SharedRun = "whole"): Planner {
  return {
    name,
    optimalAmong: null,
    refuses: refuse,
    *plan(problem) {
      const found = yield* planPartition(problem, rules);
      return "type" in found ? found : separate(problem, found, shared);
    },
  };
}

function refuse(problem: Problem): string | null {
  const tiers = findTiers(problem);
  if (typeof tiers === "string") return tiers;
  if (problem.groups.length === 0) return null;
  const [node = 0] = problem.groups[0] ?? [];
  return `it places node by node and knows none that must share a device, as '${problem.index.graph.nodes[node]?.name}' must with others`;
}
