/**
 * What faults cost: processes are killed and stopped, links cut, under load, each several times; every
 * answer is compared. `npm run bench -- faults`, with `FAULTS_TIMES` for how often each (default 3).
 * Ends within nine minutes, whatever happens.
 *
 * @module
 */
import { cpus, loadavg } from "node:os";
import { Fleet } from "./faults/fleet.js";
import { Load } from "./faults/load.js";
import { type Row, rowOf, writeResults } from "./faults/results.js";
import {
  alonePeriodSeconds,
  type DeviceName,
  makeSamples,
  prepareModel,
} from "./faults/setting.js";
import {
  abandoned,
  coordinatorKilled,
  cut,
  endpointKilled,
  endpointStopped,
  type Fault,
  killed,
  type Observed,
  stopped,
  tryFault,
} from "./faults/trials.js";
import { within } from "./faults/within.js";

const liveness = { heartbeatSeconds: 0.1, missedHeartbeats: 5 };
const times = Number(process.env["FAULTS_TIMES"] ?? 3);
const lasting = { answers: 25, patienceSeconds: 5 };
/** Nothing new is tried after that. */
const limitSeconds = 400;

/** What is done to whom, each time. */
interface Kind {
  readonly fault: string;
  readonly device: string;
  readonly make: (fleet: Fleet) => Fault;
}

const prepared = await prepareModel();
const samples = await makeSamples(prepared, 5);
const alone = alonePeriodSeconds(prepared);
const others = ["gateway", "spare", "cloud"] as const;

const kinds: readonly Kind[] = [
  {
    fault: "link to it cut, but for the coordinator",
    device: "cloud",
    make: (fleet) => cut(fleet, "cloud", true),
  },
  ...forEach("kill -9", killed),
  ...forEach("SIGSTOP, SIGCONT", stopped),
  ...forEach("link to it cut", (fleet, device) => cut(fleet, device)),
  { fault: "kill -9", device: "coordinator", make: coordinatorKilled },
  {
    fault: "kill -9",
    device: "coordinator and gateway",
    make: (fleet) => abandoned(fleet, ["gateway"], alone),
  },
  {
    fault: "kill -9",
    device: "all but the source",
    make: (fleet) => abandoned(fleet, others, alone),
  },
  { fault: "kill -9", device: "source", make: (fleet) => endpointKilled(fleet, "camera") },
  {
    fault: "SIGSTOP, SIGCONT after 0.5 s",
    device: "source",
    make: (fleet) => endpointStopped(fleet, "camera", 0),
  },
  {
    fault: "SIGSTOP, SIGCONT after 6 s",
    device: "source",
    make: (fleet) => endpointStopped(fleet, "camera", 5.5),
  },
];
const withSink: readonly Kind[] = [
  {
    fault: "kill -9",
    device: "gateway, sink elsewhere",
    make: (fleet) => killed(fleet, "gateway"),
  },
  { fault: "kill -9", device: "sink", make: (fleet) => endpointKilled(fleet, "cloud") },
  {
    fault: "kill -9",
    device: "source, sink elsewhere",
    make: (fleet) => endpointKilled(fleet, "camera"),
  },
];

const rows = [...(await tryAll("cloud", withSink)), ...(await tryAll("camera", kinds))];
const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`;
writeResults({ measuredAt: new Date().toISOString(), machine, liveness, rows });
const isClean = rows.every(
  ({ failures, counts: { lost, doubled, wrong } }) =>
    failures.length + lost + doubled + wrong === 0,
);
// What hangs in spite of everything must not keep this process.
process.exit(isClean ? 0 : 1);

function forEach(fault: string, make: (fleet: Fleet, device: DeviceName) => Fault): Kind[] {
  return others.map((device) => ({ fault, device, make: (fleet) => make(fleet, device) }));
}

async function tryAll(sink: DeviceName, some: readonly Kind[]): Promise<Row[]> {
  const found: Row[] = [];
  let fleet = await Fleet.start(sink, liveness);
  for (const kind of some) {
    if (performance.now() > limitSeconds * 1000) {
      console.log(`${kind.fault}, ${kind.device}: no time is left for it`);
      continue;
    }
    const row = await tryKind(fleet, sink, kind);
    found.push(row);
    if (row.failures.length === 0) continue;
    // Nobody knows what state this one is in.
    await fleet.end();
    fleet = await Fleet.start(sink, liveness);
  }
  await fleet.end();
  return found;
}

async function tryKind(fleet: Fleet, sink: DeviceName, kind: Kind): Promise<Row> {
  const { fault, device, make } = kind;
  const observed: Observed[] = [];
  const failures: string[] = [];
  const { address } = fleet;
  const perSecond = Number.POSITIVE_INFINITY;
  const isPatient = sink === "camera";
  const load = await within(Load.start({ address, samples, isPatient, perSecond }), "a client");
  const start = performance.now();
  try {
    for (let round = 0; round < times; round++) {
      observed.push(await tryFault(fleet, load, make(fleet), lasting));
    }
  } catch (error) {
    console.error(`${fault}, ${device}: ${error}`);
    // The rest of it is the story of the last minute.
    failures.push(String(error).split("\n")[0] ?? "");
  }
  const counts = await load.end();
  console.log(`${fault}, ${device}: ${observed.map(describe).join("; ")}`);
  const seconds = (performance.now() - start) / 1000;
  return rowOf({ fault, device, failures }, observed, { ...counts, seconds });
}

function describe({ pauseSeconds, recoverySeconds }: Observed): string {
  return `${pauseSeconds.toFixed(2)} s, ${recoverySeconds?.toFixed(2) ?? "-"} s`;
}
