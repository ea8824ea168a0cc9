import { mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { isRunning } from "../base/is-running.node.ts";

/**
 * Makes a folder for files that are as large as a model, and removes those that earlier processes
 * left behind when they were killed.
 *
 * @param parent default: the system's folder for such
 * @throws FILE_WRITE_FAILED
 */
export async function makeTemporaryFolder(
  purpose: "load" | "optimise" | "profile",
  parent: string = tmpdir(),
): Promise<string> {
  try {
    // Machines may share a disk, and their processes have numbers of their own.
    const prefix = `partita-${purpose}-${parent === tmpdir() ? "" : `${hostname()}-`}`;
    await sweep(parent, prefix);
    return await mkdtemp(join(parent, `${prefix}${process.pid}-`));
  } catch (cause) {
    const message = `cannot make a temporary folder in ${parent}: ${messageOf(cause)}`;
    throw new CodedError("FILE_WRITE_FAILED", message, { path: parent }, cause);
  }
}

async function sweep(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    // All of the name: that of another machine may begin like this one's, and go on with a number.
    const owner = name.startsWith(prefix) ? /^(\d+)-[^-]+$/.exec(name.slice(prefix.length)) : null;
    if (owner === null || isRunning(Number(owner[1]))) continue;
    // What another process removes, too, or may not be removed, is no reason to do without a folder.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
