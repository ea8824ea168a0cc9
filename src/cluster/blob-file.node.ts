/**
 * Large files, read and hashed a chunk at a time, so that nothing else of the process waits for long.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, statfs, utimes } from "node:fs/promises";

const chunkBytes = 4 * 2 ** 20;

/** A whole file and its SHA-256. */
export async function readHashed(
  path: string,
): Promise<{ readonly content: Uint8Array<ArrayBuffer>; readonly sha256: string }> {
  await using file = await open(path);
  const { size } = await file.stat();
  const content = new Uint8Array(size);
  const hash = createHash("sha256");
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(content, filled, Math.min(chunkBytes, size - filled));
    if (bytesRead === 0) break;
    hash.update(content.subarray(filled, filled + bytesRead));
    filled += bytesRead;
  }
  return { content: content.subarray(0, filled), sha256: hash.digest("hex") };
}

/** A file's SHA-256, in little memory. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await readChunks(path, Number.POSITIVE_INFINITY, (chunk) => hash.update(chunk));
  return hash.digest("hex");
}

/**
 * Hands the first bytes of a file out; what it hands out is overwritten by the next chunk.
 *
 * @returns how many bytes it were: at most `limit`
 */
export async function readChunks(
  path: string,
  limit: number,
  take: (chunk: Uint8Array) => void,
): Promise<number> {
  await using file = await open(path);
  const chunk = new Uint8Array(chunkBytes);
  let total = 0;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunkBytes, limit - total));
    if (bytesRead === 0) return total;
    take(chunk.subarray(0, bytesRead));
    total += bytesRead;
  }
}

/** A write may take less than it was given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

/** Says that a file is in use; one that has gone, or is another user's, stays as it is. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/** What an unprivileged process may still write to the disk of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
