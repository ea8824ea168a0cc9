import type { Terminal } from "../terminal.ts";

/**
 * How others are told to call a command that wants the cluster's token. One that came from the
 * environment is kept out of what is written, such as the log of a container: the variable is named
 * instead.
 */
export function withToken(
  words: string,
  token: string,
  { program, token: environment }: Pick<Terminal, "program" | "token">,
): string {
  return token === environment
    ? `PARTITA_TOKEN=… ${program} ${words}`
    : `${program} ${words} --token ${token}`;
}
