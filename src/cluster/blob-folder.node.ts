/**
 * The folder of a disk store as files: which blobs are in it, whole or in part, and what may go.
 *
 * Complete blobs are named by their SHA-256. A partial one, `SHA256.HOST-PID-CHANCE.part`, holds
 * bytes from the start without a gap, and names the process that writes it, so that several agents
 * share a folder without locks: each writes files of its own and renames them when they are whole.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning } from "../base/is-running.node.ts";

/** A file of the folder. */
export interface StoredBlob {
  readonly sha256: string;
  readonly path: string;
  readonly bytes: number;
  readonly lastUsed: Date;
  readonly complete: boolean;
}

/** A partial file that nobody has written to for so long is left over. */
const staleSeconds = 3600;

const hostTag = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/** Partial files that stores of this process write. */
const ownPartials = new Set<string>();

/** The blobs of a folder, those that were not used for longest first; none if there is no folder. */
export async function listBlobs(folder: string): Promise<readonly StoredBlob[]> {
  const names = await readdir(folder).catch(ifAbsent([]));
  const found: StoredBlob[] = [];
  for (const name of names) {
    const parsed = /^([0-9a-f]{64})(\.[0-9a-f-]+\.part)?$/.exec(name);
    if (parsed === null) continue;
    const path = join(folder, name);
    const file = await stat(path).catch(ifAbsent(null));
    // Another process may have removed or renamed it since the folder was read.
    if (file === null) continue;
    found.push({
      sha256: parsed[1] as string,
      path,
      bytes: file.size,
      lastUsed: file.mtime,
      complete: parsed[2] === undefined,
    });
  }
  return found.sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
}

/**
 * Removes blobs that nobody uses: complete ones, and partial ones that nobody writes any more.
 *
 * @param before only those that were last used before then
 * @returns what was removed
 */
export async function clearBlobs(folder: string, before: Date): Promise<readonly StoredBlob[]> {
  const removed: StoredBlob[] = [];
  for (const blob of await listBlobs(folder)) {
    if (blob.lastUsed >= before || isBeingWritten(blob)) continue;
    await rm(blob.path, { force: true });
    removed.push(blob);
  }
  return removed;
}

/** Whether somebody may still write to a partial file. */
export function isBeingWritten(blob: StoredBlob): boolean {
  if (blob.complete || isAbandoned(blob)) return false;
  return Date.now() - blob.lastUsed.getTime() < staleSeconds * 1000;
}

/** Whether the process that wrote a partial file is known to be gone. */
export function isAbandoned({ path }: StoredBlob): boolean {
  const owner = /\.([0-9a-f]{8})-(\d+)-[0-9a-f]+\.part$/.exec(path);
  if (owner === null || owner[1] !== hostTag) return false;
  const pid = Number(owner[2]);
  return pid === process.pid ? !ownPartials.has(path) : !isRunning(pid);
}

/** A new name for a partial file of this process. */
export function partialPath(folder: string, sha256: string): string {
  const chance = randomBytes(6).toString("hex");
  const path = join(folder, `${sha256}.${hostTag}-${process.pid}-${chance}.part`);
  ownPartials.add(path);
  return path;
}

/** This process writes to a partial file no more. */
export function releasePartial(path: string): void {
  ownPartials.delete(path);
}

/** For `catch`: what to take for a file that is not there; other errors go on. */
export function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return value;
    throw error;
  };
}
