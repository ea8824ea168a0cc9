import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import type { State } from "../../src/cost/state.ts";
import type { Trace } from "../../src/cost/trace.ts";
import { costAt, costLine } from "../../src/plan/cost-line.ts";
import { type Evaluation, evaluate } from "../../src/plan/evaluate.ts";
import type { Placement, Problem } from "../../src/plan/problem.ts";
import { groupStages, isPipeline } from "../../src/plan/stages.ts";
import { destinationsOf } from "../../src/plan/transfers.ts";
import {
  type Simulation,
  type SimulationOptions,
  type Span,
  simulate,
} from "../../src/sim/pipeline.ts";
import { longRun, toProblem } from "./planner.ts";
import { randomQuestion } from "./planner-problems.ts";

const seeds = longRun ? 400 : 40;
const slow = { timeout: 600_000 };

interface Case {
  readonly problem: Problem;
  readonly placement: Placement;
  readonly claimed: Evaluation;
  readonly where: string;
}

test(
  "one request at a time takes the plan's latency where all is one path, and never more",
  slow,
  () => {
    let paths = 0;
    const faster = [...cases(4 * seeds)].filter(({ problem, placement, claimed, where }) => {
      const { latencySeconds: found } = run(problem, placement, { requests: 3, ...closed(1) });
      const { latencySeconds: claim } = claimed;
      expect(Math.max(...found), where).toBeLessThanOrEqual(claim * (1 + 1e-9));
      if (!isPath(problem, placement)) return Math.max(...found) < claim * (1 - 1e-9);
      paths++;
      expect(Math.min(...found), where).toBeGreaterThanOrEqual(claim * (1 - 1e-9));
      return false;
    });
    expect(paths).toBeGreaterThan(seeds);
    expect(faster.length).toBeGreaterThan(seeds);
  },
);

test("a full pipeline of overlapped devices answers once in the plan's period", slow, () => {
  const counts = { all: 0, visitOnce: 0 };
  for (const { problem, placement, claimed, where } of cases(seeds)) {
    const { periodSeconds: period, latencySeconds: latency } = claimed;
    if (!isPipeline(problem.index, placement) || hasExclusive(problem) || period === 0) continue;
    // Every step of a request waits for at most one round of the others.
    const inFlight = Math.ceil(latency / period) + stepsAtMost(claimed);
    const options = { requests: 3000, warmUp: 2000, ...closed(inFlight) };
    const { periodSeconds, answeredAtSeconds: answers } = run(problem, placement, options);
    expect(relative(periodSeconds, period), where).toBeGreaterThanOrEqual(-1e-9);
    expect(relative(periodSeconds, period), where).toBeLessThanOrEqual(1e-6);
    counts.all++;
    // Answers alone: where a request comes back to a server they may come in bursts.
    const between = (first: number, last: number): number =>
      ((answers[last] as number) - (answers[first] as number)) / period - (last - first);
    for (const first of [1000, 1777, 1999]) {
      expect(Math.abs(between(first, first + 1000)), where).toBeLessThan(2);
    }
    if (!visitsOnce(problem, placement)) continue;
    counts.visitOnce++;
    expect(Math.abs(between(1999, 2999)) / 1000, where).toBeLessThanOrEqual(1e-6);
    expect(Math.abs(between(2998, 2999)), where).toBeLessThanOrEqual(1e-6);
  }
  expect(counts.all).toBeGreaterThan(seeds);
  expect(counts.visitOnce).toBeGreaterThan(seeds / 4);
});

test("no answers come faster than the plan's period, however many are in flight", slow, () => {
  let exclusive = 0;
  for (const { problem, placement, claimed, where } of cases(seeds)) {
    if (claimed.periodSeconds === 0) continue;
    if (hasExclusive(problem)) exclusive++;
    for (const inFlight of [1, 2, 3, 7, 40]) {
      const options = { requests: 700, warmUp: 200, ...closed(inFlight) };
      const { periodSeconds, servers } = run(problem, placement, options);
      expect(
        relative(periodSeconds, claimed.periodSeconds),
        `${where}, ${inFlight} in flight`,
      ).toBeGreaterThanOrEqual(-1e-9);
      expect(Math.max(...servers.map(({ share }) => share))).toBeLessThanOrEqual(1 + 1e-9);
      const busiest = Math.max(...servers.map(({ secondsPerRequest }) => secondsPerRequest));
      expect(Math.abs(relative(busiest, claimed.periodSeconds)), where).toBeLessThanOrEqual(1e-9);
    }
  }
  expect(exclusive).toBeGreaterThan(seeds / 8);
});

test(
  "answers since the beginning never outrun the plan's period, whatever arrives when",
  slow,
  () => {
    for (const { problem, placement, claimed, where } of cases(seeds)) {
      const random = createRandom(seeds);
      const perSecond = 1.5 / (claimed.periodSeconds || 1);
      const options = { requests: 200, arrivals: { type: "poisson", perSecond, random } } as const;
      const { answeredAtSeconds } = run(problem, placement, options);
      answeredAtSeconds.forEach((seconds, request) => {
        const least = (request + 1) * claimed.periodSeconds * (1 - 1e-9);
        expect(seconds, `${where}, request ${request}`).toBeGreaterThanOrEqual(least);
      });
    }
  },
);

test(
  "a world that is in one state from the beginning gives the latency of that state",
  slow,
  () => {
    let compared = 0;
    for (const { problem, placement, where } of cases(2 * seeds)) {
      const line = costLine({ ...problem, objective: { type: "latency" } }, placement);
      if (line === null || !isPath(problem, placement)) continue;
      const { state, trace } = constantWorld(problem, createRandom(compared));
      const { latencySeconds } = run(problem, placement, { requests: 2, trace, ...closed(1) });
      const claim = costAt(line, state);
      if (claim === 0) continue;
      expect(Math.abs(relative(latencySeconds[1] ?? 0, claim)), where).toBeLessThanOrEqual(1e-9);
      compared++;
    }
    expect(compared).toBeGreaterThan(seeds / 2);
  },
);

/** Random placements of random problems, some on all devices and some in the order of the nodes. */
function* cases(count: number): Generator<Case> {
  for (let seed = 1; seed <= count; seed++) {
    for (const shape of ["line", "mesh"] as const) {
      const objective = seed % 2 === 0 ? "throughput" : "latency";
      const question = randomQuestion(seed, { shape, objective }, { nodes: 8, devices: 4 });
      const problem = toProblem({ ...question, limits: {} });
      const random = createRandom(seed);
      for (let trial = 0; trial < 4; trial++) {
        const devices = problem.index.graph.nodes.map(() => random.integer(problem.devices.length));
        const placement = trial < 2 ? devices.sort((a, b) => a - b) : devices;
        const claimed = evaluate(problem, placement);
        if (claimed.type === "infeasible") continue;
        yield { problem, placement, claimed, where: `seed ${seed}, ${shape}, ${placement}` };
      }
    }
  }
}

function run(problem: Problem, placement: Placement, options: SimulationOptions): Simulation {
  const found = simulate(problem, placement, options);
  if (found.type === "infeasible") throw new Error(found.reason);
  return found;
}

const closed = (inFlight: number) => ({ arrivals: { type: "closed", inFlight } }) as const;

const relative = (found: number | null, claim: number): number => (found ?? Number.NaN) / claim - 1;

/** Whether a request needs no device, link or medium for more than one thing. */
function visitsOnce(problem: Problem, placement: Placement): boolean {
  const servers: number[] = [];
  const onSpan = ({ server }: Span): void => {
    servers.push(server);
  };
  run(problem, placement, { requests: 1, arrivals: { type: "listed", seconds: [0] }, onSpan });
  return new Set(servers).size === servers.length;
}

const hasExclusive = ({ devices }: Problem): boolean =>
  devices.some(({ communication }) => communication === "exclusive");

const stepsAtMost = ({ hops, computeSeconds }: Evaluation): number =>
  computeSeconds.length + 4 * hops.length;

/**
 * Whether tensors travel only from the source to the first stage, from each stage to the next, and
 * from the last to the sink: then nothing that a request needs can be done at the same time.
 */
function isPath(problem: Problem, placement: Placement): boolean {
  const { index } = problem;
  const stages = groupStages(index, placement);
  const stageOf = new Map(stages.flatMap(({ nodes }, stage) => nodes.map((node) => [node, stage])));
  const joined = new Set<number>();
  const steps = index.graph.tensors.flatMap((_, tensor) => {
    const producer = index.producer[tensor] ?? null;
    const from = producer === null ? -1 : (stageOf.get(producer) as number);
    const readers = (index.consumers[tensor] ?? []).map((node) => stageOf.get(node) as number);
    const away = destinationsOf(problem, placement, tensor);
    const isDelivered = problem.sink !== null && away.includes(problem.sink);
    const isAnswer = isDelivered && index.outputs.includes(tensor);
    // What lies at the source is there for every stage on it.
    const reached = readers.filter(
      (stage) => stage !== from && (from >= 0 || away.includes(stages[stage]?.device ?? -1)),
    );
    if (from >= 0 && reached.includes(from + 1)) joined.add(from);
    return [...reached, ...(isAnswer ? [stages.length] : [])].map((to) => to - from);
  });
  return steps.every((step) => step === 1) && joined.size === stages.length - 1;
}

function constantWorld(problem: Problem, random: Random): { state: State; trace: Trace } {
  const { links, devices } = problem.topology;
  const state: State = {
    bandwidthBitsPerSecond: links.map(
      (link) => link.bandwidthBitsPerSecond * (0.25 + 4 * random.next()),
    ),
    slowDown: devices.map(() => 0.5 + 3 * random.next()),
  };
  const changes: Trace["changes"] = [
    ...state.bandwidthBitsPerSecond.map((bandwidthBitsPerSecond, link) => ({
      seconds: 0,
      link,
      bandwidthBitsPerSecond,
    })),
    ...state.slowDown.map((slowDown, device) => ({ seconds: 0, device, slowDown })),
  ];
  return { state, trace: { start: state, changes } };
}
