/**
 * Where files of the user's are kept that nobody names: what can be made again in the cache folder,
 * what cannot in the state folder.
 *
 * @see XDG Base Directory Specification, 0.8
 * @module
 */
import { mkdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { freeBytesOf } from "../cluster/blob-file.node.ts";
import { diskBlobStore } from "../cluster/blob-store.node.ts";
import type { BlobStore } from "../cluster/blob-store.ts";
import { unwritable } from "./files.ts";
import type { Terminal } from "./terminal.ts";

export interface Places {
  readonly cacheFolder: string;
  readonly stateFolder: string;
}

const largestCacheBytes = 10 * 2 ** 30;
const shareOfFree = 0.2;

/** By the environment; a relative path in it counts for nothing, as the specification wants it. */
export function readPlaces(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): Places {
  const folder = (variable: string, ...fallback: string[]): string => {
    const named = env[variable] ?? "";
    return join(isAbsolute(named) ? named : join(home, ...fallback), "partita");
  };
  return {
    cacheFolder: folder("XDG_CACHE_HOME", ".cache"),
    stateFolder: folder("XDG_STATE_HOME", ".local", "state"),
  };
}

/** Skeletons and weights of all clusters that this user's devices were part of. */
export function blobFolder({ cacheFolder }: Pick<Terminal, "cacheFolder">): string {
  return join(cacheFolder, "blobs");
}

/** Keys and journals of a cluster or a device, by its name, whatever characters that has. */
export function stateFolderOf(
  { stateFolder }: Pick<Terminal, "stateFolder">,
  name: string,
): string {
  const file = name.replace(/[^\w.-]/gu, (character) => encodeURIComponent(character));
  return join(stateFolder, /^\.*$/.test(file) ? `_${file}` : file);
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
