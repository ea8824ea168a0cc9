import { formatQuantity } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Deployable } from "../deploy.ts";
import type { Terminal } from "../terminal.ts";
import { formatStages, formatVerdict } from "./plan.ts";

/** What is going to run where, and what it is predicted to take. */
export function printDeployment(
  { named, plan, topology }: Deployable,
  emulated: boolean,
  terminal: Terminal,
): void {
  const { bold } = terminal.colours;
  const { latencySeconds, throughputPerSecond } = plan.claimed;
  const how = emulated ? " (speeds and links emulated)" : "";
  terminal.line(bold(`${named.name}${how}. ${formatVerdict(plan)}`));
  terminal.line(formatStages(plan, terminal));
  const latency = formatQuantity(latencySeconds, "s");
  terminal.line(
    `  predicted: latency ${latency}, ${Number(throughputPerSecond.toPrecision(3))} /s`,
  );
  if (emulated) warnOfFast(plan, topology, terminal);
  terminal.line();
}

/** A slower machine is imitated by waiting; a faster one cannot be. */
function warnOfFast({ stages }: Plan, { devices }: Topology, terminal: Terminal): void {
  const used = new Set(stages.flatMap((stage) => stage.devices));
  const fast = devices.filter(({ name, speed }) => used.has(name) && speed > 1);
  if (fast.length === 0) return;
  const names = fast.map(({ name, speed }) => `${name} (speed ${speed})`).join(", ");
  terminal.note(
    `warning: ${names}: this machine cannot imitate a faster one than itself, the measured times will be longer than predicted`,
  );
}
