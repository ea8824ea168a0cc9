import { gridRegions } from "../../../graph/grid.ts";
import { extentsOf } from "../../../graph/tile.ts";
import type { Rows } from "../../../graph/window.ts";
import { evaluate } from "../../evaluate.ts";
import type { Incumbent } from "../../planner.ts";
import type { Problem } from "../../problem.ts";
import type { TileStage } from "../../tiles.ts";
import { type GroupModel, groupModel } from "../pso/group-model.ts";
import { edgeTeam } from "./tiers.ts";

/** How much of a run the devices of the edge share. */
export type SharedRun =
  /** All of it, as published. */
  | "whole"
  /** So much of its beginning as costs least, or nothing. */
  | "best";

/**
 * D3's vertical separation (VSM): of the nodes that the horizontal partition puts on the edge the longest
 * run that is made row by row and column by column is cut into an A × B grid of equal tiles, one for each
 * device of the edge, A ≥ B and both as equal as can be. Halos are computed twice, nothing is exchanged
 * inside the run.
 *
 * @param found the horizontal partition, with all of the edge on its first device
 * @returns the same where there is nothing to share, or sharing breaks a limit
 * @see Zhang, Xiang, Zhang, Li, Zhu and Gu, "Dynamic DNN decomposition for lossless synergistic
 * inference", arXiv 2101.05952, 2021; as reconstructed
 */
export function separate(problem: Problem, found: Incumbent, shared: SharedRun): Incumbent {
  const team = edgeTeam(problem);
  if (problem.limits.tiles !== true || team.length < 2) return found;
  const model = modelOf(problem);
  const run = longestRun(model, found.placement, team[0] as number);
  if (run === null) return found;
  const ends =
    shared === "whole"
      ? [run.end]
      : Array.from({ length: run.end - run.first }, (_, offset) => run.first + 1 + offset);
  let best: Incumbent | null = shared === "whole" ? null : found;
  for (const end of ends) {
    const stage = gridStage(model, run.first, end, team);
    if (stage === null) continue;
    const evaluated = evaluate(problem, found.placement, [stage]);
    if (evaluated.type === "infeasible" || evaluated.value >= (best?.value ?? Infinity)) continue;
    const method = `${found.method ?? "horizontal partition"}, a grid of ${stage.devices.length} tiles on the edge`;
    best = { ...found, value: evaluated.value, tiles: [stage], method };
  }
  return best ?? found;
}

/** Rows and columns of a grid of so many tiles. */
export function gridOf(tiles: number): { rows: number; columns: number } {
  let columns = Math.floor(Math.sqrt(tiles));
  while (tiles % columns !== 0) columns--;
  return { rows: tiles / columns, columns };
}

function modelOf(problem: Problem): GroupModel {
  const steps = groupModel(problem);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The pieces on a device, one behind the other and all to be shared, that take it the most seconds. */
function longestRun(
  { count, pieces, tiledReach }: GroupModel,
  placement: readonly number[],
  device: number,
): { first: number; end: number } | null {
  const isThere = (piece: number): boolean =>
    placement.slice(pieces.starts[piece], pieces.starts[piece + 1]).every((own) => own === device);
  const sums = pieces.seconds[device] as Float64Array;
  let best: { first: number; end: number; seconds: number } | null = null;
  for (let first = 0; first < count; first++) {
    let end = first;
    while (end < (tiledReach[first] as number) && isThere(end)) end++;
    const seconds = (sums[end] as number) - (sums[first] as number);
    if (end > first && seconds > (best?.seconds ?? 0)) best = { first, end, seconds };
  }
  return best;
}

function gridStage(
  { pieces: { problem, starts } }: GroupModel,
  first: number,
  end: number,
  team: readonly number[],
): TileStage | null {
  const from = starts[first] as number;
  const stop = starts[end] as number;
  const nodes = Array.from({ length: stop - from }, (_, offset) => from + offset);
  const { rows, columns } = gridOf(team.length);
  const extents = extentsOf(problem.index, problem.index.nodeOutputs[stop - 1]?.[0]);
  const regions = gridRegions(extents, rows, columns);
  if (regions.length < 2) return null;
  return {
    nodes,
    devices: team.slice(0, regions.length),
    rows: regions.map(([own]) => own as Rows),
    ...(columns > 1 ? { columns: regions.map(([, own]) => own as Rows) } : {}),
  };
}
