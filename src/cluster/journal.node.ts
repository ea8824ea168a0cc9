import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import type { JournalStore } from "./journal.ts";

/**
 * A journal in a file that only its owner can read. It is written beside and moved into its place, so
 * that a reader finds the old one or the new one, whole.
 */
export function fileJournal(path: string): JournalStore {
  return {
    place: path,
    load: async () => {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        const message = `the coordinator's journal ${path} cannot be read: ${messageOf(error)}`;
        throw new CodedError("FILE_NOT_FOUND", message, { path }, error);
      }
    },
    save: async (text) => {
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await replace(path, text);
      } catch (error) {
        const message = `the coordinator's journal ${path} cannot be written: ${messageOf(error)}; make room there`;
        throw new CodedError("FILE_WRITE_FAILED", message, { path }, error);
      }
    },
  };
}

async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  try {
    const file = await open(beside, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    // Half a journal is of no use, and takes room that may be missing already.
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
}
