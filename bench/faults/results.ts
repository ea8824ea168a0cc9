import { mkdirSync, writeFileSync } from "node:fs";
import Table from "cli-table3";
import type { LoadCounts } from "./load.js";
import type { Liveness } from "./messages.js";
import type { Observed } from "./trials.js";

/** The longest that it may take on a machine that does nothing else. */
const targets = { pauseSeconds: 1, recoverySeconds: 3 };

/** One fault on one device, each time that it was tried. */
export interface Row {
  readonly fault: string;
  readonly device: string;
  readonly times: number;
  /** Why it was not tried any more. */
  readonly failures: readonly string[];
  /** From when the fault could be known; `null`: it was never tried to the end. */
  readonly medianPauseSeconds: number | null;
  readonly worstPauseSeconds: number | null;
  /** What the plan that served at the end of the fault promises. */
  readonly predictedPerSecond: number | null;
  /** `null`: it was never there while the fault lasted. */
  readonly medianRecoverySeconds: number | null;
  readonly worstRecoverySeconds: number | null;
  readonly counts: LoadCounts & { readonly seconds: number };
}

export interface Results {
  readonly measuredAt: string;
  readonly machine: string;
  readonly liveness: Liveness;
  readonly rows: readonly Row[];
}

export function rowOf(
  of: Pick<Row, "fault" | "device" | "failures">,
  observed: readonly Observed[],
  counts: Row["counts"],
): Row {
  const pauses = observed.map(({ pauseSeconds }) => pauseSeconds);
  const recoveries = observed.map(
    ({ recoverySeconds }) => recoverySeconds ?? Number.POSITIVE_INFINITY,
  );
  const rates = observed.flatMap(({ served }) => (served === null ? [] : 1 / served.periodSeconds));
  return {
    ...of,
    times: observed.length,
    medianPauseSeconds: median(pauses),
    worstPauseSeconds: finite(Math.max(...pauses)),
    predictedPerSecond: median(rates),
    medianRecoverySeconds: median(recoveries),
    worstRecoverySeconds: finite(Math.max(...recoveries)),
    counts,
  };
}

/** Prints them, and writes `bench/results/faults.json` and `faults.md`. */
export function writeResults(results: Results): void {
  const folder = new URL("../../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify({ ...results, targets }, null, 2)}\n`;
  writeFileSync(new URL("faults.json", folder), text);
  const cells = results.rows.map(cellsOf);
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...cells);
  console.log(table.toString());
  const lines = [head, head.map(() => "---"), ...cells].map((line) => `| ${line.join(" | ")} |`);
  writeFileSync(new URL("faults.md", folder), pageOf(results, lines));
}

const head = [
  "fault",
  "whom it befalls",
  "times",
  "requests",
  "per second",
  "lost",
  "doubled",
  "wrong",
  "given up, asked again",
  "pause: median",
  "worst",
  "plan predicts per second",
  "back at it: median",
  "worst",
];

function cellsOf({ counts, ...row }: Row): string[] {
  const { sent, seconds, lost, doubled, wrong, givenUp } = counts;
  return [
    row.fault,
    row.device,
    `${row.times}${row.failures.length > 0 ? ", then it FAILED" : ""}`,
    ...[sent, Math.round(sent / seconds), lost, doubled, wrong, givenUp].map(String),
    span(row.medianPauseSeconds),
    span(row.worstPauseSeconds),
    row.predictedPerSecond?.toFixed(0) ?? "-",
    span(row.medianRecoverySeconds),
    span(row.worstRecoverySeconds),
  ];
}

function pageOf(
  { measuredAt, machine, liveness, rows }: Results,
  lines: readonly string[],
): string {
  const { heartbeatSeconds, missedHeartbeats } = liveness;
  const silence = (heartbeatSeconds * missedHeartbeats).toFixed(1);
  const times = rows.reduce((sum, row) => sum + row.times, 0);
  const of = (what: keyof LoadCounts): number =>
    rows.reduce((sum, { counts }) => sum + counts[what], 0);
  const failures = rows.flatMap((row) =>
    row.failures.map((why) => `- ${row.fault}, ${row.device}: ${why}`),
  );
  return `# Faults under load

\`npm run bench -- faults\`, ${measuredAt.slice(0, 10)}: ${machine}.

**${times} faults, ${of("sent")} requests: ${of("lost")} lost, ${of("doubled")} doubled, ${of("wrong")} wrong.**

A real model (SqueezeNet, narrow) on four device processes and a coordinator over loopback TCP, speeds
and links imitated, relays between all of them. One client always has as many requests in flight as
the cluster takes; every answer is compared bit for bit with the whole model's, and counted as it
comes over the wire. The camera is source and sink, the plan needs all four devices, unless it says
otherwise. A heartbeat each ${heartbeatSeconds} s; ${missedHeartbeats} missed ones are a loss.

The pause is the longest time without an answer, from when the fault could be known: at once after
\`kill -9\`, after ${silence} s of silence when a process is stopped or a link swallows everything, and after 1 s
where the coordinator is killed with devices, which it would have replaced. Source and sink are started
again at once; their pause is mostly the start of a process, and what they held is given up with
DEVICE_LOST and asked again under the same ids (a client that finds its way back by itself, as where
the sink is not elsewhere, is not even told). "Back at it": from when the fault could be known until 25 answers in a
row came at 90 % of the rate that the plan without what is lost predicts; "-": not within 5 s.
Targets on a machine that does nothing else: ${targets.pauseSeconds} s of pause, back within ${targets.recoverySeconds} s.

${[...lines, ...(failures.length > 0 ? ["", ...failures] : [])].join("\n")}
`;
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return finite(sorted[sorted.length >> 1] ?? Number.NaN);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function span(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(2)} s`;
}
