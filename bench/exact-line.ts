/**
 * How long the exact latency plan on three tiers takes: `npm run bench -- exact-line`. All costs are
 * modelled: node seconds from FLOP and bytes by a roofline, speeds and links as stated below.
 */
import Table from "cli-table3";
import { createRandom, type Random } from "../dist/base/random.js";
import { bytes, flop, seconds } from "../dist/base/units.js";
import { growthTopology } from "../dist/compare/growth-topologies.js";
import type { Profile } from "../dist/cost/profile.js";
import type { Graph, Node, Tensor } from "../dist/graph/graph.js";
import { evaluate } from "../dist/plan/evaluate.js";
import { gapOf } from "../dist/plan/make-plan.js";
import type { Incumbent } from "../dist/plan/planner.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { drawGraph } from "../dist/zoo/graph.js";
import { zooNames } from "../dist/zoo/zoo.js";
import { keepResults } from "./keep-results.ts";

interface Row {
  readonly graph: string;
  readonly nodes: number;
  readonly medianSeconds: number;
  readonly slowestSeconds: number;
  readonly targetSeconds: number;
  readonly devicesUsed: readonly string[];
  readonly latencySeconds: number;
  /** To the proven bound, which leaves room for rounding. */
  readonly gap: number;
  readonly bestSingleSeconds: number;
}

const repeats = 11;
const largeNodes = 4000;
/** A core that does 20 GFLOP/s and moves 10 GB/s. */
const machine = { flopPerSecond: 20e9, bytesPerSecond: 10e9 };
const topology = growthTopology("tiers", 3);

const rows = [
  ...zooNames.map((name) => measure(drawGraph(name), 0.02)),
  measure(largeGraph(largeNodes), 0.3),
];
print(rows);
keepResults("exact-line", {
  costs: "modelled",
  repeats,
  rows,
});

function measure(graph: Graph, targetSeconds: number): Row {
  const profile = profileOf(graph);
  const samples: number[] = [];
  let placement: readonly number[] = [];
  let value = 0;
  let bound: number | null = null;
  for (let round = 0; round < repeats + 3; round++) {
    const problem = createProblem(profile, topology, { type: "latency" });
    const start = performance.now();
    const found = solve(problem);
    if (round >= 3) samples.push((performance.now() - start) / 1000);
    ({ placement, value, bound } = found);
  }
  const problem = createProblem(profile, topology, { type: "latency" });
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    graph: graph.name,
    nodes: graph.nodes.length,
    medianSeconds: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    slowestSeconds: sorted.at(-1) ?? Number.NaN,
    targetSeconds,
    devicesUsed: problem.devices
      .map(({ name }) => name)
      .filter((_, device) => placement.includes(device)),
    latencySeconds: value,
    gap: gapOf(value, bound) ?? Number.NaN,
    bestSingleSeconds: bestSingle(problem),
  };
}

function solve(problem: Problem): Incumbent {
  const steps = exact.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    if ("type" in step.value) throw new Error(step.value.reason);
    return step.value;
  }
}

function bestSingle(problem: Problem): number {
  const values = problem.devices.map((_, device) =>
    evaluate(
      problem,
      problem.index.graph.nodes.map(() => device),
    ),
  );
  return Math.min(
    ...values.map((found) => (found.type === "feasible" ? found.value : Number.POSITIVE_INFINITY)),
  );
}

function profileOf(graph: Graph): Profile {
  const sizes = new Map(graph.tensors.map(({ name, bytes: size }) => [name, size as number]));
  const nodeSeconds = graph.nodes.map(({ inputs, outputs, flop: work, parameterBytes }) => {
    const moved = [...inputs, ...outputs].reduce(
      (sum, name) => sum + (sizes.get(name) ?? 0),
      parameterBytes as number,
    );
    return seconds(
      Math.max((work ?? 0) / machine.flopPerSecond, moved / machine.bytesPerSecond) + 5e-6,
    );
  });
  const overhead = {
    overheadSeconds: seconds(5e-5),
    boundarySecondsPerByte: 3e-10 as Profile["devices"][string]["boundarySecondsPerByte"],
    overheadBytes: bytes(0),
  };
  return { format: "partita.profile/1", graph, devices: { core: { nodeSeconds, ...overhead } } };
}

/** Modules of four branches that meet again, with a way past each, as in residual and inception networks. */
function largeGraph(count: number): Graph {
  const random = createRandom(1);
  const tensors: Tensor[] = [tensor("input", 602_112)];
  const nodes: Node[] = [];
  const add = (inputs: readonly string[], size: number): string => {
    const name = `t${nodes.length}`;
    tensors.push(tensor(name, size));
    nodes.push(node(`n${nodes.length}`, inputs, name, random));
    return name;
  };
  let last = "input";
  while (nodes.length < count - 12) {
    const size = Math.round(4e5 * (1 - nodes.length / count) ** 2 * (0.5 + random.next())) + 4000;
    const branches = Array.from({ length: 4 }, () => {
      let branch = last;
      for (let depth = 1 + random.integer(3); depth > 0; depth--) branch = add([branch], size / 4);
      return branch;
    });
    last = add([add(branches, size), last], size);
  }
  while (nodes.length < count) last = add([last], 4000);
  return { name: "synthetic", inputs: ["input"], outputs: [last], tensors, nodes };
}

function tensor(name: string, size: number): Tensor {
  const whole = bytes(Math.round(size));
  return { name, dataType: "uint8", shape: [whole], bytes: whole };
}

function node(name: string, inputs: readonly string[], output: string, random: Random): Node {
  return {
    name,
    operator: "Conv",
    inputs,
    outputs: [output],
    flop: flop(Math.round(3e6 * random.next())),
    parameterBytes: bytes(10_000),
  };
}

function print(measured: readonly Row[]): void {
  const table = new Table({
    head: [
      "graph",
      "nodes",
      "median ms",
      "slowest ms",
      "target ms",
      "uses",
      "latency s",
      "gap",
      "one device s",
    ],
  });
  for (const row of measured) {
    table.push([
      row.graph,
      row.nodes,
      (row.medianSeconds * 1000).toFixed(2),
      (row.slowestSeconds * 1000).toFixed(2),
      (row.targetSeconds * 1000).toFixed(0),
      row.devicesUsed.join(" + "),
      row.latencySeconds.toFixed(4),
      row.gap,
      row.bestSingleSeconds.toFixed(4),
    ]);
  }
  console.log(table.toString());
}
