/**
 * Several models on the same devices: `npm run bench -- several`. How far the latency by reservations
 * is from a simulation with Poisson arrivals as the load grows, and how much one model after the other
 * loses to the best joint placement.
 */
import { readFileSync } from "node:fs";
import Table from "cli-table3";
import { createRandom, type Random } from "../dist/base/random.js";
import { bitsPerSecond, bytes, seconds, secondsPerByte } from "../dist/base/units.js";
import { plainDevice, plainLinks } from "../dist/cost/plain-topology.js";
import { type Profile, readProfile } from "../dist/cost/profile.js";
import type { Topology } from "../dist/cost/topology.js";
import { readTopology } from "../dist/cost/topology-file.js";
import type { Graph } from "../dist/graph/graph.js";
import { loadHighsSolver } from "../dist/plan/highs.node.js";
import type { Plan } from "../dist/plan/plan.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem } from "../dist/plan/problem.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import type { PlacedModel } from "../dist/plan/several/remaining.js";
import { planOn } from "../dist/plan/several/standing-plan.js";
import { evaluateSeveral } from "../dist/plan/several/together.js";
import { type ModelDemand, planSeveral } from "../dist/plan/several.js";
import type { Solve } from "../dist/plan/solve.js";
import { simulateSeveral } from "../dist/sim/several.js";
import { keepResults } from "./keep-results.ts";

const names = ["squeezenet", "resnet50", "mobilenetv2"] as const;
/** Requests a second of each, at a factor of 1. */
const rates = [5, 3, 10];
const factors = [0.25, 0.5, 1, 1.5, 2, 3];
const requests = 40_000;
const questions = 200;

const settings: Readonly<Record<string, string>> = {
  "camera, gateway, cloud": `
format: partita.topology/1
devices:
  - { name: camera, speed: 0.1, memory: 512 MiB }
  - { name: gateway, tier: edge, speed: 0.5, memory: 2 GiB }
  - { name: cloud, tier: cloud, speed: 2 }
links:
  - { between: [camera, gateway], bandwidth: 100 Mbit/s, latency: 1 ms }
  - { between: [gateway, cloud], bandwidth: 50 Mbit/s, latency: 10 ms }
source: camera`,
  "one device": `
format: partita.topology/1
devices: [{ name: box, speed: 0.5 }]
source: box`,
  "two devices on one radio": `
format: partita.topology/1
devices: [{ name: camera, speed: 0.2 }, { name: server }]
links: [{ between: [camera, server], bandwidth: 200 Mbit/s, medium: air }]
source: camera`,
};

const solver = await loadHighsSolver();
const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const solve: Solve = (problem) => runPlanner(exact, problem, { seed: 1, clock, solver });

const validation = Object.entries(settings).flatMap(([setting, text]) =>
  factors.flatMap((factor) => validate(setting, readTopology(text), factor)),
);
const joint = compareWithJoint();
print();
keepResults("several", {
  costs: `measured profiles (bench/profiles) of ${names.join(", ")}, at speeds of the topology`,
  rates: `${names.map((name, position) => `${name} ${rates[position]}/s`).join(", ")}, times factor`,
  requests,
  settings,
  validation,
  joint,
});

interface Row {
  readonly setting: string;
  readonly factor: number;
  /** Of the device, link or medium that is taken most. */
  readonly busiest: number;
  readonly model: string;
  readonly reservedSeconds: number;
  readonly simulatedSeconds: number;
  /** Simulated ÷ reserved − 1. */
  readonly offBy: number;
  readonly p99Seconds: number;
}

function validate(setting: string, topology: Topology, factor: number): Row[] {
  const demands = names.map(
    (name, position): ModelDemand => ({
      name,
      profile: readProfile(readFileSync(`bench/profiles/${name}.profile.json`, "utf8"), name),
      requestsPerSecond: (rates[position] as number) * factor,
    }),
  );
  const answer = planSeveral(topology, demands, solve);
  if (answer.type === "infeasible") return [];
  const { devices, links } = answer.together.taken;
  const shares = [...Object.values(devices), ...links].map(({ utilisation }) => utilisation);
  const perSecond = demands.reduce((sum, demand) => sum + demand.requestsPerSecond, 0);
  const length = requests / perSecond;
  const simulation = simulateSeveral(
    answer.models.map((model, position) => ({
      ...planOn(model, topology, topology),
      arrivals: {
        type: "poisson",
        perSecond: model.requestsPerSecond,
        random: createRandom(position + 1),
      },
    })),
    { seconds: length, warmUpSeconds: length / 10 },
  );
  return answer.together.models.map(({ name, latencySeconds }, position): Row => {
    const found = (simulation.models[position]?.latencySeconds ?? new Float64Array()).toSorted();
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
    return {
      setting,
      factor,
      busiest: Math.max(...shares),
      model: name,
      reservedSeconds: latencySeconds,
      simulatedSeconds: mean,
      offBy: mean / latencySeconds - 1,
      p99Seconds: found[Math.ceil(0.99 * found.length) - 1] ?? Number.NaN,
    };
  });
}

/** Two chains of three nodes on three linked devices, against all pairs of placements. */
function compareWithJoint(): {
  readonly questions: number;
  readonly bothPlaced: number;
  readonly onlyJoint: number;
  readonly asGood: number;
  readonly meanLoss: number;
  readonly mostLoss: number;
} {
  const losses: number[] = [];
  let onlyJoint = 0;
  for (let seed = 1; seed <= questions; seed++) {
    const random = createRandom(seed);
    const topology = randomTopology(random);
    const demands = ["a", "b"].map((name): ModelDemand => {
      const profile = randomChain(name, random);
      const work = profile.devices["core"]?.nodeSeconds.reduce<number>(
        (sum, value) => sum + (value ?? 0),
        0,
      );
      return { name, profile, requestsPerSecond: random.pick([0.2, 0.5, 0.8]) / (work ?? 1) };
    });
    const best = bestJoint(topology, demands);
    const answer = planSeveral(topology, demands, solve);
    if (answer.type === "infeasible") {
      if (best < Number.POSITIVE_INFINITY) onlyJoint++;
      continue;
    }
    losses.push(answer.together.meanLatencySeconds / best - 1);
  }
  return {
    questions,
    bothPlaced: losses.length,
    onlyJoint,
    asGood: losses.filter((loss) => loss < 1e-9).length,
    meanLoss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    mostLoss: Math.max(...losses),
  };
}

function randomTopology(random: Random): Topology {
  const rate = () => bitsPerSecond(random.pick([4e6, 16e6, 64e6]));
  return {
    format: "partita.topology/1",
    devices: ["x", "y", "z"].map((name) =>
      plainDevice({
        name,
        speed: random.pick([0.5, 1, 2, 4]),
        memoryBytes: random.pick([null, bytes(400_000), bytes(600_000)]),
      }),
    ),
    links: [...plainLinks("x", "y", rate()), ...plainLinks("y", "z", rate())],
    source: "x",
    sink: "x",
    inputBytes: {},
  };
}

function randomChain(name: string, random: Random): Profile {
  const nodes = [0, 1, 2];
  const tensors = [0, 1, 2, 3].map((tensor) => ({
    name: `t${tensor}`,
    dataType: "uint8",
    shape: [],
    bytes: bytes(10_000 * (1 + random.integer(10))),
  }));
  const graph: Graph = {
    name,
    inputs: ["t0"],
    outputs: ["t3"],
    tensors,
    nodes: nodes.map((node) => ({
      name: `n${node}`,
      operator: "Op",
      inputs: [`t${node}`],
      outputs: [`t${node + 1}`],
      flop: null,
      parameterBytes: bytes(50_000 * random.integer(4)),
    })),
  };
  const core = {
    nodeSeconds: nodes.map(() => seconds(0.01 * (1 + random.integer(10)))),
    overheadSeconds: seconds(0),
    boundarySecondsPerByte: secondsPerByte(0),
    overheadBytes: bytes(0),
  };
  return { format: "partita.profile/1", graph, devices: { core } };
}

function bestJoint(topology: Topology, demands: readonly ModelDemand[]): number {
  const [first = [], second = []] = demands.map((demand) => everyPlan(topology, demand));
  let best = Number.POSITIVE_INFINITY;
  for (const one of first) {
    for (const other of second) {
      const together = evaluateSeveral(topology, [one, other]);
      if (together.type === "infeasible") continue;
      best = Math.min(best, together.meanLatencySeconds);
    }
  }
  return best;
}

/** A model with each of its placements, where that is allowed. */
function everyPlan(topology: Topology, demand: ModelDemand): PlacedModel[] {
  const problem = createProblem(demand.profile, topology, { type: "latency" });
  const { length } = topology.devices;
  const placements = Array.from({ length: length ** 3 }, (_, number) =>
    [0, 1, 2].map((node) => Math.floor(number / length ** node) % length),
  );
  return placements.flatMap((placement) => {
    const fixed = {
      ...exact,
      name: "fixed",
      optimalAmong: null,
      refuses: () => null,
      *plan() {
        const only = { placement, value: 0, bound: null };
        yield only;
        return only;
      },
    };
    const plan: Plan | { readonly type: string } = runPlanner(fixed, problem, { seed: 1, clock });
    return "type" in plan ? [] : { ...demand, plan };
  });
}

function print(): void {
  const table = new Table({
    head: ["setting", "factor", "busiest", "model", "reserved", "simulated", "off by", "p99"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of validation) {
    const ms = (value: number): string => `${(1000 * value).toFixed(1)} ms`;
    table.push([
      row.setting,
      row.factor,
      `${(100 * row.busiest).toFixed(0)} %`,
      row.model,
      ms(row.reservedSeconds),
      ms(row.simulatedSeconds),
      `${(100 * row.offBy).toFixed(1)} %`,
      ms(row.p99Seconds),
    ]);
  }
  console.log(table.toString());
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  console.log(
    `${joint.bothPlaced} of ${questions} pairs of random chains find a place one after the other (${joint.onlyJoint} more do jointly); ` +
      `${joint.asGood} of them as good as the best joint placement; the mean latency is ${percent(joint.meanLoss)} above it, at most ${percent(joint.mostLoss)}`,
  );
}
