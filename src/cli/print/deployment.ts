import { formatQuantity } from "../../base/units.ts";
import type { Deployable } from "../deploy.ts";
import type { Terminal } from "../terminal.ts";
import { formatStages, formatVerdict } from "./plan.ts";

/** What is going to run where, and what it is predicted to take. */
export function printDeployment(
  { named, plan }: Deployable,
  emulated: boolean,
  terminal: Terminal,
): void {
  const { bold } = terminal.colours;
  const { latencySeconds, throughputPerSecond } = plan.claimed;
  const how = emulated ? " (speeds and links emulated)" : "";
  terminal.line(bold(`${named.name}${how}. ${formatVerdict(plan)}`));
  terminal.line(formatStages(plan, terminal));
  const latency = formatQuantity(latencySeconds, "s");
  terminal.line(`  predicted: latency ${latency}, ${throughputPerSecond.toPrecision(3)} /s\n`);
}
