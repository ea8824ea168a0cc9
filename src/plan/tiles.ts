import type { Rows } from "../graph/window.ts";

/**
 * A tile-parallel stage: every member runs all its nodes, each for its own rows of what the stage
 * makes, and for the rows around them that these are made from.
 */
export interface TileStage {
  /** Ascending. One node, the last, makes all that leaves the stage. */
  readonly nodes: readonly number[];
  /** The members, by position. `Placement` names the first of them for all nodes. */
  readonly devices: readonly number[];
  /** For each member its rows of the last node's outputs: one after the other, all of them. */
  readonly rows: readonly Rows[];
}
