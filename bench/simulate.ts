/**
 * How fast the simulator is: `npm run bench -- simulate`. A million requests through a pipeline of
 * five stages, and how events per second fall with the number of stages.
 */
import Table from "cli-table3";
import { bitsPerSecond, bytes, seconds, secondsPerByte } from "../dist/base/units.js";
import { plainDevice, plainLink } from "../dist/cost/plain-topology.js";
import type { Profile } from "../dist/cost/profile.js";
import type { Topology } from "../dist/cost/topology.js";
import { evaluate } from "../dist/plan/evaluate.js";
import { createProblem } from "../dist/plan/problem.js";
import { simulate } from "../dist/sim/pipeline.js";
import { keepResults } from "./keep-results.ts";

interface Row {
  readonly stages: number;
  readonly requests: number;
  readonly inFlight: number;
  /** Ends of stages and of phases of hops. */
  readonly events: number;
  /** Of processor time, as the next one. */
  readonly medianSeconds: number;
  readonly slowestSeconds: number;
  readonly eventsPerSecond: number;
  /** Mean seconds between answers ÷ the plan's period. */
  readonly periodRatio: number;
  readonly targetSeconds: number | null;
}

const repeats = 5;
const stageCounts = [2, 5, 10, 20, 50, 100, 200];
const eventBudget = 4e6;

const rows = [measure(5, 1e6, 10), ...stageCounts.map((stages) => measure(stages, null, null))];
print(rows);
keepResults("simulate", {
  costs:
    "modelled: stages of 8 to 12 ms, hops with all their phases (send, wire, latency, receive)",
  repeats,
  rows,
});

function measure(stages: number, asked: number | null, targetSeconds: number | null): Row {
  const events = stages + 4 * (stages - 1);
  const requests = asked ?? Math.round(eventBudget / events);
  const { problem, placement } = pipelineOf(stages);
  const claimed = evaluate(problem, placement);
  if (claimed.type === "infeasible") throw new Error(claimed.reason);
  const inFlight = 2 * stages;
  const warmUp = Math.floor(requests / 2);
  const arrivals = { type: "closed", inFlight } as const;
  const samples: number[] = [];
  let periodRatio = Number.NaN;
  for (let round = 0; round < repeats + 1; round++) {
    const start = process.cpuUsage();
    const found = simulate(problem, placement, { arrivals, requests, warmUp });
    const { user, system } = process.cpuUsage(start);
    if (found.type === "infeasible") throw new Error(found.reason);
    periodRatio = (found.periodSeconds ?? Number.NaN) / claimed.periodSeconds;
    if (round > 0) samples.push((user + system) / 1e6);
  }
  const sorted = samples.toSorted((a, b) => a - b);
  const medianSeconds = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return {
    stages,
    requests,
    inFlight,
    events: events * requests,
    medianSeconds,
    slowestSeconds: sorted.at(-1) ?? Number.NaN,
    eventsPerSecond: (events * requests) / medianSeconds,
    periodRatio,
    targetSeconds,
  };
}

/** A chain of one node a device; every hop has work at both ends and a latency. */
function pipelineOf(stages: number): {
  readonly problem: ReturnType<typeof createProblem>;
  readonly placement: readonly number[];
} {
  const positions = Array.from({ length: stages }, (_, position) => position);
  const tensor = (name: string) => ({
    name,
    dataType: "uint8" as const,
    shape: [bytes(50_000)],
    bytes: bytes(50_000),
  });
  const profile: Profile = {
    format: "partita.profile/1",
    graph: {
      name: "chain",
      inputs: ["t0"],
      outputs: [`t${stages}`],
      tensors: [...positions, stages].map((position) => tensor(`t${position}`)),
      nodes: positions.map((position) => ({
        name: `n${position}`,
        operator: "Conv",
        inputs: [`t${position}`],
        outputs: [`t${position + 1}`],
        flop: null,
        parameterBytes: bytes(0),
      })),
    },
    devices: {
      core: {
        nodeSeconds: positions.map((position) => seconds(0.008 + 0.001 * (position % 5))),
        overheadSeconds: seconds(5e-5),
        boundarySecondsPerByte: secondsPerByte(3e-10),
        overheadBytes: bytes(0),
      },
    },
  };
  const devices = positions.map((position) => plainDevice({ name: `d${position}`, tier: "edge" }));
  const topology: Topology = {
    format: "partita.topology/1",
    devices,
    links: positions
      .slice(1)
      .map((position) =>
        plainLink(`d${position - 1}`, `d${position}`, bitsPerSecond(100e6), seconds(0.002)),
      ),
    source: "d0",
    sink: "anywhere",
    inputBytes: {},
  };
  return {
    problem: createProblem(profile, topology, { type: "throughput" }),
    placement: positions,
  };
}

function print(measured: readonly Row[]): void {
  const table = new Table({
    head: ["stages", "requests", "events", "median s", "target s", "M events/s", "period ÷ claim"],
  });
  for (const row of measured) {
    table.push([
      row.stages,
      row.requests,
      row.events,
      row.medianSeconds.toFixed(2),
      row.targetSeconds ?? "–",
      (row.eventsPerSecond / 1e6).toFixed(2),
      row.periodRatio.toFixed(9),
    ]);
  }
  console.log(table.toString());
}
