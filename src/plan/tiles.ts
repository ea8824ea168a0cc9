/**
 * Tile-parallel stages: several devices run the same nodes, each for some of the rows.
 *
 * @module
 */
import type { GraphIndex } from "../graph/graph.ts";
import { extentsOf, leavingRegions, type Tile, tileOf, wholeTile } from "../graph/tile.ts";
import type { Region, Rows } from "../graph/window.ts";
import type { Placement } from "./problem.ts";

/**
 * A tile-parallel stage: every member runs all its nodes, each for its own rows of what the stage
 * makes, and for the rows around them that these are made from.
 */
export interface TileStage {
  /** Ascending. One node, the last, makes all that leaves the stage. */
  readonly nodes: readonly number[];
  /**
   * The members, by position. `Placement` names the first of them for all nodes. A device that stands
   * several times runs one tile after the other, for want of memory.
   */
  readonly devices: readonly number[];
  /** For each member its rows of the last node's outputs: one after the other, all of them. */
  readonly rows: readonly Rows[];
  /** For each member its columns of them; left out: all. */
  readonly columns?: readonly Rows[];
}

/** A stage with what each of its members does. */
export interface MemberStage {
  readonly nodes: readonly number[];
  readonly members: readonly Member[];
}

export interface Member {
  readonly device: number;
  readonly tile: Tile;
}

/** A placement with its tile-parallel stages worked out. */
export interface Layout {
  readonly placement: Placement;
  /** In the order of their last nodes. */
  readonly stages: readonly MemberStage[];
  /** For each node its stage's position; `null`: one device runs it. */
  readonly stageOf: readonly (number | null)[];
}

/**
 * Works out the rows of every member. A member that is alone runs everything, as it does outside of
 * such a stage. O(members · uses of tensors by their nodes) time.
 *
 * @param tiles as the rules of `findTileViolation` want them
 */
export function layOut(
  index: GraphIndex,
  placement: Placement,
  tiles: readonly TileStage[],
): Layout {
  const ordered = [...tiles].sort((a, b) => lastOf(a) - lastOf(b));
  const stageOf: (number | null)[] = placement.map(() => null);
  const stages = ordered.map((own, stage): MemberStage => {
    const { nodes, devices } = own;
    for (const node of nodes) stageOf[node] = stage;
    const members = devices.map((device, member) => {
      const tile =
        devices.length === 1
          ? wholeTile(index, nodes)
          : tileOf(index, nodes, stageOutputs(index, own, member));
      return { device, tile };
    });
    return { nodes, members };
  });
  return { placement, stages, stageOf };
}

/** The region of the last node's outputs that a member makes. */
export function regionOfMember(
  index: GraphIndex,
  { nodes, rows, columns }: Pick<TileStage, "nodes" | "rows" | "columns">,
  member: number,
): Region {
  const width = extentsOf(index, index.nodeOutputs[lastOf({ nodes })]?.[0])[1] as number;
  return [rows[member] as Rows, columns?.[member] ?? { from: 0, to: width }];
}

/**
 * The regions that a member makes of all that leaves a stage, by tensor: of what other nodes than the
 * last make the same parts.
 */
export function stageOutputs(
  index: GraphIndex,
  stage: Pick<TileStage, "nodes" | "rows" | "columns">,
  member: number,
): Map<number, Region> {
  const own = regionOfMember(index, stage, member);
  const outputs = index.nodeOutputs[lastOf(stage)] ?? [];
  const leaving = leavingRegions(index, stage.nodes, outputs[0], own);
  for (const tensor of outputs) leaving.set(tensor, own);
  return leaving;
}

/** The node that makes what leaves a stage. */
export function lastOf({ nodes }: { readonly nodes: readonly number[] }): number {
  return nodes.at(-1) as number;
}
