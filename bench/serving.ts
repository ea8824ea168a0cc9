/**
 * Serving on one machine: `npm run bench -- serving`. What HTTP and gRPC add to a request of 600 kB,
 * and how far the slowest hundredth of requests is from the simulator's under Poisson arrivals.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import Table from "cli-table3";
import { keepResults } from "./keep-results.ts";
import { median } from "./serving/figures.ts";
import { measureOverhead, type OverheadResult } from "./serving/overhead.ts";
import { measurePoisson, type PoissonResult } from "./serving/poisson.ts";

const targets = { httpAddedSeconds: 0.001, p99Ratio: 1.25 };
const measuredAt = new Date().toISOString();
/** Processes that wanted a core before anything was measured. */
const loadBefore = loadavg()[0] ?? 0;

const overhead = await measureOverhead();
const poisson = await measurePoisson();
const overheadRows = rowsOfOverhead(overhead);
const poissonRows = rowsOfPoisson(poisson);
print(overheadRows);
print(poissonRows);
keepResults("serving", { measuredAt, loadBefore, targets, overhead, poisson });
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/serving.md", page());

function rowsOfOverhead({ ways }: OverheadResult): string[][] {
  const head = ["way", "median", "added: median", "of five repeats", "90th percentile"];
  const rows = ways.map(({ way, medianSeconds, addedSeconds, ...added }) =>
    way === "in process"
      ? [way, milliseconds(medianSeconds), "", "", ""]
      : [
          way,
          milliseconds(medianSeconds),
          milliseconds(added.medianAddedSeconds),
          `${milliseconds(Math.min(...addedSeconds))} to ${milliseconds(Math.max(...addedSeconds))}`,
          milliseconds(added.p90AddedSeconds),
        ],
  );
  return [head, ...rows];
}

function rowsOfPoisson({ cells }: PoissonResult): string[][] {
  const head = [
    "load",
    "requests a second",
    "p50: measured",
    "simulator",
    "p99: measured",
    "simulator",
    "from the profile alone",
    "measured ÷ simulator",
  ];
  const rows = cells.map(({ load, perSecond, measured, simulated, calibrated, p99Ratio }) => [
    `${100 * load} %`,
    perSecond.toFixed(1),
    milliseconds(measured.p50Seconds),
    milliseconds(calibrated.p50Seconds),
    milliseconds(measured.p99Seconds),
    milliseconds(calibrated.p99Seconds),
    milliseconds(simulated.p99Seconds),
    p99Ratio.toFixed(2),
  ]);
  return [head, ...rows];
}

function page(): string {
  const { claimedPerSecond, capacityPerSecond, calibration, network, topology } = poisson;
  const most = Math.max(...poisson.cells.map(({ load }) => load));
  const ratios = poisson.cells.flatMap(({ load, p99Ratio }) => (load === most ? [p99Ratio] : []));
  const slower = Object.entries(calibration.slower)
    .map(([device, factor]) => `${device} ${factor.toFixed(3)}`)
    .join(", ");
  return `# Serving

\`npm run bench -- serving\`, ${measuredAt.slice(0, 10)}, Node ${process.version}, load before: ${loadBefore.toFixed(1)}.

## What the protocols add

${overhead.inputBytes} bytes of float32 to a network that only takes means, on one device process. One
request at a time, each way in turn, ${overhead.repeats} x ${overhead.roundsPerRepeat} rounds; client, server and coordinator are one
process, so that the client's own work counts. Every answer was compared. Target for HTTP: ${milliseconds(targets.httpAddedSeconds)}.

${markdown(overheadRows)}

## The slowest hundredth under Poisson arrivals

${network} on two devices of which speeds and the link are imitated, over HTTP:

\`\`\`yaml${topology}\`\`\`

The plan claims ${claimedPerSecond.toFixed(1)} answers a second, measured were ${capacityPerSecond.toFixed(1)}; loads are parts of that. Latencies count
from when a request was to come. The simulator has the same arrivals, a profile measured just
before, and from a run at ${100 * calibration.load} % load that is not in the table how much longer devices take (x ${slower})
and what clients and hops add (${milliseconds(calibration.addedSeconds)}, the median). At ${100 * most} % the median ratio is ${median(ratios).toFixed(2)},
from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} (target: at most ${targets.p99Ratio}).

${markdown(poissonRows)}
`;
}

function print([head = [], ...rows]: readonly string[][]): void {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows);
  console.log(table.toString());
}

function markdown([head = [], ...rows]: readonly string[][]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function milliseconds(seconds: number): string {
  return `${(1000 * seconds).toFixed(2)} ms`;
}
