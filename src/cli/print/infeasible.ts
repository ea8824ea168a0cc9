import type { Infeasible } from "../../plan/feasibility.ts";
import { infeasibleExitCode } from "../planning.ts";
import type { Terminal } from "../terminal.ts";

/** "No" is an answer: it goes to standard output, with its witness. Returns the exit code. */
export function reportInfeasible(answer: Infeasible, heading: string, terminal: Terminal): number {
  if (terminal.json) {
    terminal.document(answer);
    return infeasibleExitCode;
  }
  const { bold, dim } = terminal.colours;
  terminal.line(bold(heading));
  terminal.line(`  ${answer.reason}`);
  const witness = Object.entries(answer.witness).map(([name, value]) => `${name} = ${value}`);
  if (witness.length > 0) terminal.line(dim(`  (${witness.join(", ")})`));
  return infeasibleExitCode;
}
