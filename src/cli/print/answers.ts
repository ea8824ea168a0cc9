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

/** Where the time went, stage by stage; of stages that devices run together for all of them. */
export function wayOf({ waitSeconds, stages, hops }: RequestTimings): string {
  const waited = waitSeconds < 1e-3 ? [] : [`waited ${formatQuantity(waitSeconds, "s")} for room`];
  const computed = runsOf(stages).map(({ first, last, seconds }) => {
    const each = [...seconds].map(([device, busy]) => `${device} ${formatQuantity(busy, "s")}`);
    return `${first === last ? `s${first}` : `s${first}–s${last}`} on ${each.join(" and ")}`;
  });
  const sent = hops.reduce((sum, { sendSeconds }) => sum + sendSeconds, 0);
  const links = hops.length === 0 ? [] : [`links ${formatQuantity(sent, "s")}`];
  return [...waited, ...computed, ...links].join(", ");
}

/** A stage, or several in a row that the same devices run together. */
interface StageRun {
  readonly first: number;
  last: number;
  /** By device. */
  readonly seconds: Map<string, number>;
}

/** Devices report when they are done with a request, which is in no order. */
function runsOf(stages: RequestTimings["stages"]): StageRun[] {
  const byStage = new Map<number, Map<string, number>>();
  for (const { stage, device, busySeconds } of stages) {
    // Of several tiles on one device each has a number behind: s0.1.
    const number = Math.floor(Number(stage.slice(1)));
    const seconds = byStage.get(number) ?? new Map<string, number>();
    byStage.set(number, seconds);
    seconds.set(device, (seconds.get(device) ?? 0) + busySeconds);
  }
  const runs: StageRun[] = [];
  for (const [number, seconds] of [...byStage].sort(([a], [b]) => a - b)) {
    const ordered = new Map([...seconds].sort(([a], [b]) => (a < b ? -1 : 1)));
    const before = runs.at(-1);
    const isSame =
      [...ordered.keys()].join("\n") === [...(before?.seconds.keys() ?? [])].join("\n");
    if (before === undefined || ordered.size === 1 || !isSame) {
      runs.push({ first: number, last: number, seconds: ordered });
      continue;
    }
    before.last = number;
    for (const [device, busy] of ordered) {
      before.seconds.set(device, (before.seconds.get(device) ?? 0) + busy);
    }
  }
  return runs;
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
