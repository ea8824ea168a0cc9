import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { claimName } from "../base/claim-name.node.ts";
import { CodedError } from "../base/errors.ts";
import { isRunning } from "../base/is-running.node.ts";
import { unwritable } from "./files.ts";

/** Of this process, unlike any other's with the same number before or after it. */
interface Holder {
  readonly pid: number;
  /** When it was started, as the operating system counts; `null`: it does not tell. */
  readonly startedAt: string | null;
}

/** How often a lock is tried that seems to be nobody's. */
const attempts = 3;
/** In which a lock is written where there are no hard links. */
const copyMilliseconds = 100;

/**
 * Takes a folder of state for this process alone; what a process left behind that was killed is
 * nobody's. A lock that cannot be read may be half written, and counts as held until it is read again.
 *
 * @param pause before that
 * @throws USAGE_INVALID if another process has it; FILE_WRITE_FAILED
 */
export async function lockState(
  folder: string,
  pause: () => Promise<void> = () => setTimeout(copyMilliseconds),
): Promise<AsyncDisposable> {
  const path = join(folder, "coordinator.pid");
  const own: Holder = { pid: process.pid, startedAt: startOf(process.pid) };
  await makePrivateFolder(folder);
  for (let attempt = 1; ; attempt++) {
    if (await write(path, JSON.stringify(own))) {
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    }
    const found = await readFile(path, "utf8").catch(() => "");
    const holder = parse(found);
    const isOwn = holder?.pid === own.pid && holder.startedAt === null;
    const isHeld = holder !== null && !isOwn && isAlive(holder);
    if (isHeld || attempt === attempts) throw taken(folder, path, holder);
    if (holder === null && attempt === 1) await pause();
    else await remove(path, found);
  }
}

/**
 * Writes a file that is not there yet; nobody sees it half written.
 *
 * @returns `false`: it is there
 * @throws FILE_WRITE_FAILED
 */
async function write(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, text, { flag: "wx", mode: 0o600 });
    return await claimName(draft, path);
  } catch (error) {
    throw unwritable(path, error);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

/** Removes a file that says what was found; another process may have replaced it meanwhile. */
async function remove(path: string, found: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== found) await claimName(aside, path);
    await rm(aside, { force: true });
  } catch {
    // Others do the same: the next attempt tells who was first.
  }
}

async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(folder, error);
  }
}

function parse(text: string): Holder | null {
  try {
    const { pid, startedAt } = JSON.parse(text);
    return Number.isInteger(pid) ? { pid, startedAt: startedAt ?? null } : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, startedAt }: Holder): boolean {
  return isRunning(pid) && (startedAt === null || startOf(pid) === startedAt);
}

/**
 * Numbers of processes are used again, also after a restart of the machine.
 *
 * @see proc_pid_stat(5), field 22; random(4), boot_id
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // The second field is the program's name in brackets, with any characters.
    return `${boot} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return null;
  }
}

function taken(folder: string, path: string, holder: Holder | null): CodedError {
  const who = holder === null ? "another process" : `the coordinator with process id ${holder.pid}`;
  return new CodedError(
    "USAGE_INVALID",
    `${who} uses the state in ${folder}; end it, or name another folder with --state (if it is no coordinator, remove ${path})`,
    { folder, pid: holder?.pid ?? null },
  );
}
