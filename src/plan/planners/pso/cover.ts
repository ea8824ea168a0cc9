import type { GraphIndex } from "../../../graph/graph.ts";
import { extentsOf } from "../../../graph/tile.ts";
import { neededRows, type Window } from "../../../graph/window.ts";

/** Rows and columns that somebody has to make, all of the ones with all of the others. */
interface Cover {
  readonly rows: Uint8Array;
  readonly columns: Uint8Array;
}

/**
 * The part of each node's outputs that is made in any plan, whoever shares it: rows and columns that a
 * stride jumps over are needed by nobody. A node that cannot be shared, whose readers cannot, or whose
 * outputs nobody or the sink reads, is made whole: what leaves a stage is. O(uses of tensors · (rows +
 * columns) · kernel) time.
 */
export function coveredParts(index: GraphIndex): number[] {
  const { nodes } = index.graph;
  const covers: Cover[] = [];
  for (let node = nodes.length - 1; node >= 0; node--) {
    const [height, width] = extentsOf(index, index.nodeOutputs[node]?.[0]) as [number, number];
    const made = index.nodeOutputs[node] ?? [];
    const readers = made.flatMap((tensor) => index.consumers[tensor] ?? []);
    const isWhole =
      nodes[node]?.window === undefined ||
      new Set(made.map((tensor) => extentsOf(index, tensor).join(" "))).size !== 1 ||
      readers.length === 0 ||
      made.some((tensor) => index.outputs.includes(tensor)) ||
      readers.some((reader) => nodes[reader]?.window === undefined);
    covers[node] = isWhole
      ? { rows: new Uint8Array(height).fill(1), columns: new Uint8Array(width).fill(1) }
      : joined(
          readers.map((reader) =>
            neededCover(nodes[reader]?.window as Window, covers[reader] as Cover, height, width),
          ),
        );
  }
  return covers.map(({ rows, columns }) => partOf(rows) * partOf(columns));
}

function neededCover(
  window: Window,
  { rows, columns }: Cover,
  height: number,
  width: number,
): Cover {
  return {
    rows: neededMarks(window, rows, height, 0),
    columns: neededMarks(window, columns, width, 1),
  };
}

function neededMarks(window: Window, made: Uint8Array, extent: number, axis: number): Uint8Array {
  const marks = new Uint8Array(extent);
  made.forEach((isMade, at) => {
    if (isMade === 0) return;
    const { from, to } = neededRows(window, { from: at, to: at + 1 }, extent, axis);
    marks.fill(1, from, to);
  });
  return marks;
}

/** What several readers need: all of it where they differ along one axis, else the most that one does. */
function joined(covers: readonly Cover[]): Cover {
  const [first, ...others] = covers as [Cover, ...Cover[]];
  const isAlike = (axis: keyof Cover): boolean =>
    others.every((other) => first[axis].every((mark, at) => mark === other[axis][at]));
  const union = (axis: keyof Cover): Uint8Array =>
    first[axis].map((mark, at) => Math.max(mark, ...others.map((other) => other[axis][at] ?? 0)));
  if (isAlike("columns")) return { rows: union("rows"), columns: first.columns };
  if (isAlike("rows")) return { rows: first.rows, columns: union("columns") };
  const size = ({ rows, columns }: Cover): number => partOf(rows) * partOf(columns);
  return others.reduce((most, cover) => (size(cover) > size(most) ? cover : most), first);
}

function partOf(marks: Uint8Array): number {
  return marks.reduce((sum, mark) => sum + mark, 0) / marks.length;
}
