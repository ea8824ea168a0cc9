import { expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createRandom, type Random } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import { growthTopology } from "../../src/compare/growth-topologies.ts";
import { topologyAt } from "../../src/cost/state.ts";
import { readTopology } from "../../src/cost/topology-file.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { additiveCosts } from "../../src/plan/additive.ts";
import { type Parameter, stateAt } from "../../src/plan/envelope/box.ts";
import { createDecider, findReigns } from "../../src/plan/envelope/decision.ts";
import type { Envelope } from "../../src/plan/envelope/file.ts";
import { runEnvelope } from "../../src/plan/envelope.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { findLine } from "../../src/plan/line.ts";
import { cutLine } from "../../src/plan/planners/exact-line.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { zooNames } from "../../src/zoo/zoo.ts";
import { modelledProfile } from "../fixtures/modelled-profile.ts";
import { longRun, toProblem } from "./planner.ts";
import { randomQuestion } from "./planner-problems.ts";

const clock: Clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const questions = longRun ? 2000 : 420;
const statesPerQuestion = 12;

test.each(["latency", "energy", "weighted"] as const)(
  "in any state the envelope says what a fresh cut says, on random graphs: %s",
  { timeout: 600_000 },
  (objective) => {
    let compared = 0;
    let placements = 0;
    for (let seed = 1; seed <= questions; seed++) {
      const random = createRandom(seed);
      const question = randomQuestion(
        seed,
        { shape: "line", objective },
        { nodes: 10, devices: 2 + (seed % 2) },
      );
      const { keepLocal } = question.limits;
      const profile = seed % 3 === 0 ? withCodecs(question.profile, random) : question.profile;
      const limits = keepLocal === undefined ? {} : { keepLocal };
      const problem = toProblem({ ...question, profile, limits });
      const box = randomBox(problem, random);
      const found = compare(problem, box, random, statesPerQuestion, `seed ${seed}`);
      compared += found.compared;
      placements += found.placements;
    }
    expect(compared).toBeGreaterThan(questions * statesPerQuestion * 0.7);
    expect(placements).toBeGreaterThan(questions * 1.5);
  },
);

test("in a box too wide for exact cells it ends, and what it says of its excess holds", () => {
  let wide = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = createRandom(seed);
    const objective = seed % 2 === 0 ? "latency" : "energy";
    const size = { nodes: 10, devices: 2 + (seed % 2) };
    const question = randomQuestion(seed, { shape: "line", objective }, size);
    const problem = toProblem({ ...question, limits: {} });
    const box = randomBox(problem, random).map((parameter) => ({
      ...parameter,
      least: parameter.least * 1e-6,
      most: parameter.most * 1e6,
    }));
    wide += compare(problem, box, random, 20, `seed ${seed}`, 100).compared;
  }
  expect(wide).toBeGreaterThan(500);
});

const twoDevices = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, speed: 0.1 }
  - { name: cloud, tier: cloud }
links:
  - { between: [camera, cloud], bandwidth: 20 Mbit/s, latency: 15 ms }
source: camera
`);
const threeTiers = growthTopology("tiers", 3);
const range = { least: 1e5, most: 1e9 };
const slowDown = { type: "slow-down", least: 1, most: 10 } as const;

test.each(zooNames)("in any state the envelope says what a fresh cut says: %s", (name) => {
  const random = createRandom(1);
  const states = longRun ? 200 : 12;
  const profile = modelledProfile(name);
  const two = createProblem(profile, twoDevices, { type: "latency" });
  const three = createProblem(profile, threeTiers, { type: "latency" });
  const boxOfTwo = [
    { type: "bandwidth", links: [0, 1], ...range },
    { ...slowDown, device: 1 },
  ] as const;
  const boxOfThree = [
    { type: "bandwidth", links: [0, 1], ...range },
    { type: "bandwidth", links: [2, 3], ...range },
    { ...slowDown, device: 1 },
    { ...slowDown, device: 2 },
  ] as const;
  expect(compare(two, boxOfTwo, random, states, "two devices").compared).toBe(states);
  expect(compare(three, boxOfThree, random, states, "three tiers").compared).toBe(states);
});

interface Comparison {
  readonly compared: number;
  readonly placements: number;
}

/** Compares an envelope with cuts of the full graph in random states. */
function compare(
  problem: Problem,
  box: readonly Parameter[],
  random: Random,
  states: number,
  where: string,
  mostSolves: number = Number.POSITIVE_INFINITY,
): Comparison {
  const envelope = runEnvelope(problem, box, { clock, mostSolves });
  if ("type" in envelope) return { compared: 0, placements: 0 };
  const kept = envelope.placements.map(({ devices, codecs }) => JSON.stringify([devices, codecs]));
  expect(new Set(kept).size, `${where}: a placement stands there twice`).toBe(kept.length);
  const { decide, costOf } = createDecider(envelope);
  let compared = 0;
  for (let round = 0; round < states; round++) {
    const values = box.map(({ least, most }) => least * (most / least) ** random.next());
    const state = stateAt(problem, box, values);
    const fresh = createProblem(
      problem.profile,
      topologyAt(problem.topology, state),
      problem.objective,
      problem.limits,
    );
    const placement = decide(values);
    const cost = costOf(placement, values);
    const least = leastCost(fresh);
    compared++;
    expect(cost, `${where}: above the least cost`).toBeLessThanOrEqual(
      least * (1 + envelope.excess + 2e-9),
    );
    expect(cost, `${where}: below the least cost`).toBeGreaterThanOrEqual(least * (1 - 1e-9));
    const written = envelope.placements[placement];
    const coded = fresh.hops.withCodecs((link, tensor) => {
      const { from, to } = fresh.topology.links[link] ?? {};
      const name = fresh.index.graph.tensors[tensor]?.name;
      const codec = written?.codecs.find(
        (entry) => entry.tensor === name && entry.from === from && entry.to === to,
      );
      return codec?.codec ?? null;
    });
    const evaluation = evaluate({ ...fresh, hops: coded }, written?.devices ?? []);
    expect(evaluation.type, where).toBe("feasible");
    if (evaluation.type === "infeasible") continue;
    expect(Math.abs(evaluation.value - cost), where).toBeLessThanOrEqual(1e-9 * cost);
  }
  checkReigns(envelope, box, random, where);
  return { compared, placements: envelope.placements.length };
}

/** The reigns of a parameter cover its range without a gap, and agree with decisions within them. */
function checkReigns(
  envelope: Envelope,
  box: readonly Parameter[],
  random: Random,
  where: string,
): void {
  const { decide, costOf } = createDecider(envelope);
  const values = box.map(({ least, most }) => least * (most / least) ** random.next());
  box.forEach(({ least, most }, position) => {
    const reigns = findReigns(envelope, position, values);
    expect(reigns[0]?.from, where).toBeCloseTo(least, 9);
    expect((reigns.at(-1)?.to ?? 0) / most, where).toBeCloseTo(1, 9);
    reigns.forEach(({ placement, from, to }, reign) => {
      if (reign > 0) expect(from, where).toBe(reigns[reign - 1]?.to);
      const inside = from + (to - from) * random.next();
      const at = values.map((value, other) => (other === position ? inside : value));
      const least = costOf(decide(at), at);
      expect(Math.abs(costOf(placement, at) - least), where).toBeLessThanOrEqual(1e-9 * least);
    });
  });
}

function leastCost(problem: Problem): number {
  const line = findLine(problem);
  const costs = additiveCosts(problem);
  const cut = line === null || costs === null ? null : cutLine(problem, line, costs);
  if (cut === null) throw new Error("a problem of the test has no cut");
  const withoutMemory = {
    ...problem,
    devices: problem.devices.map((device) => ({ ...device, memoryBytes: null })),
  };
  const evaluation = evaluate(withoutMemory, cut.placement);
  if (evaluation.type === "infeasible") throw new Error(evaluation.reason);
  return evaluation.value;
}

/** Some links, alone or in pairs, and some devices; at least one of them. */
function randomBox({ topology, devices }: Problem, random: Random): Parameter[] {
  const links = random.shuffle(topology.links.map((_, link) => link));
  const box: Parameter[] = [];
  while (links.length > 0 && random.next() < 0.8 && box.length < 3) {
    const nominal = topology.links[links[0] ?? 0]?.bandwidthBitsPerSecond ?? 1;
    const group = links.splice(0, 1 + random.integer(2));
    box.push({ type: "bandwidth", links: group, least: nominal / 50, most: nominal * 50 });
  }
  devices.forEach((_, device) => {
    if (box.length === 0 || (random.next() < 0.4 && box.length < 4)) {
      box.push({ type: "slow-down", device, least: 0.5, most: 8 });
    }
  });
  return box;
}

function withCodecs<T extends { readonly graph: Graph }>(profile: T, random: Random): T {
  const tensors = profile.graph.tensors.map((tensor) => ({
    ...tensor,
    codecs: {
      fast: codec(1 + random.next(), random.next()),
      small: codec(2 + 2 * random.next(), 4 * random.next()),
    },
  }));
  return { ...profile, graph: { ...profile.graph, tensors } };
}

function codec(ratio: number, secondsPerByte: number) {
  return { ratio, encodeSecondsPerByte: secondsPerByte, decodeSecondsPerByte: secondsPerByte / 2 };
}
