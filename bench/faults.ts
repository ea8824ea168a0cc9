/**
 * What faults cost: processes are killed and stopped, links cut, under load, each several times; every
 * answer is compared. `npm run bench -- faults`, with `FAULTS_TIMES` for how often each (default 5).
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import Table from "cli-table3";
import { Fleet } from "./faults/fleet.js";
import { Load, type LoadCounts } from "./faults/load.js";
import { type Choices, makeSamples, prepareModel } from "./faults/setting.js";
import {
  abandoned,
  coordinatorKilled,
  cut,
  endpointKilled,
  type Fault,
  killed,
  type Observed,
  stopped,
  tryFault,
} from "./faults/trials.js";

const liveness = { heartbeatSeconds: 0.1, missedHeartbeats: 5 };
/** The longest that it may take on a machine that does nothing else. */
const targets = { pauseSeconds: 1, recoverySeconds: 3 };
const times = Number(process.env["FAULTS_TIMES"] ?? 5);

/** One kind of fault, however often and on whomever it was tried. */
interface Row {
  readonly fault: string;
  readonly times: number;
  readonly medianPauseSeconds: number;
  readonly worstPauseSeconds: number;
  /** `null`: no plan with a prediction was gone over to, or the fault was over too soon. */
  readonly medianRecoverySeconds: number | null;
  readonly worstRecoverySeconds: number | null;
  readonly counts: LoadCounts & { readonly seconds: number };
}

/** Each round: one fault of this kind on one device, whichever the plan needs then. */
type Kind = readonly [name: string, choose: (fleet: Fleet, round: number) => Fault];

const others = ["gateway", "spare", "cloud"] as const;
const kinds: readonly Kind[] = [
  ["a device is killed", (fleet) => killed(fleet, fleet.deviceInUse())],
  ["a device is stopped", (fleet) => stopped(fleet, fleet.deviceInUse())],
  ["a link is cut", (fleet) => cut(fleet, ...fleet.pairInUse())],
  ["the coordinator is killed", (fleet) => coordinatorKilled(fleet)],
  [
    "a device is killed while the coordinator is away",
    (fleet) => abandoned(fleet, [fleet.deviceInUse()]),
  ],
  ["everything but the source is killed", (fleet) => abandoned(fleet, others)],
  ["the source is killed", (fleet) => endpointKilled(fleet, "camera")],
];
const withSink: readonly Kind[] = [
  ["a device is killed, sink elsewhere", (fleet) => killed(fleet, fleet.deviceInUse())],
  ["the sink is killed", (fleet) => endpointKilled(fleet, "cloud")],
];

const first = ["camera", "gateway", "cloud"] as const;
const rows = [
  ...(await tryAll({ sink: "camera", first }, kinds)),
  ...(await tryAll({ sink: "cloud", first }, withSink)),
];
write(rows);

async function tryAll(choices: Choices, some: readonly Kind[]): Promise<Row[]> {
  const samples = await makeSamples(await prepareModel(), 5);
  const fleet = await Fleet.start(choices, liveness);
  const found: Row[] = [];
  try {
    for (const [fault, choose] of some) {
      const load = await Load.start(fleet.address, samples, choices.sink === "camera");
      const start = performance.now() / 1000;
      const observed: Observed[] = [];
      for (let round = 0; round < times; round++) {
        await fleet.rest();
        observed.push(await tryFault(fleet, load, choose(fleet, round)));
      }
      const counts = await load.end();
      found.push(rowOf(fault, observed, { ...counts, seconds: performance.now() / 1000 - start }));
      console.log(`${fault}: ${observed.map(describe).join("; ")}`);
    }
  } finally {
    await fleet.end();
  }
  return found;
}

function describe({ name, pauseSeconds, recoverySeconds }: Observed): string {
  return `${name} ${pauseSeconds.toFixed(2)} s, ${recoverySeconds?.toFixed(2) ?? "-"} s`;
}

function rowOf(fault: string, observed: readonly Observed[], counts: Row["counts"]): Row {
  const pauses = observed.map(({ pauseSeconds }) => pauseSeconds).toSorted((a, b) => a - b);
  const recoveries = observed
    .flatMap(({ recoverySeconds }) => (recoverySeconds === null ? [] : [recoverySeconds]))
    .toSorted((a, b) => a - b);
  return {
    fault,
    times: observed.length,
    medianPauseSeconds: pauses[pauses.length >> 1] ?? Number.NaN,
    worstPauseSeconds: pauses.at(-1) ?? Number.NaN,
    medianRecoverySeconds: recoveries[recoveries.length >> 1] ?? null,
    worstRecoverySeconds: recoveries.length < observed.length ? null : (recoveries.at(-1) ?? null),
    counts,
  };
}

function write(found: readonly Row[]): void {
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`;
  const measuredAt = new Date().toISOString();
  const folder = new URL("../bench/results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const result = { measuredAt, machine, liveness, targets, rows: found };
  writeFileSync(new URL("faults.json", folder), `${JSON.stringify(result, null, 2)}\n`);
  const head = ["fault", "times", "requests", "per second", "lost", "doubled", "wrong"];
  const spans = [
    "given up, asked again",
    "pause: median",
    "worst",
    "back at 90 %: median",
    "worst",
  ];
  const cells = found.map((row) => [
    row.fault,
    row.times,
    row.counts.sent,
    (row.counts.sent / row.counts.seconds).toFixed(0),
    row.counts.lost,
    row.counts.doubled,
    row.counts.wrong,
    row.counts.givenUp,
    span(row.medianPauseSeconds),
    span(row.worstPauseSeconds),
    span(row.medianRecoverySeconds),
    span(row.worstRecoverySeconds),
  ]);
  const table = new Table({ head: [...head, ...spans] });
  table.push(...cells);
  console.log(table.toString());
  const lines = [[...head, ...spans], [...head, ...spans].map(() => "---"), ...cells];
  const { heartbeatSeconds, missedHeartbeats } = liveness;
  const text = `# Faults under load

Measured on ${measuredAt.slice(0, 10)}: ${machine}. A real model (SqueezeNet, narrow) on four device
processes and a coordinator over loopback TCP, speeds and links imitated, one client that always has
as many requests in flight as the cluster takes; every answer compared bit for bit with the whole
model's. A heartbeat each ${heartbeatSeconds} s; ${missedHeartbeats} missed ones are a loss.

The pause is the longest time without an answer, from when the fault could be known: at once after
\`kill -9\`, after ${(heartbeatSeconds * missedHeartbeats).toFixed(1)} s of silence when a process is stopped or a link swallows everything, and when the
coordinator has been away for 1 s where it would have helped. The source and the sink are started
again at once; their pause is mostly the start of a process. The last columns: from when the fault
could be known until 25 answers in a row came at 90 % of the rate that the new plan predicts.

${lines.map((line) => `| ${line.join(" | ")} |`).join("\n")}
`;
  writeFileSync(new URL("faults.md", folder), text);
}

function span(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(2)} s`;
}
