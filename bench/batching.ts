/**
 * What joining requests gains and costs, and what it does to answers: `npm run bench -- batching`.
 * For each number of requests as one the best plan for throughput, simulated and then run by processes
 * on this machine, speeds and links imitated: in a closed loop, and with Poisson arrivals. All clusters
 * of a model take turns, so that they see the same machine. Every answer is compared with that of the
 * same request through the whole model, alone.
 *
 * @module
 */
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { systemClock } from "../dist/base/clock.node.js";
import { createRandom } from "../dist/base/random.js";
import { seconds } from "../dist/base/units.js";
import { windowOf } from "../dist/cluster/window.js";
import { profileOfBatch, topologyOfBatch } from "../dist/cost/batch.js";
import type { Profile } from "../dist/cost/profile.js";
import { readTopology } from "../dist/cost/topology-file.js";
import { asJoined } from "../dist/plan/batch.js";
import { placementOf } from "../dist/plan/check.js";
import { loadHighsSolver } from "../dist/plan/highs.node.js";
import type { Plan } from "../dist/plan/plan.js";
import { exact } from "../dist/plan/planners/exact.js";
import { createProblem, type Problem } from "../dist/plan/problem.js";
import { runPlanner } from "../dist/plan/run-planner.js";
import { createOnnxRuntime } from "../dist/runtime/onnxruntime.node.js";
import { type PreparedGraph, prepareGraph } from "../dist/runtime/prepare.node.js";
import { profileBatches } from "../dist/runtime/profile-batches.node.js";
import { profileGraph } from "../dist/runtime/profile-graph.node.js";
import { sampleInputs } from "../dist/runtime/sample-inputs.js";
import { type Arrivals, arrivalTimes } from "../dist/sim/arrivals.js";
import { type JoinedSimulation, simulateJoined } from "../dist/sim/joined.js";
import type { ZooOptions } from "../dist/zoo/sketch.js";
import { buildZoo } from "../dist/zoo/zoo.js";
import { askAt, askClosed, type Question, type Reply } from "./batching/asking.ts";
import {
  answersOf,
  type Cell,
  type Figures,
  figuresOf,
  median,
  percentiles,
  writePage,
} from "./batching/page.ts";
import { type Cluster, runAgent, startCluster } from "./cluster/processes.ts";
import { keepResults } from "./keep-results.ts";

const here = fileURLToPath(import.meta.url);
const sizes = [1, 2, 4, 8];
const repeats = 5;
/** Of each load of each repeat, and as many before them that are not counted. */
const requests = 96;
const warmUp = 16;
/** Of what the plan without joining answered a second in the closed loop, and of what the own one did. */
const load = 0.7;
const models: readonly { readonly name: string; readonly options: ZooOptions }[] = [
  { name: "resnet18", options: { resolution: 64 } },
  { name: "mobilenetv2", options: { resolution: 64 } },
  { name: "bert", options: { resolution: 16, blocks: 2, width: 0.5 } },
];
const topology = readTopology(`
format: partita.topology/1
devices: [{ name: camera, tier: device, speed: 0.15 }, { name: cloud, tier: cloud, speed: 0.3 }]
links: [{ between: [camera, cloud], bandwidth: 200 Mbit/s, latency: 1 ms }]
source: camera
`);

if (process.argv[2] === "agent") await runAgent(process.argv[3] ?? "", process.argv[4] ?? "");
else await measureAll();

async function measureAll(): Promise<void> {
  const loadBefore = loadavg()[0] ?? 0;
  const cells: Cell[] = [];
  for (const { name, options } of models) {
    const prepared = await prepareGraph(buildZoo(name, { ...options, batch: "open" }), {
      level: "basic",
      shapes: firstShapes(name, options),
    });
    const profile = await measureProfile(prepared, firstShapes(name, options));
    cells.push(...(await measureModel(describe(name, options), prepared, profile)));
    console.log(cells.filter((cell) => cell.model === describe(name, options)));
  }
  const machine = `${cpus()[0]?.model ?? "unknown"} × ${cpus().length}, Node ${process.version}, load ${loadBefore.toFixed(1)}`;
  keepResults("batching", { machine, repeats, requests, load, topology, cells });
  writePage(machine, cells, { repeats, requests, load });
}

function describe(name: string, options: ZooOptions): string {
  const query = Object.entries({ batch: "open", ...options }).map(
    ([key, value]) => `${key}=${value}`,
  );
  return `zoo:${name}?${query.join("&")}`;
}

function firstShapes(name: string, { resolution = 64 }: ZooOptions): Record<string, number[]> {
  return name === "bert"
    ? { input_ids: [1, resolution] }
    : { input: [1, 3, resolution, resolution] };
}

async function measureProfile(
  prepared: PreparedGraph,
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<Profile> {
  const single = await profileGraph(prepared, { threads: 1 });
  const several = sizes.filter((size) => size > 1);
  const { batch, batches } = await profileBatches(prepared, { sizes: several, shapes, threads: 1 });
  const devices = { here: { ...single, batches } };
  return { format: "partita.profile/1", graph: prepared.graph, devices, batch };
}

/** What was planned for so many requests as one. */
interface Prepared {
  readonly size: number;
  readonly plan: Plan;
  readonly cluster: Cluster;
  readonly simulate: (arrivals: Arrivals) => JoinedSimulation;
}

async function measureModel(
  model: string,
  prepared: PreparedGraph,
  profile: Profile,
): Promise<Cell[]> {
  const questions = await prepareQuestions(prepared);
  const all: Prepared[] = [];
  try {
    await startAll(all, prepared, profile);
    return await measureAlternately(model, all, questions);
  } finally {
    for (const { cluster } of all) await cluster[Symbol.asyncDispose]();
  }
}

/** @param all grows, so that what was started can be ended if the next one fails */
async function startAll(all: Prepared[], prepared: PreparedGraph, profile: Profile): Promise<void> {
  const solver = await loadHighsSolver();
  for (const size of sizes) {
    const problem = problemOf(profile, size);
    const found = runPlanner(exact, problem, { seed: 1, clock: systemClock, solver });
    if ("type" in found) throw new Error(found.reason);
    const plan = asJoined(found, profile, { most: size, waitSeconds: seconds(0), tried: [] });
    const cluster = await startCluster(here, prepared, topology, plan);
    all.push({ size, plan, cluster, simulate: simulator(profile, found, size) });
  }
}

/** All clusters in turns. */
async function measureAlternately(
  model: string,
  all: readonly Prepared[],
  questions: readonly Question[],
): Promise<Cell[]> {
  const closed = new Map<number, Reply[][]>();
  // The first time is to wake everybody.
  for (let repeat = -1; repeat < repeats; repeat++) {
    for (const { size, cluster } of all) {
      const replies = await askClosed(cluster.client, questions, warmUp + requests);
      if (repeat >= 0) append(closed, size, replies);
    }
  }
  const rateFor = (base: number) => load * median((closed.get(base) ?? []).map(rateOf));
  const poisson = new Map<string, Reply[][]>();
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const { size, cluster } of all) {
      for (const base of basesOf(size)) {
        const arrivals = draw(rateFor(base), repeat);
        append(poisson, `${size} ${base}`, await askAt(cluster.client, questions, arrivals));
      }
    }
  }
  return all.map((one) => {
    const bases = basesOf(one.size).map((base): Asked => {
      return { base, rate: rateFor(base), replies: poisson.get(`${one.size} ${base}`) ?? [] };
    });
    return cellOf(model, one, closed.get(one.size) ?? [], bases);
  });
}

/** Poisson arrivals at a share of what the plan for so many requests as one answers. */
interface Asked {
  readonly base: number;
  readonly rate: number;
  readonly replies: readonly (readonly Reply[])[];
}

function basesOf(size: number): number[] {
  return [...new Set([1, size])];
}

function cellOf(
  model: string,
  { size, plan, cluster, simulate }: Prepared,
  closed: readonly (readonly Reply[])[],
  poisson: readonly Asked[],
): Cell {
  const { throughputPerSecond, latencySeconds } = plan.claimed;
  const inFlight = cluster.client.window;
  return {
    ...{ model, size, inFlight },
    devices: plan.stages.map(({ devices }) => devices.join()),
    planned: { perSecond: throughputPerSecond, latencySeconds },
    closed: {
      simulated: simulatedFigures([simulate({ type: "closed", inFlight })], true),
      measured: figuresOf(closed.map(behindWarmUp), closed.map(rateOf)),
    },
    poisson: poisson.map(({ base, rate, replies }) => ({
      ...{ of: base, rate },
      simulated: simulatedFigures(
        replies.map((_, repeat) => simulate({ type: "listed", seconds: draw(rate, repeat) })),
        false,
      ),
      measured: figuresOf(replies.map(behindWarmUp), null),
    })),
    answers: answersOf([...closed, ...poisson.flatMap(({ replies }) => replies)].flat()),
  };
}

async function prepareQuestions({ model, graph, types }: PreparedGraph): Promise<Question[]> {
  const session = await createOnnxRuntime().load(model, { threads: 1 });
  const declared = graph.inputs.flatMap((name) => {
    const type = types.get(name);
    return type === undefined ? [] : [{ name, ...type }];
  });
  const questions: Question[] = [];
  for (let seed = 1; seed <= 32; seed++) {
    // A run takes the buffers of its inputs away.
    const { outputs } = await session.run(sampleInputs(declared, seed));
    questions.push({ inputs: sampleInputs(declared, seed), alone: outputs });
  }
  await session.release();
  return questions;
}

function problemOf(profile: Profile, size: number): Problem {
  const objective = { type: "throughput" } as const;
  return createProblem(profileOfBatch(profile, size), topologyOfBatch(topology, size), objective);
}

function simulator(profile: Profile, plan: Plan, size: number): Prepared["simulate"] {
  const passes = windowOf(plan);
  const joining = { most: size, waitSeconds: 0, passes, rows: passes * size };
  const placement = placementOf(problemOf(profile, size), plan);
  return (arrivals) => {
    const options = { arrivals, requests: warmUp + requests, warmUp, joining };
    const found = simulateJoined((one) => problemOf(profile, one), placement, options);
    if (found.type === "infeasible") throw new Error(found.reason);
    return found;
  };
}

/** The same for whoever asks at the same rate. */
function draw(perSecond: number, repeat: number): number[] {
  const random = createRandom(1 + repeat);
  const next = arrivalTimes({ type: "poisson", perSecond, random }, warmUp + requests);
  return Array.from({ length: warmUp + requests }, next);
}

/** Between the last answer of the warm-up and the last of all. */
function rateOf(replies: readonly Reply[]): number {
  const from = replies[warmUp - 1]?.answeredAt ?? 0;
  return (replies.length - warmUp) / ((replies.at(-1)?.answeredAt ?? 0) - from);
}

function behindWarmUp(replies: readonly Reply[]): readonly Reply[] {
  return replies.slice(warmUp);
}

function simulatedFigures(found: readonly JoinedSimulation[], isClosed: boolean): Figures {
  const rates = found.map(({ periodSeconds }) => 1 / (periodSeconds ?? Number.NaN));
  const passes = found.map(({ requestsPerPass }) => requestsPerPass);
  return {
    perSecond: isClosed ? median(rates) : null,
    ...percentiles(found.map(({ measured }) => [...measured])),
    requestsPerPass: median(passes),
  };
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
