/**
 * A program of somebody else as a planner: the problem on its standard input, its answer on its
 * standard output.
 *
 * @module
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { basename } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import { formatQuantity } from "../base/units.ts";
import { readAnswer } from "../plan/foreign-answer.ts";
import type { Planner } from "../plan/planner.ts";
import type { Problem } from "../plan/problem.ts";
import { problemDocument } from "../plan/problem-file.ts";
import { usage } from "./command.ts";

/** What `--planner` begins with where a program is meant. */
export const execPrefix = "exec:";

/** Long enough for a script that tries every cut; a program that hangs must not hold up a table. */
const defaultLimitSeconds = 60;

/** An answer is some kilobytes; whatever writes more than this has lost its way. */
const maxAnswerBytes = 64 * 2 ** 20;

/** Characters of the standard error of a failed program that stand in the message. */
const shownErrors = 2000;

/** Characters. */
const longestName = 50;

export interface ExecOptions {
  /** After which the program is killed. Default: 60. */
  readonly timeLimitSeconds?: number;
  /** What the document says; default: drawn from the seed of the run. */
  readonly seed?: number;
  /** Receives what a program that succeeded wrote to its standard error. */
  readonly note?: (text: string) => void;
}

/**
 * A planner that runs a command. No shell is between: the command is split at blanks, quotes keep
 * words together, so that the process that is killed at the time limit is the planner and not a
 * shell around it. For pipes and variables: `sh -c '…'`.
 *
 * Blocks the thread until the program ends. Its claims are checked, its bounds are not believed.
 *
 * @param command with or without `exec:` in front
 * @throws USAGE_INVALID if there is no command, or a quote is not closed. Its plan throws PLANNER_FAILED if the program cannot
 * be started, fails, exceeds the limit or writes no JSON; PLAN_INVALID if its answer does not hold
 */
export function execPlanner(command: string, options: ExecOptions = {}): Planner {
  const words = splitWords(
    command.startsWith(execPrefix) ? command.slice(execPrefix.length) : command,
  );
  if (!words[0]) {
    throw usage(`--planner ${execPrefix} wants a command, as in "exec:node my-planner.mjs"`);
  }
  const name = nameOf(words);
  return {
    name,
    optimalAmong: null,
    refuses: () => null,
    *plan(problem, { random }) {
      // Before the first step nobody could have stopped it.
      yield null;
      const seed = options.seed ?? random.integer(2 ** 31);
      return readAnswer(problem, ask(words, problem, seed, name, options), `planner '${name}'`);
    },
  };
}

/** Short enough for a column of a table: words without their folders. */
function nameOf(words: readonly string[]): string {
  const name = `${execPrefix}${words.map((word) => basename(word)).join(" ")}`;
  return name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name;
}

/** `node "my planner.mjs" --fast` as three words. @throws USAGE_INVALID for a quote that is not closed */
function splitWords(command: string): string[] {
  const [open] = command.replaceAll(/"[^"]*"|'[^']*'/g, "").match(/["']/) ?? [];
  if (open !== undefined) {
    throw usage(`--planner ${execPrefix}${command}: the quote ${open} is not closed`);
  }
  const words = command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g);
  return [...words].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

function ask(
  [program = "", ...words]: readonly string[],
  problem: Problem,
  seed: number,
  name: string,
  { timeLimitSeconds = defaultLimitSeconds, note }: ExecOptions,
): unknown {
  const ended = spawnSync(program, words, {
    input: JSON.stringify(problemDocument(problem, seed)),
    encoding: "utf8",
    maxBuffer: maxAnswerBytes,
    // Of 0 there would be no limit at all.
    timeout: Math.max(1, Math.ceil(timeLimitSeconds * 1000)),
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  const failure = failureOf(ended, program, timeLimitSeconds);
  if (failure !== null) throw failed(name, failure, ended);
  if (ended.stderr !== "") note?.(ended.stderr.trimEnd());
  try {
    // Some tools of Windows begin whatever they write with a byte order mark.
    return JSON.parse(ended.stdout.replace(/^\uFEFF/, "")) as unknown;
  } catch (error) {
    const found = ended.stdout === "" ? "nothing" : `"${ended.stdout.slice(0, 80)}"`;
    const reason = `its standard output is no JSON document: ${messageOf(error)} (found ${found})`;
    throw failed(name, reason, ended);
  }
}

/** In words; `null` if it ended well. */
function failureOf(
  { error, status, signal }: SpawnSyncReturns<string>,
  program: string,
  limitSeconds: number,
): string | null {
  const code = error !== undefined && "code" in error ? error.code : undefined;
  switch (code) {
    case "ETIMEDOUT":
      if (status === 0) {
        return `it ended, but something that it started kept its standard output open for ${formatQuantity(limitSeconds, "s")}`;
      }
      return `it gave no answer within ${formatQuantity(limitSeconds, "s")} and was killed; give it more with --time-limit`;
    case "ENOBUFS":
      return `it wrote more than ${formatQuantity(maxAnswerBytes, "B")}`;
    case "ENOENT":
      return `there is no program '${program}'`;
    case "EACCES":
      return `'${program}' may not be executed`;
    case "EPIPE":
      // It answered without reading the whole problem.
      break;
    default:
      if (error !== undefined) return `it could not be run: ${error.message}`;
  }
  if (signal !== null) return `it was ended by ${signal}`;
  return status === 0 ? null : `it ended with exit code ${status}`;
}

function failed(
  name: string,
  reason: string,
  { stderr, signal, error }: SpawnSyncReturns<string>,
): CodedError {
  const isLate = error !== undefined && "code" in error && error.code === "ETIMEDOUT";
  const errors = (stderr ?? "").trimEnd();
  const shown = errors.length > shownErrors ? `…${errors.slice(-shownErrors)}` : errors;
  return new CodedError(
    "PLANNER_FAILED",
    `planner '${name}': ${reason}${shown === "" ? "" : `; its standard error ends with:\n${shown}`}`,
    { planner: name, reason, standardError: shown, signal, isLate },
  );
}
