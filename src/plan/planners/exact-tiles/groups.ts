import type { PiecesModel } from "../exact-pieces/model.ts";
import type { ChainCosts } from "./chain-costs.ts";

/** With more devices groups are too many: then the fastest are grouped, and the source. */
const mostMembers = 6;

/** Groups of devices that may share stages, one device alone among them, after all their own subsets. */
export function* groupsOf(costs: ChainCosts): Generator<readonly number[]> {
  const { pieces } = costs.model;
  const devices = fastestOf(costs);
  for (let set = 1; set < 2 ** devices.length; set++) {
    const group = devices.filter((_, position) => (set >> position) & 1);
    if (withFirstTwins(pieces, group).join() === group.join()) yield group;
  }
}

/** The same group with devices that stand before those that are alike. */
export function withFirstTwins(
  { twinBefore }: PiecesModel,
  group: readonly number[],
): readonly number[] {
  let found = group;
  for (let position = 0; position < found.length; position++) {
    const twin = twinBefore[found[position] as number] ?? -1;
    if (twin < 0 || found.includes(twin)) continue;
    found = found.with(position, twin);
    position = -1;
  }
  return found;
}

function fastestOf(costs: ChainCosts): readonly number[] {
  const { problem, runners } = costs.model.pieces;
  const seconds = new Map(runners.map((device) => [device, secondsOfAll(costs, device)]));
  const fastest = [...runners]
    .sort((a, b) => (seconds.get(a) as number) - (seconds.get(b) as number) || a - b)
    .slice(0, mostMembers);
  const isLeftOut = runners.includes(problem.source) && !fastest.includes(problem.source);
  return isLeftOut ? [...fastest.slice(0, -1), problem.source] : fastest;
}

/** Seconds of all pieces: as slow as the slowest where the device cannot run one. */
function secondsOfAll(costs: ChainCosts, device: number): number {
  const { count, pieces } = costs.model;
  let sum = 0;
  for (let piece = 0; piece < count; piece++) {
    const own = costs.alone(piece, device);
    const all = pieces.runners.map((other) => costs.alone(piece, other));
    sum += Number.isFinite(own) ? own : Math.max(0, ...all.filter(Number.isFinite));
  }
  return sum;
}
