import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import type { JournalStore } from "./journal.ts";

/**
 * A journal in a file that only its owner can read. It is written beside and moved into its place, so
 * that a reader finds the old one or the new one, whole.
 */
export function fileJournal(path: string): JournalStore {
  return {
    load: async () => {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw failed(path, error);
      }
    },
    save: async (text) => {
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        const beside = `${path}.new`;
        const file = await open(beside, "w", 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
      } catch (error) {
        throw failed(path, error);
      }
    },
  };
}

function failed(path: string, error: unknown): CodedError {
  const message = `the coordinator's journal ${path} cannot be read or written: ${messageOf(error)}`;
  return new CodedError("FILE_WRITE_FAILED", message, { path }, error);
}
