/**
 * Serving on one machine: `npm run bench -- serving`, some 12 minutes. What HTTP and gRPC add to a
 * request of 600 kB, and how far the slowest hundredth of requests is from the simulator's under Poisson
 * arrivals; `--part overhead` or `--part poisson` for one of them, beside what the other came to before.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { keepResults } from "./keep-results.ts";
import { median } from "./serving/figures.ts";
import { measureOverhead, type OverheadResult } from "./serving/overhead.ts";
import { measurePoisson, type PoissonResult } from "./serving/poisson.ts";

const targets = { httpAddedSeconds: 0.001, p99Ratio: 1.25 };
/** Nothing that a protocol adds. */
const alone: ReadonlySet<string> = new Set(["in process", "node:http alone"]);
const resultsFile = "bench/results/serving.json";

/** A part, and when it was measured. */
type Dated<T> = T & {
  readonly measuredAt: string;
  /** Processes that wanted a core before. */
  readonly loadBefore: number;
};

const { values } = parseArgs({ options: { part: { type: "string" } } });
const overhead = await part("overhead", measureOverhead);
const poisson = await part("poisson", measurePoisson);
const overheadRows = rowsOfOverhead(overhead);
const poissonRows = rowsOfPoisson(poisson);
print(overheadRows);
print(poissonRows);
keepResults("serving", { targets, overhead, poisson });
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/serving.md", page());

/** Measured now, or what it came to before if only another part is to be measured. */
async function part<T>(name: string, measure: () => Promise<T>): Promise<Dated<T>> {
  if (values.part !== undefined && values.part !== name && existsSync(resultsFile)) {
    const kept = JSON.parse(readFileSync(resultsFile, "utf8")) as Record<string, Dated<T>>;
    return kept[name] as Dated<T>;
  }
  const measuredAt = new Date().toISOString();
  const loadBefore = loadavg()[0] ?? 0;
  return { ...(await measure()), measuredAt, loadBefore };
}

function whenOf({ measuredAt, loadBefore }: Dated<object>): string {
  return `${measuredAt.slice(0, 10)}, load before: ${loadBefore.toFixed(1)}`;
}

function rowsOfOverhead({ ways }: OverheadResult): string[][] {
  const head = ["way", "median", "added: median", "of five repeats", "90th percentile"];
  const rows = ways.map(({ way, medianSeconds, addedSeconds, ...added }) =>
    alone.has(way)
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

\`npm run bench -- serving\`, Node ${process.version}.

## What the protocols add

${whenOf(overhead)}. ${overhead.inputBytes} bytes of float32 to a network that only takes means, on one device process. One
request at a time, each way in turn, ${overhead.repeats} x ${overhead.roundsPerRepeat} rounds; client, server and coordinator are one
process, so that the client's own work counts. Every answer was compared. Target for HTTP: ${milliseconds(targets.httpAddedSeconds)};
\`node:http\` alone is the same client with a server that reads the bytes and does nothing else.

${markdown(overheadRows)}

## The slowest hundredth under Poisson arrivals

${whenOf(poisson)}. ${network} on two devices of which speeds and the link are imitated, over HTTP:

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
