import { formatQuantity } from "../../base/units.ts";
import { clearBlobs, listBlobs, type StoredBlob } from "../../cluster/blob-folder.node.ts";
import { type Command, defineCommand, quantity, usage } from "../command.ts";
import { blobFolder } from "../kept-blobs.ts";
import { formatAge } from "../print/age.ts";
import { formatTable } from "../print/table.ts";
import type { Terminal } from "../terminal.ts";

/** Blobs listed one by one; the others are counted. */
const listedBlobs = 20;

/** `partita cache`, `partita cache clear`. */
export const cache: Command = defineCommand({
  summary: "list the weights that this machine keeps for its devices, or clear them",
  arguments: [{ syntax: "[action]", summary: "clear: remove what nobody is writing" }],
  options: {
    olderThan: quantity("--older-than <30 d>", "clear only what was not used for so long", "s"),
  },
  examples: ["partita cache", 'partita cache clear --older-than "30 d"'],
  run: async ({ arguments: [action], options, terminal }) => {
    if (action !== undefined && action !== "clear") {
      throw usage(`partita cache knows the action clear, not '${action}'`);
    }
    if (action === undefined && options.olderThan !== undefined) {
      throw usage("--older-than is for `partita cache clear`");
    }
    const folder = blobFolder(terminal);
    const now = Date.now();
    if (action === undefined) {
      show(folder, await listBlobs(folder), now, terminal);
      return 0;
    }
    // What is used in this very moment is not older than nothing.
    const before = new Date(now - (options.olderThan ?? -1) * 1000);
    const removed = await clearBlobs(folder, before);
    if (terminal.json) terminal.document({ folder, removed: removed.map(toDocument) });
    else terminal.line(`removed ${describe(removed)} from ${folder}`);
    return 0;
  },
});

function show(folder: string, blobs: readonly StoredBlob[], now: number, terminal: Terminal): void {
  if (terminal.json) {
    terminal.document({ folder, blobs: blobs.map(toDocument) });
    return;
  }
  terminal.line(`${folder}: ${describe(blobs)}`);
  if (blobs.length === 0) return;
  const columns = [
    { head: "blob" },
    { head: "size", align: "right" },
    { head: "last use", align: "right" },
    { head: "" },
  ] as const;
  const rows = [...blobs]
    .reverse()
    .slice(0, listedBlobs)
    .map(({ sha256, bytes, lastUsed, complete }) => [
      sha256.slice(0, 16),
      formatQuantity(bytes, "B"),
      `${formatAge((now - lastUsed.getTime()) / 1000)} ago`,
      complete ? "" : "not whole yet",
    ]);
  terminal.line(`\n${formatTable(columns, rows, terminal)}`);
  const more = blobs.length - rows.length;
  if (more > 0) terminal.line(`  and ${more} that were not used for longer (--json lists all)`);
}

function describe(blobs: readonly StoredBlob[]): string {
  const total = blobs.reduce((sum, { bytes }) => sum + bytes, 0);
  return `${blobs.length} blob${blobs.length === 1 ? "" : "s"}, ${formatQuantity(total, "B")}`;
}

function toDocument({ sha256, bytes, lastUsed, complete }: StoredBlob): object {
  return { sha256, bytes, lastUsed: lastUsed.toISOString(), complete };
}
