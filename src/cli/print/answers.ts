import { formatQuantity } from "../../base/units.ts";
import type { RequestTimings } from "../../cluster/data-message.ts";
import type { Answered, TimedAnswer } from "../requests.ts";
import { bestClasses } from "../tensors/answers.ts";
import type { Terminal } from "../terminal.ts";

/** Classes shown of an answer. */
const shownClasses = 3;

/** A line of timings, and what the answer says. */
export function printAnswered(
  { name, outputs, timings }: TimedAnswer,
  labels: readonly string[] | null,
  terminal: Terminal,
): void {
  const { bold, dim } = terminal.colours;
  const total = formatQuantity(timings.totalSeconds, "s");
  terminal.line(`  ${bold(name)}  ${total.padStart(8)}  ${dim(wayOf(timings))}`);
  if (labels !== null) {
    const best = bestClasses(outputs, labels, shownClasses);
    const written = best.map(({ label, score }) => `${label} (${score.toPrecision(4)})`);
    terminal.line(`    ${written.join(", ")}`);
    return;
  }
  const shapes = Object.entries(outputs).map(
    ([output, { dataType, shape }]) => `${output}: ${dataType} [${shape.join(", ")}]`,
  );
  terminal.line(`    ${shapes.join("; ")}`);
}

/** Where the time went, stage by stage. */
function wayOf({ waitSeconds, stages, hops }: RequestTimings): string {
  const waited = waitSeconds < 1e-3 ? [] : [`waited ${formatQuantity(waitSeconds, "s")} for room`];
  // Devices report when they are done with a request, which is in no order.
  const inOrder = [...stages].sort((a, b) => Number(a.stage.slice(1)) - Number(b.stage.slice(1)));
  const computed = inOrder.map(
    ({ device, stage, busySeconds }) => `${stage} on ${device} ${formatQuantity(busySeconds, "s")}`,
  );
  const sent = hops.reduce((sum, { sendSeconds }) => sum + sendSeconds, 0);
  const links = hops.length === 0 ? [] : [`links ${formatQuantity(sent, "s")}`];
  return [...waited, ...computed, ...links].join(", ");
}

/** What all requests took together. */
export function printSummary(
  { answers, seconds, steadyPerSecond }: Answered,
  emulated: boolean,
  terminal: Terminal,
): void {
  const totals = answers.map(({ timings }) => timings.totalSeconds).sort((a, b) => a - b);
  const median = totals[Math.floor(totals.length / 2)] ?? 0;
  const rate = perSecond(answers.length / seconds);
  const steady =
    steadyPerSecond === null ? "" : ` (${perSecond(steadyPerSecond)} once the pipeline was full)`;
  terminal.line(
    `${answers.length} answered in ${formatQuantity(seconds, "s")}: ${rate}${steady}, median latency ${formatQuantity(median, "s")}${emulated ? " (emulated)" : ""}`,
  );
}

function perSecond(rate: number): string {
  return `${Number(rate.toPrecision(3))} /s`;
}
