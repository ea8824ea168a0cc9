/**
 * Files as commands read and write them: coded errors, `-` for the standard streams, and no file
 * that is only half there.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { CodedError, messageOf } from "../base/errors.ts";
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

/** What a failed read means to the user. */
function unreadable(path: string, error: unknown): unknown {
  const code = systemCode(error);
  const meaning = code === undefined ? undefined : readFailures[code];
  if (meaning === undefined) return error;
  return new CodedError("FILE_NOT_FOUND", `${path}: ${meaning}`, { path }, error);
}

/** What a failed write means to the user; other errors stay what they are. */
export function unwritable(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  const meaning = writeFailures[code] ?? messageOf(error);
  return new CodedError("FILE_WRITE_FAILED", `${path}: ${meaning}`, { path, code }, error);
}

const readFailures: Readonly<Record<string, string>> = {
  EACCES: "no permission to read it",
  EISDIR: "this is a folder, not a file",
  ENOENT: "no such file",
  ENOTDIR: "no such file",
};

const writeFailures: Readonly<Record<string, string>> = {
  EACCES: "no permission to write here",
  EEXIST: "there is a file of this name",
  EDQUOT: "the quota of this user is used up",
  EFBIG: "the file would be larger than this system allows",
  EISDIR: "this is a folder, not a file",
  ENOENT: "the folder does not exist",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "what should be a folder on the way there is a file",
  EROFS: "the file system is read-only",
};

function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
