/**
 * Where files of the user's are kept that nobody names: what can be made again in the cache folder,
 * what cannot in the state folder.
 *
 * @see XDG Base Directory Specification, 0.8
 * @module
 */
import { isAbsolute, join } from "node:path";
import type { Terminal } from "./terminal.ts";

export interface Places {
  readonly cacheFolder: string;
  readonly stateFolder: string;
}

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

/** Keys and journals of a cluster or a device, by its name, whatever characters that has. */
export function stateFolderOf(
  { stateFolder }: Pick<Terminal, "stateFolder">,
  name: string,
): string {
  const file = name.replace(/[^\w.-]/gu, (character) => encodeURIComponent(character));
  return join(stateFolder, /^\.*$/.test(file) ? `_${file}` : file);
}
