/**
 * Latencies under Poisson arrivals over HTTP, against the simulator's for the same arrivals. What the
 * simulator knows is a profile that was measured here just before; calibrated, it also knows how long
 * each device really kept a request, and what the way from the client and back adds, both from one
 * run at another load, which is not judged.
 *
 * @module
 */
import { systemClock } from "../../dist/base/clock.node.js";
import { createRandom } from "../../dist/base/random.js";
import { seconds } from "../../dist/base/units.js";
import type { Topology } from "../../dist/cost/topology.js";
import { readTopology } from "../../dist/cost/topology-file.js";
import { placementOf } from "../../dist/plan/check.js";
import type { Plan } from "../../dist/plan/plan.js";
import { prepareGraph } from "../../dist/runtime/prepare.node.js";
import { profileGraph } from "../../dist/runtime/profile-graph.node.js";
import { arrivalTimes } from "../../dist/sim/arrivals.js";
import { simulate } from "../../dist/sim/pipeline.js";
import { buildZoo } from "../../dist/zoo/zoo.js";
import { mean, median, quantile } from "./figures.js";
import { bestPlan, throughputProblem } from "./plans.js";
import { type Question, requireRight, type Setting, startSetting } from "./setting.js";

export interface PoissonCell {
  /** Of the measured capacity. */
  readonly load: number;
  readonly seed: number;
  readonly perSecond: number;
  readonly requests: number;
  readonly measured: Quantiles;
  /** From the profile alone. */
  readonly simulated: Quantiles;
  readonly calibrated: Quantiles;
  /** Measured ÷ calibrated. */
  readonly p99Ratio: number;
}

export interface Quantiles {
  readonly meanSeconds: number;
  readonly p50Seconds: number;
  readonly p99Seconds: number;
}

export interface PoissonResult {
  readonly network: string;
  readonly topology: string;
  readonly stages: readonly { readonly device: string; readonly claimedSeconds: number }[];
  readonly claimedPerSecond: number;
  readonly capacityPerSecond: number;
  readonly calibration: Calibration;
  readonly cells: readonly PoissonCell[];
}

interface Calibration {
  readonly load: number;
  /** Measured ÷ claimed seconds of each device's stage, means. */
  readonly slower: Readonly<Record<string, number>>;
  /** Of the client's way to the cluster and back and of hops; median. */
  readonly addedSeconds: number;
}

const network = "mobilenetv2";
const topologyText = `
format: partita.topology/1
devices:
  - { name: camera, speed: 0.25 }
  - { name: cloud, tier: cloud, speed: 0.4 }
links: [{ between: [camera, cloud], bandwidth: 200 Mbit/s, latency: 2 ms }]
source: camera
sink: camera
`;
const calibrationLoad = 0.3;
/** The first two validate the calibration; the target is at the third, five times. */
const loads: readonly (readonly [load: number, seeds: readonly number[]])[] = [
  [0.5, [1]],
  [0.6, [2]],
  [0.7, [3, 4, 5, 6, 7]],
];
const requests = 1000;
const warmUp = 50;
const capacityRequests = 400;

interface Run {
  /** Seconds from the first to come, when each was to come. */
  readonly arrivals: Float64Array;
  /** From when it was to come: a client that is late counts. */
  readonly latencies: Float64Array;
}

export async function measurePoisson(): Promise<PoissonResult> {
  const prepared = await prepareGraph(buildZoo(network), { level: "extended" });
  const measured = await profileGraph(prepared, { threads: 1 });
  const topology = readTopology(topologyText);
  const problem = throughputProblem(prepared, measured, topology);
  const plan = bestPlan(problem);
  const placement = placementOf(problem, plan);
  await using setting = await startSetting({ prepared, topology, plan, emulate: true });
  const capacityPerSecond = await measureCapacity(setting);
  const busy = await stageSeconds(setting, calibrationLoad * capacityPerSecond);
  const slower = slownessOf(plan, busy);
  const calibrated = throughputProblem(prepared, measured, slowed(topology, slower));
  const simulated = (of: typeof problem, arrivals: Float64Array): Float64Array => {
    const found = simulate(of, placement, {
      arrivals: { type: "listed", seconds: arrivals },
      requests: arrivals.length,
    });
    if (found.type === "infeasible") throw new Error(found.reason);
    return found.latencySeconds;
  };
  const quiet = await askAtRandom(setting, calibrationLoad * capacityPerSecond, 0);
  const expected = simulated(calibrated, quiet.arrivals);
  const addedSeconds = median(quiet.latencies.map((value, at) => value - (expected[at] as number)));
  const cells: PoissonCell[] = [];
  for (const [load, seeds] of loads) {
    for (const seed of seeds) {
      const perSecond = load * capacityPerSecond;
      const { arrivals, latencies } = await askAtRandom(setting, perSecond, seed);
      const found = {
        measured: quantilesOf(latencies),
        simulated: quantilesOf(simulated(problem, arrivals)),
        calibrated: quantilesOf(simulated(calibrated, arrivals).map((one) => one + addedSeconds)),
      };
      const p99Ratio = found.measured.p99Seconds / found.calibrated.p99Seconds;
      cells.push({ load, seed, perSecond, requests: requests - warmUp, ...found, p99Ratio });
      console.error(`load ${load}, seed ${seed}: p99 ${p99Ratio.toFixed(2)} x the simulator's`);
    }
  }
  return {
    ...{ network, topology: topologyText, capacityPerSecond, cells },
    stages: stagesOf(plan),
    claimedPerSecond: plan.claimed.throughputPerSecond,
    calibration: { load: calibrationLoad, slower, addedSeconds },
  };
}

function stagesOf(plan: Plan): PoissonResult["stages"] {
  return plan.stages.map(({ devices, seconds: claimedSeconds }) => ({
    device: devices[0] ?? "",
    claimedSeconds,
  }));
}

/** Of each device: how long it was really taken, for what the plan claims. */
function slownessOf(
  { stages }: Plan,
  busy: ReadonlyMap<string, readonly number[]>,
): Record<string, number> {
  const names = new Set(stages.flatMap(({ devices }) => devices));
  return Object.fromEntries(
    [...names].map((name) => {
      const own = stages.filter(({ devices }) => devices[0] === name);
      const taken = own.reduce((sum, { id }) => sum + mean(busy.get(id) ?? []), 0);
      return [name, taken / own.reduce((sum, { seconds: claimed }) => sum + claimed, 0)];
    }),
  );
}

function slowed(topology: Topology, slower: Readonly<Record<string, number>>): Topology {
  const devices = topology.devices.map((device) => ({
    ...device,
    speed: device.speed / (slower[device.name] ?? 1),
  }));
  return { ...topology, devices };
}

/** Answers a second with as many requests in flight as the cluster takes. */
async function measureCapacity(setting: Setting): Promise<number> {
  const ends: number[] = [];
  let next = 0;
  const askOn = async (): Promise<void> => {
    while (next < capacityRequests) {
      await askOne(setting, next++);
      ends.push(systemClock.now());
    }
  };
  const { window } = setting.client;
  await Promise.all(Array.from({ length: window }, askOn));
  // Without filling and draining.
  const steady = ends.slice(window, -window);
  return (steady.length - 1) / ((steady.at(-1) as number) - (steady[0] as number));
}

/** How long each stage kept its device, at the calibration's load. */
async function stageSeconds(
  setting: Setting,
  perSecond: number,
): Promise<ReadonlyMap<string, number[]>> {
  const busy = new Map<string, number[]>();
  await openLoop(perSecond, 0, requests / 2, async (request) => {
    const { inputs } = questionAt(setting, request);
    const { timings } = await setting.client.infer(inputs);
    for (const { stage, busySeconds } of timings.stages) {
      const found = busy.get(stage) ?? [];
      busy.set(stage, found);
      found.push(busySeconds);
    }
  });
  return busy;
}

function askAtRandom(setting: Setting, perSecond: number, seed: number): Promise<Run> {
  return openLoop(perSecond, seed, requests, (request) => askOne(setting, request));
}

/** Seeded Poisson arrivals; nothing waits for answers. */
async function openLoop(
  perSecond: number,
  seed: number,
  count: number,
  ask: (request: number) => Promise<void>,
): Promise<Run> {
  const random = createRandom(seed);
  const next = arrivalTimes({ type: "poisson", perSecond, random }, count);
  const arrivals = Float64Array.from({ length: count }, next);
  const latencies = new Float64Array(count);
  const start = systemClock.now();
  const asked: Promise<void>[] = [];
  for (const [request, arrival] of arrivals.entries()) {
    const at = start + arrival;
    const left = at - systemClock.now();
    if (left > 0) await systemClock.sleep(seconds(left));
    asked.push(
      ask(request).then(() => {
        latencies[request] = systemClock.now() - at;
      }),
    );
  }
  await Promise.all(asked);
  return { arrivals, latencies };
}

async function askOne(setting: Setting, request: number): Promise<void> {
  const question = questionAt(setting, request);
  requireRight(question, await setting.http.ask(question.input));
}

function questionAt({ questions }: Setting, request: number): Question {
  return questions[request % questions.length] as Question;
}

function quantilesOf(latencies: Float64Array): Quantiles {
  const counted = latencies.subarray(warmUp);
  return {
    meanSeconds: mean([...counted]),
    p50Seconds: median(counted),
    p99Seconds: quantile(counted, 0.99),
  };
}
