/**
 * Fronts and plans for uncertain links on every network of the zoo: how many plans they take, how
 * long, and with what gap: `npm run bench -- fronts`. All costs are modelled.
 */
import Table from "cli-table3";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import type { Profile } from "../dist/cost/profile.js";
import { modelProfile } from "../dist/cost/roofline.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { parseVariation, sampleStates } from "../dist/cost/variation.js";
import { loadHighsSolver } from "../dist/plan/highs.node.js";
import { parseAxes } from "../dist/plan/pareto/axis.js";
import { findFront } from "../dist/plan/pareto.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem } from "../dist/plan/problem.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import type { Solve } from "../dist/plan/solve.js";
import { planUncertain } from "../dist/plan/uncertain.js";
import { drawGraph } from "../dist/zoo/graph.js";
import { zooNames } from "../dist/zoo/zoo.js";
import { keepResults } from "./keep-results.ts";

const samples = 500;
const secondsPerPlan = 5;
const pairs = ["latency,energy", "latency,throughput", "latency,memory:camera"];
const topology = readTopology(`
format: partita.topology/1
devices:
  - { name: camera,  tier: device, speed: 0.1, memory: 2 GiB, power: { busy: 4 W, idle: 1.5 W } }
  - { name: gateway, tier: edge,   speed: 0.5, power: { busy: 25 W, idle: 5 W } }
  - { name: cloud,   tier: cloud,  speed: 4,   power: { busy: 250 W, idle: 0 W } }
links:
  - { between: [camera, gateway], bandwidth: 40 Mbit/s, latency: 2 ms, energy: 0.1 uJ/bit }
  - { between: [gateway, cloud], bandwidth: 20 Mbit/s, latency: 15 ms }
source: camera
`);
const variations = [
  "camera<->gateway=lognormal(40 Mbit/s, 0.8)",
  "gateway<->cloud=lognormal(20 Mbit/s, 0.8)",
  "gateway=1..4",
].map((text) => parseVariation(text, topology));

const solver = await loadHighsSolver();

interface Counter {
  plans: number;
}

const fronts = zooNames.flatMap((name) => pairs.map((pair) => measureFront(name, pair)));
const kept = zooNames.flatMap((name) =>
  (["mean", 0.9] as const).map((judge) => measureKept(name, judge)),
);
print("fronts", fronts);
print(`the best plan to keep over ${samples} states`, kept);
keepResults("fronts", {
  costs: "modelled",
  topology,
  variations,
  fronts,
  kept,
});

function profileOf(name: (typeof zooNames)[number]): Profile {
  return modelProfile(drawGraph(name));
}

function counting(counter: Counter): Solve {
  return (problem) => {
    counter.plans++;
    return runPlanner(exact, problem, {
      seed: 1,
      clock: systemClock,
      timeLimitSeconds: secondsPerPlan,
    });
  };
}

function measureFront(name: (typeof zooNames)[number], pair: string) {
  const counter = { plans: 0 };
  const start = performance.now();
  const problem = createProblem(profileOf(name), topology, { type: "latency" });
  const run = { solve: counting(counter), points: 12 };
  const front = findFront(problem, parseAxes(pair, topology), run);
  if ("type" in front) throw new Error(front.reason);
  return {
    graph: name,
    axes: pair,
    points: front.points.length,
    complete: front.complete,
    plans: counter.plans,
    seconds: rounded((performance.now() - start) / 1000),
    largestGap: rounded(
      Math.max(...front.points.map(({ gap }) => gap ?? Number.POSITIVE_INFINITY)),
    ),
  };
}

/** How much dearer than the best plan to keep the usual ones are, and adapting is cheaper. */
function measureKept(name: (typeof zooNames)[number], judge: "mean" | number) {
  const counter = { plans: 0 };
  const start = performance.now();
  const problem = createProblem(profileOf(name), topology, { type: "latency" });
  const states = sampleStates(topology, variations, samples, createRandom(1));
  const plan = planUncertain(problem, { solve: counting(counter), solver, judge, states, seed: 1 });
  if ("type" in plan || plan.uncertainty === undefined) throw new Error("no plan");
  const { value, gap, compared } = plan.uncertainty;
  const against = (other: string): number | undefined => {
    const figures = compared[other];
    return figures === undefined ? undefined : rounded(figures.judged / value);
  };
  return {
    graph: name,
    judge: judge === "mean" ? judge : `p${100 * judge}`,
    latencySeconds: rounded(value),
    gap: gap === null ? null : rounded(gap),
    stated: against("stated"),
    meanBandwidth: against("meanBandwidth"),
    adapting: against("adapting"),
    plans: counter.plans,
    seconds: rounded((performance.now() - start) / 1000),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function print(title: string, rows: readonly Readonly<Record<string, unknown>>[]): void {
  const head = Object.keys(rows[0] ?? {});
  const table = new Table({ head });
  for (const row of rows) table.push(head.map((name) => String(row[name])));
  console.log(`${title}\n${table.toString()}`);
}
