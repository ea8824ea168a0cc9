import type { Placement, Problem } from "../../problem.ts";
import { type RankedGraph, rankNodes } from "./ranks.ts";
import type { Tiers } from "./tiers.ts";

/** Which rules of D3's heuristic to follow. */
export interface D3Rules {
  /** Whether a node's choice counts its own cost only, or also that of the cheapest step after it. */
  readonly choice: "local" | "look-ahead";
  /** Whether siblings follow the one on the latest tier always, or only where that costs no more. */
  readonly siblings: "raise" | "guarded";
}

/** The rules as they are remembered: the plainest reading. */
export const publishedRules: D3Rules = { choice: "local", siblings: "raise" };

/** What the heuristic looks at while it places nodes. */
export interface Board {
  readonly problem: Problem;
  readonly tiers: Tiers;
  readonly graph: RankedGraph;
  readonly rules: D3Rules;
  /** The latest tier that each node may take so that it, and all behind it, can run without flow back. */
  readonly latest: readonly number[];
  /** Bytes that each tier may hold; `Infinity` for one that counts as endless. */
  readonly budgets: readonly number[];
}

/**
 * Lays out a problem. O(tiers · (nodes + uses of tensors)) time.
 *
 * @param graph of the same nodes, ranked before
 * @returns the first node that no tier can run without flow back, if there is one
 */
export function createBoard(
  problem: Problem,
  tiers: Tiers,
  rules: D3Rules = publishedRules,
  graph: RankedGraph = rankNodes(problem.index),
): Board | { readonly stuck: number } {
  const latest: number[] = [];
  for (let node = problem.index.graph.nodes.length - 1; node >= 0; node--) {
    const behind = (problem.index.successors[node] ?? []).map((next) => latest[next] as number);
    let tier = Math.min(tiers.devices.length - 1, ...behind);
    while (tier >= 0 && tiers.node(tier, node) === Number.POSITIVE_INFINITY) tier--;
    if (tier < 0) return { stuck: node };
    latest[node] = tier;
  }
  const budgets = tiers.devices.map(() => Number.POSITIVE_INFINITY);
  return { problem, tiers, graph, rules, latest, budgets };
}

/** Tiers as a placement on devices. */
export function placementOn({ tiers }: Board, chosen: readonly number[]): Placement {
  return chosen.map((tier) => tiers.devices[tier] as number);
}

/** A placement as tiers; its devices are those of the board. */
export function tiersOf({ tiers }: Board, placement: Placement): number[] {
  return placement.map((device) => tiers.devices.indexOf(device));
}

/** The device where a tensor is made. */
export function homeOn(board: Board, chosen: readonly number[], tensor: number): number {
  const { problem, tiers } = board;
  const producer = problem.index.producer[tensor] ?? null;
  if (producer === null) return problem.source;
  return tiers.devices[chosen[producer] as number] as number;
}
