/**
 * From the words of a command line to a command, and from how that ended to an exit code. What belongs
 * to a process (its streams, its signals, its end) is the caller's.
 *
 * @module
 */
import { CommanderError, Option as Flag, Command as Program } from "commander";
import { catalogue } from "./catalogue.ts";
import type { Command, Surroundings } from "./command.ts";
import { reportError } from "./report-error.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** EX_USAGE of sysexits(3). */
const usageExitCode = 64;

interface End {
  code: number | null;
}

/**
 * Runs `partita WORDS`; errors are written to the terminal.
 *
 * @returns the exit code; `null`: it was interrupted
 */
export async function runCommandLine(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number | null> {
  const { terminal, signal } = surroundings;
  const end: End = { code: 0 };
  const program = await createProgram(words, surroundings, end);
  try {
    await program.parseAsync(words, { from: "user" });
    return end.code;
  } catch (error) {
    if (signal.aborted) return null;
    if (error instanceof CommanderError) return endOfUsage(error, terminal);
    const report = reportError(error, terminal.json);
    terminal.errors.write(`${report.text}\n`);
    return report.exitCode;
  }
}

/** Registers all commands by name and summary, and the one that is called in full. */
async function createProgram(
  words: readonly string[],
  surroundings: Surroundings,
  end: End,
): Promise<Program> {
  const { json, output, errors } = surroundings.terminal;
  const program = new Program("partita")
    .description(
      "Splits a neural network over the machines you have, proves that the split is the best one, and runs it with the same answer bit for bit.",
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => (json ? undefined : errors.write(text)),
    })
    .showSuggestionAfterError();
  const called = words.find((word) => !word.startsWith("-"));
  for (const [name, entry] of Object.entries(catalogue)) {
    const child = program.command(name).description(entry.summary);
    if (name === called || (called === "help" && words.includes(name))) {
      register(child, await entry.load(), surroundings, end);
    }
  }
  return program;
}

function register(
  program: Program,
  command: Command,
  { terminal, signal }: Surroundings,
  end: End,
): void {
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
    const call = { arguments: program.args, options: program.opts(), terminal, signal };
    end.code = await command.run(call);
    if (signal.aborted && !command.endsByInterrupt) end.code = null;
  });
}

/** Commander has written its message already, unless it is wanted as JSON. */
function endOfUsage(error: CommanderError, { json, errors }: Terminal): number {
  if (error.exitCode === 0) return 0;
  if (json) {
    const message = error.message.replace(/^error: /, "");
    errors.write(`${JSON.stringify({ error: { code: "USAGE_INVALID", message, details: {} } })}\n`);
  }
  return usageExitCode;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
