import { evaluate } from "../../evaluate.ts";
import { type Infeasible, infeasible } from "../../feasibility.ts";
import type { Planning } from "../../planner.ts";
import type { Placement, Problem } from "../../problem.ts";
import { type Board, createBoard, type D3Rules, placementOn } from "./board.ts";
import type { RankedGraph } from "./ranks.ts";
import { settle } from "./settle.ts";
import { findTiers } from "./tiers.ts";

/** How often the budget of a tier shrinks before the tier is dropped wholly. */
const mostShrinks = 4;

/**
 * D3's horizontal partition, memory and other limits left aside.
 *
 * @param graph of the problem, ranked before
 * @throws Error if the problem has no tiers, or a node that none of them can run
 */
export function partition(problem: Problem, rules: D3Rules, graph?: RankedGraph): Placement {
  const tiers = findTiers(problem);
  if (typeof tiers === "string") throw new Error(`the problem has no tiers: ${tiers}`);
  const board = createBoard(problem, tiers, rules, graph);
  if ("stuck" in board) throw new Error(`no tier can run node ${board.stuck}`);
  const chosen = problem.index.graph.nodes.map(() => 0);
  settle(board, chosen, new Uint8Array(chosen.length).fill(1));
  return placementOn(board, chosen);
}

/**
 * The horizontal partition with memory limits: where the answer breaks one, the tier gets a budget
 * and everything is chosen again, nodes going elsewhere once the tier is full.
 */
export function* planPartition(problem: Problem, rules: D3Rules): Planning {
  const tiers = findTiers(problem);
  if (typeof tiers === "string") return infeasible(tiers);
  const board = createBoard(problem, tiers, rules);
  if ("stuck" in board) return explainStuck(problem, board.stuck);
  const budgets = [...board.budgets];
  const shrinks = budgets.map(() => 0);
  let full: Infeasible | null = null;
  for (;;) {
    const chosen = problem.index.graph.nodes.map(() => 0);
    const dirty = new Uint8Array(chosen.length).fill(1);
    const { stuck } = settle({ ...board, budgets }, chosen, dirty);
    if (stuck !== null) {
      return full === null ? explainStuck(problem, stuck) : explainFull(problem, full, stuck);
    }
    const placement = placementOn(board, chosen);
    const found = evaluate(problem, placement);
    if (found.type === "feasible") return { placement, value: found.value, bound: null };
    const tier = overfullTier(board, found);
    if (tier === null) return { ...found, isProven: false };
    shrink(budgets, shrinks, tier, found);
    full = found;
    yield null;
  }
}

/** The tier that asked too much memory of its device; `null` if that is not what is wrong. */
function overfullTier({ problem, tiers }: Board, { witness }: Infeasible): number | null {
  if (!("neededBytes" in witness)) return null;
  const tier = tiers.devices.findIndex(
    (device) => problem.devices[device]?.name === witness["device"],
  );
  return tier < 0 ? null : tier;
}

/** First to what the device has, then by what was too much, at last to nothing. */
function shrink(budgets: number[], shrinks: number[], tier: number, { witness }: Infeasible): void {
  const has = Number(witness["memoryBytes"]);
  const excess = Number(witness["neededBytes"]) - has;
  const times = (shrinks[tier] as number) + 1;
  shrinks[tier] = times;
  if (times === 1) budgets[tier] = has;
  else if (times <= mostShrinks) budgets[tier] = (budgets[tier] as number) - excess;
  else budgets[tier] = Number.NEGATIVE_INFINITY;
}

function explainStuck(problem: Problem, stuck: number): Infeasible {
  const node = problem.index.graph.nodes[stuck]?.name ?? "";
  const found = infeasible(
    `without flow back no tier can run node '${node}' and all that stands behind it`,
    { node },
  );
  return { ...found, isProven: false };
}

function explainFull(problem: Problem, { reason, witness }: Infeasible, stuck: number): Infeasible {
  const node = problem.index.graph.nodes[stuck]?.name ?? "";
  const found = infeasible(
    `${reason}; with less on it, no tier from that of its producers on has room for node '${node}'`,
    { ...witness, node },
  );
  return { ...found, isProven: false };
}
