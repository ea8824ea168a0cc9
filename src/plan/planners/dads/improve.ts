import type { DevicePair } from "../../device-pair.ts";
import type { Problem } from "../../problem.ts";
import type { Best } from "./best.ts";

/** Nodes that are evaluated between two chances to stop, and at most. */
const perStep = 20_000;
const most = 4_000_000;

/**
 * Moves single nodes, or nodes that must share a device, to the other of two devices for as long as
 * that helps and nothing comes back. O(nodes + uses of tensors) a move that is tried.
 */
export function* improve(problem: Problem, pair: DevicePair, best: Best): Generator<null, void> {
  const units = unitsOf(problem);
  let looked = 0;
  let unlooked = 0;
  for (let isBetter = true; isBetter && looked < most; ) {
    isBetter = false;
    for (const unit of units) {
      const placement = best.incumbent?.placement;
      if (placement === undefined) return;
      const moved = move(problem, pair, placement, unit);
      if (moved === null) continue;
      if (best.offer(moved, "single moves")) isBetter = true;
      looked += placement.length;
      unlooked += placement.length;
      if (unlooked < perStep) continue;
      unlooked = 0;
      yield null;
    }
  }
}

function unitsOf({ index, groups }: Problem): (readonly number[])[] {
  const grouped = new Set(groups.flat());
  const alone = index.graph.nodes.flatMap((_, node) => (grouped.has(node) ? [] : [[node]]));
  return [...alone, ...groups];
}

/** `null` where something would come back, or nothing moves. */
function move(
  { index }: Problem,
  { near, far }: DevicePair,
  placement: readonly number[],
  unit: readonly number[],
): number[] | null {
  const from = placement[unit[0] as number];
  if (from !== near && from !== far) return null;
  const to = from === near ? far : near;
  const beyond = to === far ? index.successors : index.predecessors;
  const isFree = unit.every((node) =>
    (beyond[node] ?? []).every((other) => placement[other] === to || unit.includes(other)),
  );
  if (!isFree || near === far) return null;
  const moved = [...placement];
  for (const node of unit) moved[node] = to;
  return moved;
}
