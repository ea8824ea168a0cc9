import { evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import { createBoard, type D3Rules, placementOn, publishedRules, tiersOf } from "./board.ts";
import {
  type Band,
  findDirty,
  findDrift,
  followDrift,
  type Quantities,
  quantitiesOf,
  usualBand,
} from "./drift.ts";
import type { RankedGraph } from "./ranks.ts";
import { settle } from "./settle.ts";
import { findTiers } from "./tiers.ts";

export interface RepartitionOptions {
  readonly band?: Band;
  readonly rules?: D3Rules;
  /** Of the problem's graph, ranked before. */
  readonly graph?: RankedGraph;
}

export interface Repartition {
  /** The old one unless another costs less. */
  readonly placement: Placement;
  /** To hold the next measurements against. */
  readonly reference: Quantities;
  /** How many quantities had left their band. */
  readonly drifted: number;
  /** Nodes that were chosen anew or raised. */
  readonly touched: number;
  readonly isChanged: boolean;
}

/**
 * D3's re-partition at run time: where what is measured has left the band of its reference, the
 * nodes that this concerns are chosen anew, and those behind them as far as something moves; the
 * rest of the placement stays. The change is kept only if it costs less by `evaluate`.
 *
 * Costs are the measured ones; references only say what is looked at again. No answer flows back or
 * costs more than the old placement, and each node is chosen once at most: O(tiers · uses of
 * tensors) time at worst, one pass over the quantities at least.
 *
 * @param problem with the node seconds and bandwidths as measured now
 * @param placement on the problem's tiers, without flow back
 * @param reference of the same devices, nodes and links
 * @throws Error if the problem has no tiers or a node that none of them can run
 * @see Zhang, Xiang, Zhang, Li, Zhu and Gu, arXiv 2101.05952, 2021; bands and rules reconstructed
 */
export function repartition(
  problem: Problem,
  placement: Placement,
  reference: Quantities,
  { band = usualBand, rules = publishedRules, graph }: RepartitionOptions = {},
): Repartition {
  const measured = quantitiesOf(problem);
  const drift = findDrift(reference, measured, band);
  const nothing = { placement, reference, drifted: 0, touched: 0, isChanged: false };
  if (drift.length === 0) return nothing;
  const tiers = findTiers(problem);
  if (typeof tiers === "string") throw new Error(`the problem has no tiers: ${tiers}`);
  const board = createBoard(problem, tiers, rules, graph);
  if ("stuck" in board) throw new Error(`no tier can run node ${board.stuck}`);
  const chosen = tiersOf(board, placement);
  const { touched } = settle(board, chosen, findDirty(board, chosen, drift));
  const changed = placementOn(board, chosen);
  const followed = followDrift(reference, measured, drift);
  const found = { placement, reference: followed, drifted: drift.length, touched };
  const isChanged = costOf(problem, changed) < costOf(problem, placement);
  return isChanged ? { ...found, placement: changed, isChanged } : { ...found, isChanged };
}

/** `Infinity` for what is not allowed. */
function costOf(problem: Problem, placement: Placement): number {
  const found = evaluate(problem, placement);
  return found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY;
}
