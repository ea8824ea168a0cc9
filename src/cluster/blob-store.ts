import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { CodedError } from "../base/errors.ts";
import { ByteRanges } from "./byte-ranges.ts";
import { malformed } from "./protocol.ts";

/** Skeletons and weights by their SHA-256 (lower-case hexadecimal). */
export interface BlobStore {
  /**
   * Bytes from the start that are here; the blob's length when it is complete and was checked.
   *
   * @throws PART_REFUSED if a blob of this name is here and has another length
   */
  progress(sha256: string, bytes: number): Promise<number>;
  /**
   * Takes a piece, in any order, also one that was here already; the caller may reuse its memory
   * once this has resolved.
   *
   * @returns whether the blob is complete and what it is named after
   * @throws PART_REFUSED when complete and wrong: what was there is deleted; FRAME_MALFORMED if the
   * piece lies outside of the blob; FILE_WRITE_FAILED if there is no room for it
   */
  write(sha256: string, bytes: number, offset: number, piece: Uint8Array): Promise<boolean>;
  /** @throws PART_REFUSED if it is missing or no longer what it is named after */
  read(sha256: string): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The path of a blob's file, whose content was checked; left out: blobs stand in no files.
   *
   * @throws as `read`
   */
  file?(sha256: string): Promise<string>;
  /** In use by loaded parts: not to be evicted until the function that this returns was called. */
  pin(sha256s: readonly string[]): () => void;
}

/** The SHA-256 of nothing: such a blob is always here. */
export const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Keeps blobs for as long as it lives itself. */
export function memoryBlobStore(): BlobStore {
  return new MemoryBlobStore();
}

interface Arriving {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly ranges: ByteRanges;
  readonly hash: ReturnType<typeof sha256.create>;
}

class MemoryBlobStore implements BlobStore {
  readonly #complete = new Map<string, Uint8Array<ArrayBuffer>>([[emptySha256, new Uint8Array()]]);
  readonly #arriving = new Map<string, Arriving>();

  async progress(name: string, bytes: number): Promise<number> {
    return this.#progress(name, bytes);
  }

  async write(name: string, bytes: number, offset: number, piece: Uint8Array): Promise<boolean> {
    checkPiece(name, bytes, offset, piece);
    if (this.#progress(name, bytes) === bytes) return true;
    const arriving = this.#arrivingOf(name, bytes);
    const { content, ranges, hash } = arriving;
    if (ranges.has(offset, piece.length)) return false;
    const before = ranges.prefix;
    // What is hashed stays as it is, whatever a second copy of it says.
    const fresh = Math.max(offset, before);
    content.set(piece.subarray(fresh - offset), fresh);
    ranges.add(offset, piece.length);
    hash.update(content.subarray(before, ranges.prefix));
    if (ranges.prefix < bytes) return false;
    this.#arriving.delete(name);
    const found = bytesToHex(hash.digest());
    if (found !== name) throw wrongContent(name, bytes, found);
    this.#complete.set(name, content);
    return true;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const complete = this.#complete.get(name);
    if (complete === undefined) throw missing(name, "memory");
    return complete;
  }

  pin(): () => void {
    return () => undefined;
  }

  #progress(name: string, bytes: number): number {
    const complete = this.#complete.get(name);
    if (complete !== undefined) {
      checkLength(name, complete.length, bytes);
      return bytes;
    }
    if (bytes === 0) throw wrongContent(name, 0, emptySha256);
    const arriving = this.#arriving.get(name);
    return arriving?.content.length === bytes ? arriving.ranges.prefix : 0;
  }

  #arrivingOf(name: string, bytes: number): Arriving {
    const known = this.#arriving.get(name);
    if (known?.content.length === bytes) return known;
    const arriving = {
      content: new Uint8Array(bytes),
      ranges: new ByteRanges(),
      hash: sha256.create(),
    };
    this.#arriving.set(name, arriving);
    return arriving;
  }
}

/** @throws FRAME_MALFORMED if a piece lies outside of its blob, or the blob has no proper name */
export function checkPiece(name: string, bytes: number, offset: number, piece: Uint8Array): void {
  if (!/^[0-9a-f]{64}$/.test(name)) {
    throw malformed(`a blob named '${name}'`, "64 lower-case hexadecimal digits were expected");
  }
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + piece.length <= bytes) return;
  throw malformed(
    `blob ${name}`,
    `a piece of ${piece.length} bytes at ${offset} came, the blob has ${bytes} bytes`,
  );
}

/** @throws PART_REFUSED if a blob that is here has another length than somebody says */
export function checkLength(name: string, found: number, announced: number): void {
  if (found === announced) return;
  throw new CodedError(
    "PART_REFUSED",
    `blob ${name} was announced with ${announced} bytes, what is named so has ${found}`,
    { sha256: name, announcedBytes: announced, bytes: found },
  );
}

/** PART_REFUSED: a blob is not what it is named after. */
export function wrongContent(name: string, bytes: number, found: string): CodedError {
  return new CodedError(
    "PART_REFUSED",
    `${bytes} bytes with SHA-256 ${found} came where ${name} was announced; they were changed on the way and have to be sent again`,
    { expected: name, found, bytes },
  );
}

/** PART_REFUSED: a blob that somebody wants to load is not here. */
export function missing(name: string, where: string): CodedError {
  return new CodedError(
    "PART_REFUSED",
    `blob ${name} is not in ${where}; it has to be sent before its part is loaded`,
    { sha256: name },
  );
}
