import type { DevicePair } from "../../device-pair.ts";
import { evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import { type Best, isBelow, rankOf } from "./best.ts";

/** Nodes that are evaluated between two chances to stop, and at most. */
const perStep = 20_000;
const most = 4_000_000;

/**
 * Moves single nodes, or nodes that must share a device, to the other of two devices for as long as
 * that helps and nothing comes back: from each of a few placements. A move
 * that changes no value helps if it shortens the latency. O(nodes + uses of tensors) a move that is
 * tried.
 *
 * @param starts different placements that stand for different compromises
 */
export function* improve(
  problem: Problem,
  pair: DevicePair,
  starts: readonly Placement[],
  best: Best,
): Generator<null, void> {
  const course = { looked: 0, unlooked: 0 };
  for (const placement of starts) {
    yield* descend(problem, pair, placement, best, course);
  }
}

interface Course {
  looked: number;
  unlooked: number;
}

function* descend(
  problem: Problem,
  pair: DevicePair,
  start: Placement,
  best: Best,
  course: Course,
): Generator<null, void> {
  const units = unitsOf(problem);
  let placement = start;
  let rank = rankOf(evaluate(problem, placement));
  for (let isBetter = true; isBetter && course.looked < most; ) {
    isBetter = false;
    for (const unit of units) {
      const moved = move(problem, pair, placement, unit);
      if (moved === null) continue;
      const other = rankOf(evaluate(problem, moved));
      if (isBelow(other, rank)) {
        placement = moved;
        rank = other;
        isBetter = true;
        best.offer(moved, "single moves");
      }
      course.looked += moved.length;
      course.unlooked += moved.length;
      if (course.unlooked < perStep) continue;
      course.unlooked = 0;
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
  placement: Placement,
  unit: readonly number[],
): number[] | null {
  const from = placement[unit[0] as number];
  if (near === far || (from !== near && from !== far)) return null;
  const to = from === near ? far : near;
  const beyond = to === far ? index.successors : index.predecessors;
  const isFree = unit.every((node) =>
    (beyond[node] ?? []).every((other) => placement[other] === to || unit.includes(other)),
  );
  if (!isFree) return null;
  const moved = [...placement];
  for (const node of unit) moved[node] = to;
  return moved;
}
