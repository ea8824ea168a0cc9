import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { needed, type Option, text } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** `--token`, which need not stand in the list of processes. */
export function tokenOption(whose: string): Option<string | undefined> {
  return text(
    "--token <token>",
    `${whose}; - reads it from standard input (default: what PARTITA_TOKEN holds)`,
  );
}

/**
 * The token that a command is to use: the one given, from standard input or the environment;
 * `undefined`: none.
 */
export async function readToken(
  given: string | undefined,
  terminal: Pick<Terminal, "input" | "token">,
): Promise<string | undefined> {
  if (given !== "-") return given ?? terminal.token;
  const { first, lines } = await openLines(terminal.input);
  lines.close();
  return first;
}

/** @throws USAGE_INVALID if there is none */
export async function demandToken(
  given: string | undefined,
  terminal: Pick<Terminal, "input" | "token">,
): Promise<string> {
  const token = await readToken(given, terminal);
  return needed(token, "--token TOKEN (or PARTITA_TOKEN)", "what the coordinator printed");
}

/**
 * The token from the first line of standard input, and a signal that is aborted when standard input
 * ends: whoever started this process is gone then, so that it must not stay either.
 */
export async function readLifeline({
  input,
}: Pick<Terminal, "input">): Promise<{ readonly token: string; readonly cut: AbortSignal }> {
  const { first, lines } = await openLines(input);
  const cut = new AbortController();
  lines.once("close", () => cut.abort(new Error("whoever started this process has ended")));
  return { token: first, cut: cut.signal };
}

async function openLines(input: Readable) {
  const lines = createInterface({ input });
  const first = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  return { first, lines };
}
