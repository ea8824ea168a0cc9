import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { claimName } from "../base/claim-name.node.ts";
import { CodedError } from "../base/errors.ts";
import { readFailure, writeFailure } from "../base/file-failure.ts";

/**
 * Reads a file that only its owner may read; the first process that wants it makes it. Processes
 * that start together agree on one.
 *
 * @throws FILE_NOT_FOUND if it cannot be read; FILE_WRITE_FAILED
 */
export async function readOrMake(path: string, make: () => Promise<string>): Promise<string> {
  const found = await readPrivate(path);
  if (found !== null) return found;
  await writePrivate(path, await make(), "new");
  return (await readPrivate(path)) ?? (await readOrMake(path, make));
}

/**
 * Reads a file that need not exist.
 *
 * @throws FILE_NOT_FOUND if it cannot be read
 */
export async function readPrivate(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw new CodedError(
      "FILE_NOT_FOUND",
      `cannot read ${path}: ${readFailure(error)}; ${
        isErrno(error, "EACCES")
          ? "it holds a key, so only the user who ran partita first can read it: run it as that user, or choose"
          : "choose"
      } another folder with --state`,
      { path },
      error,
    );
  }
}

/**
 * Writes a file that only its owner may read: whole or not at all.
 *
 * @param how `new`: a file that is there already stays
 * @throws FILE_WRITE_FAILED
 */
export async function writePrivate(
  path: string,
  text: string,
  how: "new" | "replace",
): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(text);
    await file.sync();
    if (how === "replace") {
      await rename(draft, path);
      return;
    }
    await claimName(draft, path);
    await unlink(draft);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    const message = `cannot write ${path}: ${writeFailure(error)}; make room there, or choose another folder with --state`;
    throw new CodedError("FILE_WRITE_FAILED", message, { path }, error);
  }
}

/** For a key file that is there and says nothing sensible. */
export function damaged(path: string, what: string, why: string, cause?: unknown): CodedError {
  return new CodedError("KEY_INVALID", `${path} holds no ${what}: ${why}`, { path }, cause);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
