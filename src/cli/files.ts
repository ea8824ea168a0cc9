/**
 * Files as commands read and write them: coded errors, `-` for the standard streams, and no file
 * that is only half there.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { CodedError } from "../base/errors.ts";
import { readFailure, systemCode, writeFailure } from "../base/file-failure.ts";
import type { Terminal } from "./terminal.ts";

/** Stands for standard input or output. */
const stream = "-";

/**
 * @param path `-` is standard input
 * @throws FILE_NOT_FOUND
 */
export async function readBytes(
  path: string,
  terminal: Terminal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (path === stream) return new Uint8Array(await buffer(terminal.input));
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * @param path `-` is standard input
 * @throws FILE_NOT_FOUND
 */
export async function readText(path: string, terminal: Terminal): Promise<string> {
  return new TextDecoder().decode(await readBytes(path, terminal));
}

/** How a file is called in messages. */
export function shownName(path: string): string {
  return path === stream ? "standard input" : path;
}

/**
 * Writes a file under another name first, so that it is either there in full or not at all.
 *
 * @param path `-` is standard output
 * @throws FILE_WRITE_FAILED
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  terminal: Terminal,
): Promise<void> {
  if (path === stream) {
    terminal.output.write(content);
    return;
  }
  const status = await stat(path).catch(() => null);
  if (status === null || status.isFile()) {
    await writeBeside(path, (temporary) => writeFile(temporary, content, { flush: true }));
    return;
  }
  try {
    // Pipes and devices must be written to, not replaced; a folder says what is wrong.
    await writeFile(path, content);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Makes a folder to write to, if it is not there.
 *
 * @throws FILE_WRITE_FAILED
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Lets `write` fill a temporary file in the folder of `path` and gives it its name when it is
 * complete.
 *
 * @throws FILE_WRITE_FAILED, with nothing left behind
 */
async function writeBeside(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw unwritable(path, error);
  }
}

/** What a failed read means to the user; other errors stay what they are. */
function unreadable(path: string, error: unknown): unknown {
  if (systemCode(error) === undefined) return error;
  return new CodedError("FILE_NOT_FOUND", `${path}: ${readFailure(error)}`, { path }, error);
}

/** What a failed write means to the user; other errors stay what they are. */
export function unwritable(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const message = `${path}: ${writeFailure(error)}`;
  return new CodedError("FILE_WRITE_FAILED", message, { path, code }, error);
}
