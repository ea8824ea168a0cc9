import type { Check } from "../doctor/check.ts";
import type { Terminal } from "../terminal.ts";

/** A line for each check, and below it what to do. */
export function formatChecks(checks: readonly Check[], terminal: Terminal): string {
  const { dim, green, yellow, red } = terminal.colours;
  const colour = { ok: green, warning: yellow, failed: red, skipped: dim };
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, observed, fix }) => {
    const line = `  ${colour[state](state.padEnd(7))}   ${name.padEnd(width)}   ${observed}`;
    return fix === null ? [line] : [line, `${" ".repeat(15 + width)}${dim("→")} ${fix}`];
  });
  return lines.join("\n");
}
