import { type Board, homeOn } from "./board.ts";
import { TierRoom } from "./room.ts";

/** What came of choosing nodes anew. */
export interface Settled {
  /** Nodes that were chosen or raised. */
  readonly touched: number;
  /** A node that no tier had room for; the tiers are then worth nothing. */
  readonly stuck: number | null;
}

/**
 * Chooses the tiers of all dirty nodes, and of whatever stands behind one that moved: rank by rank,
 * so that every producer is settled before its consumers, and none is chosen twice. With every node
 * dirty this is the horizontal partition itself.
 *
 * Each node takes the tier, from that of its latest producer on, where it costs least together with
 * the moves of what it reads, each dependency for itself; of equal ones the earlier. Then siblings
 * that are settled follow to the latest tier among them, since what they read is sent there anyway.
 * O(tiers · uses of tensors) time.
 *
 * @param chosen the tier of each node; those of dirty nodes are not read. Changed in place
 * @param dirty one flag for each node. Changed in place
 * @see Zhang, Xiang, Zhang, Li, Zhu and Gu, "Dynamic DNN decomposition for lossless synergistic
 * inference", arXiv 2101.05952, 2021; rules as reconstructed
 */
export function settle(board: Board, chosen: number[], dirty: Uint8Array): Settled {
  const { graph, problem } = board;
  const room = new TierRoom(board);
  chosen.forEach((tier, node) => {
    if (dirty[node] === 0) room.add(tier, node);
  });
  const touched = new Set<number>();
  const spread = (node: number): void => {
    for (const next of problem.index.successors[node] ?? []) {
      if (dirty[next] === 0) room.remove(chosen[next] as number, next);
      dirty[next] = 1;
    }
  };
  for (const node of graph.order) {
    if (dirty[node] === 0) continue;
    const tier = choose(board, room, chosen, node);
    if (tier === null) return { touched: touched.size, stuck: node };
    const before = chosen[node];
    chosen[node] = tier;
    room.add(tier, node);
    dirty[node] = 0;
    const raised = raiseSiblings(board, room, chosen, dirty, node);
    touched.add(node);
    for (const sibling of raised) {
      touched.add(sibling);
      spread(sibling);
    }
    if (chosen[node] !== before) spread(node);
  }
  return { touched: touched.size, stuck: null };
}

/** `null` if there is room on no tier that the node may take. */
function choose(
  board: Board,
  room: TierRoom,
  chosen: readonly number[],
  node: number,
): number | null {
  const { problem, tiers, rules, latest } = board;
  const reads = problem.index.nodeInputs[node] ?? [];
  const homes = reads.map((tensor) => homeOn(board, chosen, tensor));
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (let tier = earliest(board, chosen, node); tier <= (latest[node] as number); tier++) {
    if (!room.fits(tier, node)) continue;
    let cost = tiers.node(tier, node);
    reads.forEach((tensor, position) => {
      cost += tiers.move(tensor, homes[position] as number, tier);
    });
    if (rules.choice === "look-ahead") cost += ahead(board, node, tier);
    if (cost >= least) continue;
    least = cost;
    best = tier;
  }
  return best;
}

function earliest({ problem }: Board, chosen: readonly number[], node: number): number {
  const before = problem.index.predecessors[node] ?? [];
  return Math.max(0, ...before.map((producer) => chosen[producer] as number));
}

/** The cheapest step from a node on a tier to one of its consumers; 0 if it has none. */
function ahead({ problem, tiers, latest }: Board, node: number, tier: number): number {
  const { index } = problem;
  const next = index.successors[node] ?? [];
  if (next.length === 0) return 0;
  const made = index.nodeOutputs[node] ?? [];
  const home = tiers.devices[tier] as number;
  let least = Number.POSITIVE_INFINITY;
  for (const consumer of next) {
    const read = made.filter((tensor) => index.nodeInputs[consumer]?.includes(tensor));
    for (let later = tier; later <= (latest[consumer] as number); later++) {
      const moves = read.reduce((sum, tensor) => sum + tiers.move(tensor, home, later), 0);
      least = Math.min(least, moves + tiers.node(later, consumer));
    }
  }
  return least;
}

/** Raises a node and its settled siblings to the latest tier among them; returns those that moved. */
function raiseSiblings(
  board: Board,
  room: TierRoom,
  chosen: number[],
  dirty: Uint8Array,
  node: number,
): number[] {
  const settled = (board.graph.siblings[node] ?? []).filter((sibling) => dirty[sibling] === 0);
  const family = [...settled, node];
  const top = Math.max(...family.map((sibling) => chosen[sibling] as number));
  return family.filter((sibling) => {
    const tier = chosen[sibling] as number;
    if (tier === top || !mayRise(board, room, sibling, tier, top)) return false;
    chosen[sibling] = top;
    room.remove(tier, sibling);
    room.add(top, sibling);
    return true;
  });
}

function mayRise(board: Board, room: TierRoom, node: number, from: number, to: number): boolean {
  const { tiers, latest, rules } = board;
  const cost = tiers.node(to, node);
  if (to > (latest[node] as number) || cost === Number.POSITIVE_INFINITY) return false;
  if (!room.fits(to, node)) return false;
  if (rules.siblings === "raise") return true;
  return cost <= tiers.node(from, node) + outward(board, node, from, to);
}

/** What a node's consumers would need moved from one tier to another, each tensor once. */
function outward({ problem, tiers }: Board, node: number, from: number, to: number): number {
  const read = (problem.index.nodeOutputs[node] ?? []).filter(
    (tensor) => (problem.index.consumers[tensor] ?? []).length > 0,
  );
  const home = tiers.devices[from] as number;
  return read.reduce((sum, tensor) => sum + tiers.move(tensor, home, to), 0);
}
