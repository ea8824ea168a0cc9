import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { isRunning } from "../base/is-running.node.ts";

/**
 * Makes a folder for files that are as large as a model, and removes those that earlier processes
 * left behind when they were killed.
 *
 * @throws FILE_WRITE_FAILED
 */
export async function makeTemporaryFolder(purpose: "optimise" | "profile"): Promise<string> {
  try {
    const prefix = `partita-${purpose}-`;
    await sweep(prefix);
    return await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  } catch (cause) {
    const message = `cannot make a temporary folder in ${tmpdir()}: ${messageOf(cause)}`;
    throw new CodedError("FILE_WRITE_FAILED", message, { path: tmpdir() }, cause);
  }
}

async function sweep(prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(prefix) ? /^\d+/.exec(name.slice(prefix.length)) : null;
    if (owner === null || isRunning(Number(owner[0]))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
