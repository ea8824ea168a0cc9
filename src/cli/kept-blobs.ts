/**
 * The weights that this user's devices have fetched, kept in the cache folder.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freeBytesOf } from "../cluster/blob-file.node.ts";
import { diskBlobStore } from "../cluster/blob-store.node.ts";
import type { BlobStore } from "../cluster/blob-store.ts";
import { unwritable } from "./files.ts";
import type { Terminal } from "./terminal.ts";

const largestCacheBytes = 10 * 2 ** 30;
const shareOfFree = 0.2;

/** Skeletons and weights of all clusters that this user's devices were part of. */
export function blobFolder({ cacheFolder }: Pick<Terminal, "cacheFolder">): string {
  return join(cacheFolder, "blobs");
}

/**
 * The blobs that this user's devices have fetched.
 *
 * @param limitBytes default: 10 GiB, or a fifth of what is free on the disk if that is less
 * @throws FILE_WRITE_FAILED if the folder cannot be made
 */
export async function openBlobStore(
  terminal: Pick<Terminal, "cacheFolder">,
  limitBytes?: number,
): Promise<BlobStore> {
  const folder = blobFolder(terminal);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unwritable(folder, error);
  });
  return diskBlobStore({ folder, limitBytes: limitBytes ?? (await defaultLimit(folder)) });
}

/** How much of the cache's disk its blobs may take. */
export async function defaultLimit(folder: string): Promise<number> {
  return Math.min(largestCacheBytes, shareOfFree * (await freeBytesOf(folder)));
}
