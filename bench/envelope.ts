/**
 * The cut envelope and compression on every network of the zoo: `npm run bench -- envelope`. All costs
 * are modelled: node seconds from FLOP and bytes by a roofline, speeds, links and codecs as stated below.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import { bytes, seconds, secondsPerByte } from "../dist/base/units.js";
import { growthTopology } from "../dist/compare/growth-topologies.js";
import type { Profile } from "../dist/cost/profile.js";
import { topologyAt } from "../dist/cost/state.js";
import type { Topology } from "../dist/cost/topology.js";
import { readTopology } from "../dist/cost/topology-file.js";
import type { Graph } from "../dist/graph/graph.js";
import { additiveCosts } from "../dist/plan/additive.js";
import { compress } from "../dist/plan/compress.js";
import { type Parameter, stateAt } from "../dist/plan/envelope/box.js";
import { createDecider } from "../dist/plan/envelope/decision.js";
import type { Envelope } from "../dist/plan/envelope/file.js";
import { runEnvelope } from "../dist/plan/envelope.js";
import { findLine, type Line } from "../dist/plan/line.js";
import { createRowCut, cutLine } from "../dist/plan/planners/exact-line.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { drawGraph } from "../dist/zoo/graph.js";
import { zooNames } from "../dist/zoo/zoo.js";
import { keepResults } from "./keep-results.ts";

interface Offline {
  readonly placements: number;
  readonly cuts: number;
  readonly medianSeconds: number;
  readonly slowestSeconds: number;
  readonly excess: number;
  readonly decisionMedianSeconds: number;
  readonly decisionP99Seconds: number;
}

/** A cut in a state of the box: its network built before, or with it. */
interface Cut {
  readonly solveSeconds: number;
  readonly buildAndSolveSeconds: number;
}

interface Row {
  readonly graph: string;
  readonly nodes: number;
  readonly groups: number | null;
  readonly groupsReason: string | null;
  readonly covers: string | null;
  readonly compressSeconds: number | null;
  readonly two: Offline;
  readonly three: Offline;
  readonly threeWithCodecs: Offline;
  readonly fullCut: Cut;
  readonly compressedCut: Cut | null;
  readonly speedUp: {
    readonly overFullSolve: number;
    readonly overFullBuildAndSolve: number;
    readonly overCompressedSolve: number | null;
    readonly overCompressedBuildAndSolve: number | null;
  };
}

const repeats = 7;
const states = 60;
const batches = 4000;
const warmUp = 8000;
/** One decision takes less than the clock can tell. */
const decisionsPerBatch = 25;
const timeLimitSeconds = 2;
const machine = { flopPerSecond: 20e9, bytesPerSecond: 10e9 };
const rates = { least: 1e5, most: 1e9 };
const slowDowns = { type: "slow-down", least: 1, most: 8 } as const;

const two = {
  topology: readTopology(`
format: partita.topology/1
devices:
  - { name: camera, speed: 0.1 }
  - { name: cloud, tier: cloud }
links:
  - { between: [camera, cloud], bandwidth: 20 Mbit/s, latency: 15 ms }
source: camera
`),
  box: [
    { type: "bandwidth", links: [0, 1], ...rates },
    { ...slowDowns, device: 1 },
  ] as readonly Parameter[],
};
const three = {
  topology: growthTopology("tiers", 3),
  box: [
    { type: "bandwidth", links: [0, 1], ...rates },
    { type: "bandwidth", links: [2, 3], ...rates },
    { ...slowDowns, device: 1 },
    { ...slowDowns, device: 2 },
  ] as readonly Parameter[],
};
/** What the fast and the thorough lossless codecs of this package do to typical tensors. */
const codecs = {
  fast: { ratio: 1.6, encodeSecondsPerByte: 1e-9, decodeSecondsPerByte: 6e-10 },
  small: { ratio: 2.2, encodeSecondsPerByte: 4e-9, decodeSecondsPerByte: 1e-9 },
};

const rows = zooNames.map((name) => {
  const row = measure(drawGraph(name));
  console.log(`${name}: ${row.two.placements} + ${row.three.placements} placements`);
  return row;
});
const tables = report(rows);
console.log(tables);
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/envelope.md", tables);
keepResults("envelope", {
  costs: "modelled",
  targets: {
    decisionTwoDevicesSeconds: 1e-6,
    decisionThreeTiersSeconds: 5e-6,
    offlineSeconds: timeLimitSeconds,
    excessIfStopped: 0.01,
    speedUpOverFullCut: 100,
  },
  box: { bandwidthBitsPerSecond: rates, slowDown: slowDowns, objective: "latency" },
  repeats: { offline: repeats, cutStates: states, decisions: batches * decisionsPerBatch },
  rows,
});

function measure(graph: Graph): Row {
  const profile = profileOf(graph);
  const problem = createProblem(profile, two.topology, { type: "latency" });
  const slowDown = [[1, 1] as const, [slowDowns.least, slowDowns.most] as const];
  const compressed = compress(problem, { slowDown });
  const fullCut = measureCut(profile, graph);
  const offline = measureOffline(problem, two.box);
  const decision = offline.decisionMedianSeconds;
  const isSmaller = compressed.type === "compressed";
  const smallCut = isSmaller
    ? measureCut(compressed.problem.profile, compressed.problem.profile.graph)
    : null;
  return {
    graph: graph.name,
    nodes: graph.nodes.length,
    groups: isSmaller ? compressed.groups.length : null,
    groupsReason: isSmaller ? null : compressed.reason,
    covers: isSmaller ? compressed.covers : null,
    compressSeconds: isSmaller
      ? median(timed(repeats, () => compress(problem, { slowDown })))
      : null,
    two: offline,
    three: measureOffline(problemOf(profile, three.topology), three.box),
    threeWithCodecs: measureOffline(problemOf(coded(profile), three.topology), three.box),
    fullCut,
    compressedCut: smallCut,
    speedUp: {
      overFullSolve: fullCut.solveSeconds / decision,
      overFullBuildAndSolve: fullCut.buildAndSolveSeconds / decision,
      overCompressedSolve: smallCut === null ? null : smallCut.solveSeconds / decision,
      overCompressedBuildAndSolve:
        smallCut === null ? null : smallCut.buildAndSolveSeconds / decision,
    },
  };
}

function measureOffline(problem: Problem, box: readonly Parameter[]): Offline {
  const build = (): Envelope => {
    const found = runEnvelope(problem, box, { clock: systemClock, timeLimitSeconds });
    if ("type" in found) throw new Error(found.reason);
    return found;
  };
  const samples = timed(repeats, build);
  const envelope = build();
  const decisions = measureDecisions(envelope, box);
  return {
    placements: envelope.placements.length,
    cuts: envelope.solves,
    medianSeconds: median(samples),
    slowestSeconds: Math.max(...samples),
    excess: envelope.excess,
    decisionMedianSeconds: median(decisions),
    decisionP99Seconds: quantile(decisions, 0.99),
  };
}

/** Seconds of one decision, by batches in random states of the box. */
function measureDecisions(envelope: Envelope, box: readonly Parameter[]): number[] {
  const { decide } = createDecider(envelope);
  const points = statesOf(box, 1000);
  let sum = 0;
  const samples: number[] = [];
  for (let batch = -warmUp; batch < batches; batch++) {
    const first = (batch + warmUp) * decisionsPerBatch;
    const start = process.hrtime.bigint();
    for (let at = 0; at < decisionsPerBatch; at++) {
      sum += decide(points[(first + at) % points.length] as Float64Array);
    }
    const spent = Number(process.hrtime.bigint() - start) / 1e9;
    if (batch >= 0) samples.push(spent / decisionsPerBatch);
  }
  // What is never used need not be computed.
  if (sum < 0) throw new Error("a placement has no negative position");
  return samples;
}

/** Cuts on two devices in random states of the box; the costs of the state are at hand. */
function measureCut(profile: Profile, graph: Graph): Cut {
  const nominal = createProblem({ ...profile, graph }, two.topology, { type: "latency" });
  const known = new Map<string, ReturnType<typeof createRowCut>>();
  const solves: number[] = [];
  const builds: number[] = [];
  for (const values of statesOf(two.box, states + 20)) {
    const topology = topologyAt(two.topology, stateAt(nominal, two.box, values));
    const problem = problemOf({ ...profile, graph }, topology);
    const line = findLine(problem) as Line;
    const costs = additiveCosts(problem) as NonNullable<ReturnType<typeof additiveCosts>>;
    const [up = 0] = line.up as number[];
    const [down = 0] = line.down as number[];
    const boundaries = {
      devices: line.devices,
      node: costs.node,
      up: (tensor: number) => costs.hop(tensor, up),
      down: (tensor: number) => costs.hop(tensor, down),
    };
    const network = known.get("network") ?? createRowCut(problem, boundaries);
    known.set("network", network);
    builds.push(...timed(1, () => cutLine(problem, line, costs)));
    solves.push(...timed(1, () => network.solve(boundaries)));
  }
  return {
    solveSeconds: median(solves.slice(20)),
    buildAndSolveSeconds: median(builds.slice(20)),
  };
}

function statesOf(box: readonly Parameter[], count: number): Float64Array[] {
  const random = createRandom(1);
  return Array.from({ length: count }, () =>
    Float64Array.from(box, ({ least, most }) => least * (most / least) ** random.next()),
  );
}

function problemOf(profile: Profile, topology: Topology): Problem {
  return createProblem(profile, topology, { type: "latency" });
}

function profileOf(graph: Graph): Profile {
  const sizes = new Map(graph.tensors.map(({ name, bytes: size }) => [name, size as number]));
  const nodeSeconds = graph.nodes.map(({ inputs, outputs, flop, parameterBytes }) => {
    const moved = [...inputs, ...outputs].reduce(
      (sum, name) => sum + (sizes.get(name) ?? 0),
      parameterBytes as number,
    );
    return seconds(
      Math.max((flop ?? 0) / machine.flopPerSecond, moved / machine.bytesPerSecond) + 5e-6,
    );
  });
  const core = {
    nodeSeconds,
    overheadSeconds: seconds(5e-5),
    boundarySecondsPerByte: secondsPerByte(3e-10),
    overheadBytes: bytes(0),
  };
  return { format: "partita.profile/1", graph, devices: { core } };
}

function coded(profile: Profile): Profile {
  const tensors = profile.graph.tensors.map((tensor) => ({ ...tensor, codecs }));
  return { ...profile, graph: { ...profile.graph, tensors } };
}

function timed(count: number, work: () => unknown): number[] {
  return Array.from({ length: count }, () => {
    const start = process.hrtime.bigint();
    work();
    return Number(process.hrtime.bigint() - start) / 1e9;
  });
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** Two tables in Markdown: envelopes, and what deciding is compared with. */
function report(measured: readonly Row[]): string {
  const cases = [
    ["two", "two devices"],
    ["three", "three tiers"],
    ["threeWithCodecs", "three tiers, codecs"],
  ] as const;
  const envelopes = measured.flatMap((row) =>
    cases.map(([key, name]) => {
      const found = row[key];
      return [
        key === "two" ? row.graph : "",
        name,
        found.placements,
        found.cuts,
        number(found.medianSeconds, 1e3),
        found.excess === 0 ? "0" : found.excess.toExponential(1),
        (1e9 * found.decisionMedianSeconds).toFixed(0),
        (1e9 * found.decisionP99Seconds).toFixed(0),
      ];
    }),
  );
  const cuts = measured.map(({ compressedCut: small, fullCut, speedUp, ...row }) => [
    row.graph,
    row.nodes,
    row.groups ?? row.groupsReason ?? "",
    row.covers ?? "",
    number(row.compressSeconds, 1e3),
    `${number(fullCut.solveSeconds, 1e6)} / ${number(fullCut.buildAndSolveSeconds, 1e6)}`,
    `${number(speedUp.overFullSolve, 1)}x / ${number(speedUp.overFullBuildAndSolve, 1)}x`,
    `${number(small?.solveSeconds, 1e6)} / ${number(small?.buildAndSolveSeconds, 1e6)}`,
    `${number(speedUp.overCompressedSolve, 1)}x / ${number(speedUp.overCompressedBuildAndSolve, 1)}x`,
  ]);
  return [
    "    npm run bench -- envelope",
    "",
    "Two parameters for two devices, four for three tiers; offline at most 2 s, medians.",
    "",
    markdown(
      ["graph", "case", "placements", "cuts", "offline, ms", "excess", "decision, ns", "p99, ns"],
      envelopes,
    ),
    "",
    "Cuts of two devices, in µs: with the network at hand / with building it. Speed-up of a decision over them.",
    "",
    markdown(
      [
        "graph",
        "nodes",
        "groups",
        "covers",
        "compress, ms",
        "full cut",
        "speed-up",
        "compressed cut",
        "speed-up",
      ],
      cuts,
    ),
    "",
  ].join("\n");
}

function number(value: number | null | undefined, factor: number): string {
  return value === null || value === undefined
    ? "–"
    : String(Number((value * factor).toPrecision(3)));
}

function markdown(
  head: readonly string[],
  lines: readonly (readonly (string | number)[])[],
): string {
  const rule = head.map(() => "---");
  return [head, rule, ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
