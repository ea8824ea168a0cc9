import { formatToken, parseToken } from "../../cluster/token.ts";
import type { Terminal } from "../terminal.ts";

/**
 * How others are told to call a command that wants the cluster's token. A secret that came from the
 * environment is kept out of what is written, such as the log of a container: the variable is named
 * instead, with the fingerprint that whoever joins needs.
 */
export function withToken(
  words: string,
  token: string,
  { program, token: environment }: Pick<Terminal, "program" | "token">,
): string {
  if (!isInEnvironment(token, environment)) return `${program} ${words} --token ${token}`;
  const { fingerprint } = parseToken(token);
  return `PARTITA_TOKEN=${formatToken({ secret: "…", fingerprint })} ${program} ${words}`;
}

/** Whether the environment holds a token's secret, with or without a fingerprint. */
export function isInEnvironment(token: string, environment: string | undefined): boolean {
  const [held] = (environment ?? "").trim().split(".");
  return held === parseToken(token).secret;
}
