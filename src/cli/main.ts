#!/usr/bin/env node
/**
 * The command line as a process: the only reader of arguments and environment; its streams, its
 * signals and its end.
 *
 * @module
 */
import { setMaxListeners } from "node:events";
import { homedir } from "node:os";
import { runCommandLine } from "./command-line.ts";
import { unwritable } from "./files.ts";
import { readPlaces } from "./places.ts";
import { reportError } from "./report-error.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

/** By convention 128 + the number of the signal. */
const interruptedExitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
let interruptedExitCode: number = interruptedExitCodes.SIGINT;

const interruption = new AbortController();
// One for each request that is under way; Node warns of more than ten.
setMaxListeners(0, interruption.signal);
const words = process.argv.slice(2);
const json = words.includes("--json");

process.stdout.on("error", endWithoutOutput);
process.stderr.on("error", leaveClosedPipe);
process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);

process.exitCode = await main();
// Sessions of the runtime keep threads that would hold the process; everything is released by now.
process.stdout.write("", (error) => {
  if (!error) process.exit();
});

async function main(): Promise<number> {
  const code = await runCommandLine(words, {
    terminal: openTerminal(),
    signal: interruption.signal,
  });
  return code ?? interruptedExitCode;
}

function openTerminal(): Terminal {
  const { env } = process;
  const colour = env["NO_COLOR"] ? "never" : env["FORCE_COLOR"] ? "always" : "terminal";
  return createTerminal({
    json,
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    colour,
    ...readPlaces(env, homedir()),
    token: env["PARTITA_TOKEN"] || undefined,
    telemetry: env,
    nats: {
      user: env["PARTITA_NATS_USER"] || undefined,
      password: env["PARTITA_NATS_PASSWORD"] || undefined,
      token: env["PARTITA_NATS_TOKEN"] || undefined,
      credentials: env["PARTITA_NATS_CREDS"] || undefined,
      authorities: env["PARTITA_NATS_CA"] || undefined,
    },
    program: env["npm_command"] === "exec" ? "npx partita" : "partita",
    blocking: withoutHandlers,
  });
}

/** A handler cannot run while the thread is blocked, and hides the default, which ends the process. */
function withoutHandlers<T>(work: () => T): T {
  process.off("SIGINT", interrupt);
  process.off("SIGTERM", interrupt);
  try {
    return work();
  } finally {
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", interrupt);
  }
}

/** The first interrupt asks the command to clean up, the second does not wait for it. */
function interrupt(signal: "SIGINT" | "SIGTERM"): void {
  interruptedExitCode = interruptedExitCodes[signal];
  if (interruption.signal.aborted) process.exit(interruptedExitCode);
  interruption.abort(new Error("interrupted"));
}

/** What could not be written was asked for: without it the command has failed. */
function endWithoutOutput(error: Error): void {
  if ("code" in error && error.code === "EPIPE") process.exit(0);
  const report = reportError(unwritable("standard output", error), json);
  process.stderr.write(`${report.text}\n`);
  process.exit(report.exitCode);
}

/** `partita … | head` closes the pipe early, which is no error. */
function leaveClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}
