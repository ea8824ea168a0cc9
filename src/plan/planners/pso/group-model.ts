import { heightOf } from "../../../graph/tile.ts";
import type { Problem } from "../../problem.ts";
import { type PiecesModel, piecesModel } from "../exact-pieces/model.ts";
import { coveredParts } from "./cover.ts";
import { type RowTable, rowTable } from "./row-table.ts";

/** A problem as a chain of pieces, some of which can be shared by rows. */
export interface GroupModel {
  readonly pieces: PiecesModel;
  /** How many pieces. */
  readonly count: number;
  /** How far a run of pieces that begins at piece i and is shared by rows can go. */
  readonly tiledReach: Int32Array;
  /** How far a run can go that begins at piece i: by what the device can run, whatever its memory. */
  readonly ableReach: readonly Int32Array[];
  /** The part of each node that somebody has to make. */
  readonly parts: readonly number[];
  /** The least of these. */
  readonly leastCover: number;
  /** What rows of the output of piece `last` are made from, in all pieces that may be shared with it. */
  rows(last: number): RowTable;
  /** The same for columns. */
  columns(last: number): RowTable;
}

/** O(pieces · (nodes + pieces) + cuts of different cargo · devices²) time; yields while it works. */
export function* groupModel(problem: Problem): Generator<null, GroupModel> {
  const pieces = yield* piecesModel(problem);
  const { starts } = pieces;
  const count = starts.length - 1;
  const isTiled = starts
    .slice(1)
    .map((_, piece) => problem.limits.tiles === true && canTile(pieces, piece));
  const answers = starts.slice(1).map((end) => makesAnswer(problem, end - 1));
  const tiledReach = reachOf(isTiled, answers);
  const firstOf = (last: number): number => {
    let first = last;
    while (first > 0 && isTiled[first - 1] === true) first--;
    return first;
  };
  const tableOf = (tables: (RowTable | undefined)[], last: number, axis: 0 | 1): RowTable => {
    const first = starts[firstOf(last)] as number;
    tables[last] ??= rowTable(problem, first, (starts[last + 1] as number) - 1, axis);
    return tables[last];
  };
  const parts = coveredParts(problem.index);
  const rows: RowTable[] = [];
  const columns: RowTable[] = [];
  return {
    pieces,
    count,
    tiledReach,
    ableReach: problem.devices.map((_, device) =>
      reachOf(starts.slice(1).map((_, piece) => isAble(pieces, device, piece))),
    ),
    parts,
    leastCover: Math.min(1, ...parts),
    rows: (last) => tableOf(rows, last, 0),
    columns: (last) => tableOf(columns, last, 1),
  };
}

/** All that leaves a shared run is made by its last node: behind one that makes an answer it ends. */
function makesAnswer({ index }: Problem, node: number): boolean {
  return (index.nodeOutputs[node] ?? []).some((tensor) => index.outputs.includes(tensor));
}

/** Where each run ends that begins at a position, holds only what is allowed, and goes no further than an end. */
function reachOf(isAllowed: readonly boolean[], isEnd: readonly boolean[] = []): Int32Array {
  const reach = new Int32Array(isAllowed.length);
  for (let piece = isAllowed.length - 1; piece >= 0; piece--) {
    const goesOn = piece + 1 < isAllowed.length && isEnd[piece] !== true;
    const next = goesOn ? (reach[piece + 1] as number) : piece + 1;
    reach[piece] = isAllowed[piece] === true ? next : piece;
  }
  return reach;
}

function nodesOf({ starts }: PiecesModel, piece: number): number[] {
  const first = starts[piece] as number;
  return Array.from(
    { length: (starts[piece + 1] as number) - first },
    (_, offset) => first + offset,
  );
}

/** Whether all that leaves a piece is made by its last node, row by row, and nobody is tied to it. */
function canTile(pieces: PiecesModel, piece: number): boolean {
  const { index, pinned } = pieces.problem;
  const { tensors, nodes } = index.graph;
  const last = (pieces.starts[piece + 1] as number) - 1;
  return nodesOf(pieces, piece).every((node) => {
    const made = index.nodeOutputs[node] ?? [];
    const used = [...made, ...(index.nodeInputs[node] ?? [])];
    const isRead = made.some((tensor) => (index.consumers[tensor] ?? []).length > 0);
    return (
      nodes[node]?.window !== undefined &&
      new Set(made.map((tensor) => heightOf(index, tensor))).size === 1 &&
      !pinned.has(node) &&
      used.every((tensor) => tensors[tensor]?.shape.length === 4) &&
      (node === last || (isRead && made.every((tensor) => !index.outputs.includes(tensor))))
    );
  });
}

function isAble(pieces: PiecesModel, device: number, piece: number): boolean {
  const { pinned, seconds, source } = pieces.problem;
  return nodesOf(pieces, piece).every(
    (node) =>
      Number.isFinite(seconds.get(device, node)) && (device === source || !pinned.has(node)),
  );
}
