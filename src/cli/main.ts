#!/usr/bin/env node
/**
 * The command line: the only reader of arguments and environment, and the edge of the process,
 * where errors become lines and exit codes.
 *
 * @module
 */
import { setMaxListeners } from "node:events";
import { homedir } from "node:os";
import { CommanderError, Option as Flag, Command as Program } from "commander";
import { catalogue } from "./catalogue.ts";
import type { Command } from "./command.ts";
import { unwritable } from "./files.ts";
import { readPlaces } from "./places.ts";
import { reportError } from "./report-error.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** EX_USAGE of sysexits(3). */
const usageExitCode = 64;
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
  const exit = { code: 0 };
  const program = await createProgram(exit);
  try {
    await program.parseAsync(words, { from: "user" });
    return exit.code;
  } catch (error) {
    if (interruption.signal.aborted) return interruptedExitCode;
    if (error instanceof CommanderError) return endOfUsage(error);
    const report = reportError(error, json);
    process.stderr.write(`${report.text}\n`);
    return report.exitCode;
  }
}

/** Registers all commands by name and summary, and the one that is called in full. */
async function createProgram(exit: { code: number }): Promise<Program> {
  const program = new Program("partita")
    .description(
      "Splits a neural network over the machines you have, proves that the split is the best one, and runs it with the same answer bit for bit.",
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: (text) => (json ? undefined : process.stderr.write(text)) })
    .showSuggestionAfterError();
  const called = words.find((word) => !word.startsWith("-"));
  for (const [name, entry] of Object.entries(catalogue)) {
    const child = program.command(name).description(entry.summary);
    if (name === called || (called === "help" && words.includes(name))) {
      register(child, await entry.load(), exit);
    }
  }
  return program;
}

function register(program: Program, command: Command, exit: { code: number }): void {
  program.description(command.summary);
  for (const { syntax, summary } of command.arguments) program.argument(syntax, summary);
  for (const [key, option] of Object.entries(command.options)) {
    const flag = new Flag(option.flags, option.summary);
    flag.attributeName = () => key;
    if (option.repeatable) {
      flag.argParser((word: string, before: string[] | undefined) => [...(before ?? []), word]);
    }
    program.addOption(flag);
  }
  program.option("--json", "write the result (and errors) as JSON");
  if (command.examples.length > 0) {
    program.addHelpText("after", `\nExamples:\n${indent(command.examples)}`);
  }
  program.showHelpAfterError(`(see partita ${program.name()} --help)`);
  program.action(async () => {
    exit.code = await command.run({
      arguments: program.args,
      options: program.opts(),
      terminal: openTerminal(),
      signal: interruption.signal,
    });
    if (interruption.signal.aborted && !command.endsByInterrupt) exit.code = interruptedExitCode;
  });
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

/** Commander has written its message already, unless it is wanted as JSON. */
function endOfUsage(error: CommanderError): number {
  if (error.exitCode === 0) return 0;
  if (json) {
    const message = error.message.replace(/^error: /, "");
    process.stderr.write(
      `${JSON.stringify({ error: { code: "USAGE_INVALID", message, details: {} } })}\n`,
    );
  }
  return usageExitCode;
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

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
