import { CodedError } from "../base/errors.ts";
import type { GraphIndex } from "../graph/graph.ts";
import { type Tile, tileOf } from "../graph/tile.ts";
import type { Region, Rows } from "../graph/window.ts";
import type { PlannedTile, Stage } from "./plan.ts";
import { stageOutputs } from "./tiles.ts";

/** Something that a device runs at once, and what of the graph it is. */
export interface StageWork {
  /** The stage's; on a device that has several tiles of it with a number behind. */
  readonly id: string;
  readonly device: string;
  /** By position, ascending. */
  readonly nodes: readonly number[];
  /** The regions that it makes of what leaves the stage, by tensor; `null`: all of everything. */
  readonly outputs: ReadonlyMap<number, Region> | null;
  /** The regions of everything in it; `null`: all. */
  readonly tile: Tile | null;
}

/**
 * What there is to run of a stage: a device that has several tiles of it runs them one after the
 * other, each under an id of its own. O(tiles · uses of tensors by the nodes) time.
 *
 * @throws PLAN_INVALID if the graph lacks a node, or several devices run it without tiles
 */
export function worksOf(index: GraphIndex, stage: Stage): readonly StageWork[] {
  const nodes = positionsOf(index, stage);
  const { id, devices, tiles } = stage;
  if (tiles === undefined) {
    const [device = ""] = devices;
    if (devices.length === 1) return [{ id, device, nodes, outputs: null, tile: null }];
    throw invalid(
      `stage '${id}' is on ${devices.length} devices (${devices.join(", ")}) and has no tiles; plan again`,
    );
  }
  const rows = tiles.map((tile) => spanOf(tile.rows));
  const columns = tiles.flatMap((tile) => (tile.columns === undefined ? [] : spanOf(tile.columns)));
  const shared = { nodes, rows, ...(columns.length === tiles.length ? { columns } : {}) };
  return tiles.map(({ device }, member) => {
    const work = { id: tileId(id, tiles, member), device, nodes };
    if (tiles.length === 1) return { ...work, outputs: null, tile: null };
    const outputs = stageOutputs(index, shared, member);
    return { ...work, outputs, tile: tileOf(index, nodes, outputs) };
  });
}

/** The ids of what each device runs of a stage, as `worksOf` gives them. */
export function workIdsOf({ id, devices, tiles }: Stage): ReadonlyMap<string, readonly string[]> {
  if (tiles === undefined) return new Map(devices.map((device) => [device, [id]]));
  const ids = new Map<string, string[]>(devices.map((device) => [device, []]));
  for (const [position, { device }] of tiles.entries()) {
    ids.get(device)?.push(tileId(id, tiles, position));
  }
  return ids;
}

function spanOf([from, to]: readonly [number, number]): Rows {
  return { from, to };
}

function tileId(stage: string, tiles: readonly PlannedTile[], position: number): string {
  const { device } = tiles[position] as PlannedTile;
  const own = tiles.filter((tile) => tile.device === device);
  if (own.length === 1) return stage;
  return `${stage}.${own.indexOf(tiles[position] as PlannedTile)}`;
}

function positionsOf(index: GraphIndex, { id, nodes }: Stage): number[] {
  const positions = nodes.map((name) => {
    const node = index.nodeByName.get(name);
    if (node !== undefined) return node;
    throw invalid(`stage '${id}' has a node '${name}', which graph '${index.graph.name}' lacks`);
  });
  return positions.sort((a, b) => a - b);
}

function invalid(message: string): CodedError {
  return new CodedError("PLAN_INVALID", message);
}
