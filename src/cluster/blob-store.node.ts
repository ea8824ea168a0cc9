import { createHash, type Hash } from "node:crypto";
import { copyFile, mkdir, open, rename, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import {
  freeBytesOf,
  hashFile,
  readChunks,
  readHashed,
  touch,
  writeAll,
} from "./blob-file.node.ts";
import {
  ifAbsent,
  isAbandoned,
  isBeingWritten,
  listBlobs,
  partialPath,
  releasePartial,
  type StoredBlob,
} from "./blob-folder.node.ts";
import {
  type BlobStore,
  checkLength,
  checkPiece,
  emptySha256,
  missing,
  wrongContent,
} from "./blob-store.ts";

export interface DiskBlobOptions {
  readonly folder: string;
  /**
   * What the folder may hold: blobs that were not used for longest make room for others. Pinned
   * ones and one that is larger than all this stay nevertheless.
   */
  readonly limitBytes: number;
  /** Free bytes of the folder's disk; default: as the file system says. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/**
 * Keeps blobs as files named by their SHA-256, so that a device that starts again has not to be
 * sent what it had. Safe with several processes on one folder. What comes out is hashed again: a
 * file that was changed is deleted, and its blob refused.
 */
export function diskBlobStore(options: DiskBlobOptions): BlobStore {
  return new DiskBlobStore(options);
}

interface Arriving {
  readonly path: string;
  readonly bytes: number;
  readonly hash: Hash;
  /** From the start, in the file. */
  written: number;
  /** Whether there is room for the rest of it. */
  roomy: boolean;
  /** Pieces behind a gap, by offset. */
  readonly later: Map<number, Uint8Array>;
}

class DiskBlobStore implements BlobStore {
  readonly #folder: string;
  readonly #limitBytes: number;
  readonly #freeBytes: (folder: string) => Promise<number>;
  readonly #arriving = new Map<string, Arriving>();
  /** Complete files that were hashed since this store was made, with their lengths. */
  readonly #checked = new Map<string, number>();
  readonly #pins = new Map<string, number>();
  /** What is done to each blob is done in order. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #leftovers: Promise<Map<string, StoredBlob[]>> | null = null;
  /** Of all files; `null`: they have to be counted. */
  #usedBytes: number | null = null;
  #making: Promise<unknown> = Promise.resolve();

  constructor({ folder, limitBytes, freeBytes = freeBytesOf }: DiskBlobOptions) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
    this.#freeBytes = freeBytes;
  }

  progress(name: string, bytes: number): Promise<number> {
    return this.#inTurn(name, bytes, async () => {
      if (await this.#isComplete(name, bytes)) return bytes;
      return (await this.#arrivingOf(name, bytes)).written;
    });
  }

  write(name: string, bytes: number, offset: number, piece: Uint8Array): Promise<boolean> {
    return this.#inTurn(name, bytes, async () => {
      checkPiece(name, bytes, offset, piece);
      if (await this.#isComplete(name, bytes)) return true;
      const arriving = await this.#arrivingOf(name, bytes);
      const known = arriving.later.get(offset);
      if (offset > arriving.written) {
        // Copied: the caller goes on to use its memory.
        if ((known?.length ?? 0) < piece.length) arriving.later.set(offset, piece.slice());
        return false;
      }
      await this.#append(name, arriving, offset, piece);
      if (arriving.written < bytes) return false;
      await this.#finish(name, arriving);
      return true;
    });
  }

  read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    if (name === emptySha256) return Promise.resolve(new Uint8Array());
    return this.#inTurn(name, 0, async () => {
      const path = join(this.#folder, name);
      const whole = await readHashed(path).catch(ifAbsent(null));
      if (whole === null) throw missing(name, this.#folder);
      if (whole.sha256 !== name) {
        await this.#drop(name, path);
        throw changed(name, path, whole.sha256);
      }
      await touch(path);
      return whole.content;
    });
  }

  file(name: string): Promise<string> {
    return this.#inTurn(name, 0, async () => {
      const path = join(this.#folder, name);
      const found = await hashFile(path).catch(ifAbsent(null));
      if (found === null) throw missing(name, this.#folder);
      if (found !== name) {
        await this.#drop(name, path);
        throw changed(name, path, found);
      }
      await touch(path);
      return path;
    });
  }

  pin(names: readonly string[]): () => void {
    let pinned = true;
    const count = (step: number): void => {
      for (const name of names) {
        const pins = (this.#pins.get(name) ?? 0) + step;
        if (pins === 0) this.#pins.delete(name);
        else this.#pins.set(name, pins);
      }
    };
    count(1);
    return () => {
      if (pinned) count(-1);
      pinned = false;
    };
  }

  /** Whether a whole blob is here. Hashes it once; deletes it if it is not what it should be. */
  async #isComplete(name: string, bytes: number): Promise<boolean> {
    if (name === emptySha256) {
      checkLength(name, 0, bytes);
      return true;
    }
    if (bytes === 0) throw wrongContent(name, 0, emptySha256);
    const path = join(this.#folder, name);
    const file = await stat(path).catch(ifAbsent(null));
    if (file === null) {
      this.#checked.delete(name);
      return false;
    }
    if (this.#checked.get(name) !== file.size) {
      if ((await hashFile(path).catch(ifAbsent(""))) !== name) {
        await this.#drop(name, path);
        return false;
      }
      this.#checked.set(name, file.size);
    }
    checkLength(name, file.size, bytes);
    const arriving = this.#arriving.get(name);
    // Another process was faster.
    if (arriving !== undefined) await this.#forget(name, arriving);
    await touch(path);
    return true;
  }

  async #arrivingOf(name: string, bytes: number): Promise<Arriving> {
    const known = this.#arriving.get(name);
    if (known?.bytes === bytes) return known;
    if (known !== undefined) await this.#forget(name, known);
    const path = partialPath(this.#folder, name);
    const adopted = await this.#adopt(name, bytes, path);
    const arriving = { path, bytes, ...adopted, roomy: false, later: new Map() };
    this.#arriving.set(name, arriving);
    return arriving;
  }

  /** Goes on where an earlier process stopped: what it had is hashed again as it is found. */
  async #adopt(
    name: string,
    bytes: number,
    path: string,
  ): Promise<Pick<Arriving, "hash" | "written">> {
    const leftovers = await this.#leftoversOf(name);
    const longest = leftovers.filter((leftover) => leftover.bytes < bytes).at(-1);
    const hash = createHash("sha256");
    if (longest === undefined) return { hash, written: 0 };
    // Once only: if its content is wrong, the blob has to come from its start the next time.
    leftovers.splice(leftovers.indexOf(longest), 1);
    try {
      if (isAbandoned(longest)) await rename(longest.path, path);
      else await copyFile(longest.path, path);
      const written = await readChunks(path, bytes - 1, (chunk) => hash.update(chunk));
      await truncate(path, written);
      this.#usedBytes = null;
      return { hash, written };
    } catch {
      // It has gone, or cannot be read: then the blob is sent from its start.
      await rm(path, { force: true });
      return { hash: createHash("sha256"), written: 0 };
    }
  }

  /** Partial files that were there when this store was first asked, the longest last. */
  async #leftoversOf(name: string): Promise<StoredBlob[]> {
    this.#leftovers ??= listBlobs(this.#folder).then((blobs) => {
      const partial = blobs.filter(({ complete }) => !complete).sort((a, b) => a.bytes - b.bytes);
      const bySha256 = new Map<string, StoredBlob[]>();
      for (const blob of partial) {
        bySha256.set(blob.sha256, [...(bySha256.get(blob.sha256) ?? []), blob]);
      }
      return bySha256;
    });
    return (await this.#leftovers).get(name) ?? [];
  }

  /** Appends a piece, and those that waited behind it. */
  async #append(
    name: string,
    arriving: Arriving,
    offset: number,
    piece: Uint8Array,
  ): Promise<void> {
    if (offset + piece.length <= arriving.written) return;
    const { path, bytes, later } = arriving;
    try {
      if (!arriving.roomy) await this.#makeRoom(bytes - arriving.written, name);
      arriving.roomy = true;
      let next: readonly [number, Uint8Array] | undefined = [offset, piece];
      await using file = await open(path, arriving.written === 0 ? "w" : "r+", 0o600);
      while (next !== undefined) {
        const [start, part] = next;
        const fresh = part.subarray(arriving.written - start);
        await writeAll(file, fresh, arriving.written);
        arriving.hash.update(fresh);
        arriving.written += fresh.length;
        for (const [at, { length }] of later) {
          if (at + length <= arriving.written) later.delete(at);
        }
        next = [...later].find(([at]) => at <= arriving.written);
        if (next !== undefined) later.delete(next[0]);
      }
    } catch (error) {
      await this.#forget(name, arriving);
      throw error;
    }
  }

  async #finish(name: string, arriving: Arriving): Promise<void> {
    const found = arriving.hash.digest("hex");
    if (found !== name) {
      await this.#forget(name, arriving);
      throw wrongContent(name, arriving.bytes, found);
    }
    try {
      await rename(arriving.path, join(this.#folder, name));
      this.#checked.set(name, arriving.bytes);
    } catch (error) {
      // Another process may have completed the same blob, and may be reading it.
      if (!(await this.#isComplete(name, arriving.bytes))) throw error;
    } finally {
      await this.#forget(name, arriving);
    }
  }

  async #forget(name: string, { path }: Arriving): Promise<void> {
    if (this.#arriving.get(name)?.path === path) this.#arriving.delete(name);
    await rm(path, { force: true });
    releasePartial(path);
  }

  async #drop(name: string, path: string): Promise<void> {
    this.#checked.delete(name);
    this.#usedBytes = null;
    await rm(path, { force: true });
  }

  /** One after the other, so that two blobs do not both take the last free bytes. */
  async #makeRoom(bytes: number, name: string): Promise<void> {
    const made = this.#making.then(() => this.#evict(bytes, name));
    this.#making = made.catch(() => undefined);
    await made;
  }

  /** @throws FILE_WRITE_FAILED if the disk is too full even so */
  async #evict(bytes: number, name: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    let free = await this.#freeBytes(this.#folder);
    this.#usedBytes ??= sumBytes(await listBlobs(this.#folder));
    if (this.#usedBytes + bytes <= this.#limitBytes && free >= bytes) {
      this.#usedBytes += bytes;
      return;
    }
    // Counted afresh: other processes have added and removed files.
    const blobs = await listBlobs(this.#folder);
    let used = sumBytes(blobs);
    for (const blob of blobs) {
      if (used + bytes <= this.#limitBytes && free >= bytes) break;
      if (this.#pins.has(blob.sha256) || isBeingWritten(blob)) continue;
      await this.#drop(blob.sha256, blob.path);
      used -= blob.bytes;
      free += blob.bytes;
    }
    free = await this.#freeBytes(this.#folder);
    if (free < bytes) throw diskFull(this.#folder, name, bytes, free);
    this.#usedBytes = used + bytes;
  }

  async #cannotUse(name: string, bytes: number, cause: unknown): Promise<unknown> {
    if (cause instanceof CodedError) return cause;
    const free = await this.#freeBytes(this.#folder).catch(() => null);
    if ((cause as NodeJS.ErrnoException).code === "ENOSPC") {
      return diskFull(this.#folder, name, bytes, free ?? 0, cause);
    }
    return new CodedError(
      "FILE_WRITE_FAILED",
      `cannot keep blob ${name} in ${this.#folder}: ${messageOf(cause)}; name a folder that can be written to in XDG_CACHE_HOME`,
      { folder: this.#folder, sha256: name, bytes, freeBytes: free },
      cause,
    );
  }

  async #inTurn<T>(name: string, bytes: number, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.then(work);
    const done = turn.catch(() => undefined);
    this.#turns.set(name, done);
    try {
      return await turn;
    } catch (error) {
      throw await this.#cannotUse(name, bytes, error);
    } finally {
      if (this.#turns.get(name) === done) this.#turns.delete(name);
    }
  }
}

function sumBytes(blobs: readonly StoredBlob[]): number {
  return blobs.reduce((sum, { bytes }) => sum + bytes, 0);
}

function changed(name: string, path: string, found: string): CodedError {
  return new CodedError(
    "PART_REFUSED",
    `${path} has the SHA-256 ${found}: it was changed on the disk, and was deleted; the blob has to be sent again`,
    { expected: name, found, path },
  );
}

function diskFull(
  folder: string,
  name: string,
  bytes: number,
  freeBytes: number,
  cause?: unknown,
): CodedError {
  return new CodedError(
    "FILE_WRITE_FAILED",
    `blob ${name} needs ${formatQuantity(bytes, "B", 4)} in ${folder}, whose disk has ${formatQuantity(freeBytes, "B", 4)} free; free some (partita cache clear), or name a folder on another disk in XDG_CACHE_HOME`,
    { folder, sha256: name, bytes, freeBytes },
    cause,
  );
}
