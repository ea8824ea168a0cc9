import type { DevicePair } from "../../device-pair.ts";
import { evaluate } from "../../evaluate.ts";
import type { Placement, Problem } from "../../problem.ts";
import type { Best } from "./best.ts";

/** Nodes that are evaluated between two chances to stop, and at most. */
const perStep = 20_000;
const most = 4_000_000;
/** Of how many placements the neighbours are tried. */
const mostStarts = 8;

/**
 * Moves single nodes, or nodes that must share a device, to the other of two devices for as long as
 * that helps and nothing comes back: from the best placement known and the best of others. A move
 * that changes no value helps if it shortens the latency. O(nodes + uses of tensors) a move that is
 * tried.
 *
 * @param starts placements that stand for different compromises; equal ones are tried once
 */
export function* improve(
  problem: Problem,
  pair: DevicePair,
  starts: readonly Placement[],
  best: Best,
): Generator<null, void> {
  const known = best.incumbent === null ? starts : [best.incumbent.placement, ...starts];
  const distinct = new Map(known.map((placement) => [placement.join(), placement]));
  const rated = [...distinct.values()]
    .map((placement) => ({ placement, rank: rankOf(problem, placement) }))
    .sort((one, other) => compare(one.rank, other.rank));
  const course = { looked: 0, unlooked: 0 };
  for (const { placement } of rated.slice(0, mostStarts)) {
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
  let rank = rankOf(problem, placement);
  for (let isBetter = true; isBetter && course.looked < most; ) {
    isBetter = false;
    for (const unit of units) {
      const moved = move(problem, pair, placement, unit);
      if (moved === null) continue;
      const other = rankOf(problem, moved);
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

/** What is compared: the value, then the latency. */
type Rank = readonly [number, number];

function rankOf(problem: Problem, placement: Placement): Rank {
  const found = evaluate(problem, placement);
  if (found.type === "infeasible") return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return [found.value, found.latencySeconds];
}

function compare(one: Rank, other: Rank): number {
  return Number(isBelow(other, one)) - Number(isBelow(one, other));
}

/** By more than rounding, so that moves there and back end. */
function isBelow(one: Rank, other: Rank): boolean {
  const limit = 1 - 1e-12;
  if (one[0] < other[0] * limit) return true;
  return one[0] <= other[0] && one[1] < other[1] * limit;
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
