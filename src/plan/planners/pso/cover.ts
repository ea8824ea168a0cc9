import type { GraphIndex } from "../../../graph/graph.ts";
import { heightOf } from "../../../graph/tile.ts";
import { neededRows } from "../../../graph/window.ts";

/**
 * The part of each node's rows that are made in any plan, whoever shares them: rows that a stride
 * jumps over are needed by nobody. A node that cannot be shared, whose readers cannot, or whose outputs
 * nobody or the sink reads, is made whole: what leaves a stage is. O(uses of tensors · rows · kernel) time.
 */
export function coveredParts(index: GraphIndex): number[] {
  const { nodes } = index.graph;
  const rows = nodes.map(
    (_, node) => new Uint8Array(heightOf(index, index.nodeOutputs[node]?.[0])),
  );
  for (let node = nodes.length - 1; node >= 0; node--) {
    const own = rows[node] as Uint8Array;
    const made = index.nodeOutputs[node] ?? [];
    const readers = made.flatMap((tensor) => index.consumers[tensor] ?? []);
    const isWhole =
      nodes[node]?.window === undefined ||
      new Set(made.map((tensor) => heightOf(index, tensor))).size !== 1 ||
      readers.length === 0 ||
      made.some((tensor) => index.outputs.includes(tensor)) ||
      readers.some((reader) => nodes[reader]?.window === undefined);
    if (isWhole) own.fill(1);
    else for (const reader of readers) markNeeded(index, reader, rows[reader] as Uint8Array, own);
  }
  return rows.map((own) => own.reduce((sum, row) => sum + row, 0) / own.length);
}

function markNeeded(index: GraphIndex, reader: number, made: Uint8Array, rows: Uint8Array): void {
  const window = index.graph.nodes[reader]?.window;
  if (window === undefined) return;
  made.forEach((isMade, row) => {
    if (isMade === 0) return;
    const { from, to } = neededRows(window, { from: row, to: row + 1 }, rows.length);
    rows.fill(1, from, to);
  });
}
