/**
 * Logs of long-running processes: one JSON object a line, appended to a file. Nothing is rotated.
 *
 * @module
 */
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { type Option, text } from "./command.ts";
import { unwritable } from "./files.ts";
import { harmlessJson } from "./harmless.ts";
import type { Terminal } from "./terminal.ts";

export type LogLevel = "debug" | "info" | "warning" | "error";

/** Something that happened; its other fields are written as they are. */
export interface LogEntry {
  readonly type: string;
}

export interface Log extends AsyncDisposable {
  write(level: LogLevel, entry: LogEntry): void;
}

/** `--log`. */
export const logOption: Option<string | undefined> = text(
  "--log <file>",
  "append what happens, requests included, as JSON lines; - writes them to standard error",
);

/** A disk that is too slow loses lines beyond this, rather than the process its memory. */
const mostWaitingBytes = 2 ** 24;

/**
 * @param path `-`: standard error; left out: nothing is written
 * @param process whose lines these are: `coordinator`, `agent camera`
 * @throws FILE_WRITE_FAILED if it cannot be opened
 */
export async function openLog(
  path: string | undefined,
  process: string,
  terminal: Terminal,
): Promise<Log | null> {
  if (path === undefined) return null;
  const stream = path === "-" ? terminal.errors : await append(path, terminal);
  let isLosing = false;
  const write = (level: LogLevel, entry: LogEntry): void => {
    if (stream.writableLength > mostWaitingBytes) {
      if (!isLosing) terminal.note(`the log ${path} cannot keep up: lines are left out`);
      isLosing = true;
      return;
    }
    isLosing = false;
    stream.write(`${formatLine(process, level, entry)}\n`);
  };
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (path === "-") resolve();
      else stream.end(() => resolve());
    });
  return { write, [Symbol.asyncDispose]: close };
}

async function append(path: string, terminal: Terminal): Promise<Writable> {
  try {
    const file = await open(path, "a", 0o600);
    const stream = file.createWriteStream();
    stream.on("error", (error) => terminal.note(`the log ${path} ends here: ${error.message}`));
    return stream;
  } catch (error) {
    throw unwritable(path, error);
  }
}

function formatLine(process: string, level: LogLevel, { type, ...fields }: LogEntry): string {
  const time = new Date().toISOString();
  return harmlessJson({ time, process, level, event: type, ...fields });
}
