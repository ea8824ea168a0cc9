import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { seconds, watts } from "../../src/base/units.ts";
import { check } from "../../src/plan/check.ts";
import type { Objective } from "../../src/plan/objective.ts";
import { type Axis, parseAxes } from "../../src/plan/pareto/axis.ts";
import { type Front, findFront, frontSchema, type Values } from "../../src/plan/pareto.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import { createProblem, type Problem } from "../../src/plan/problem.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import type { Solve } from "../../src/plan/solve.ts";
import { everyPlacement } from "../fixtures/every-placement.ts";
import { toProblem } from "./planner.ts";
import { createOracle, type Figures, type Question } from "./planner-oracle.ts";
import { randomQuestion } from "./planner-problems.ts";

const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const solve: Solve = (problem) => runPlanner(exact, problem, { seed: 1, clock });

/** Every allowed placement's figures. */
function enumerate(question: Question): Figures[] {
  const oracle = createOracle(question);
  const { profile, topology } = question;
  const all = everyPlacement(profile.graph.nodes.length, topology.devices.length);
  return [...all].map((placement) => oracle.cost(placement)).filter((figures) => figures !== null);
}

function withoutCodecs({ profile, ...question }: Question): Question {
  const tensors = profile.graph.tensors.map(({ codecs: _, ...tensor }) => tensor);
  return { ...question, profile: { ...profile, graph: { ...profile.graph, tensors } } };
}

/** Fast devices draw more than they save in time, so that latency and energy disagree. */
function withHungryDevices({ topology, ...question }: Question): Question {
  const devices = topology.devices.map((device, position) => ({
    ...device,
    speed: 2 ** position,
    busyWatts: watts(2 * 4 ** position),
    idleWatts: watts(0),
  }));
  return { ...question, limits: {}, topology: { ...topology, devices } };
}

function valuesOf(figures: Figures, axes: readonly [Axis, Axis], problem: Problem): Values {
  const at = (axis: Axis): number => {
    if (axis.type === "latency") return figures.latencySeconds;
    if (axis.type === "energy") return figures.energyJoules;
    if (axis.type === "throughput") return figures.periodSeconds;
    const device = problem.devices.findIndex(({ name }) => name === axis.device);
    return axis.device === null
      ? Math.max(...figures.memoryBytes)
      : (figures.memoryBytes[device] as number);
  };
  return [at(axes[0]), at(axes[1])];
}

const isBelow = (a: number, b: number): boolean => a < b - 1e-9 * Math.abs(b);

/** The points that no other one is at least as good as in both figures. */
function undominated(all: readonly Values[]): Values[] {
  const sorted = [...all].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const kept: Values[] = [];
  for (const point of sorted) {
    if (kept.every(([, y]) => isBelow(point[1], y))) kept.push(point);
  }
  return kept;
}

/** Vertices of the lower left hull, by trying every pair of points around every point. */
function hullOf(all: readonly Values[]): Values[] {
  const candidates = undominated(all);
  return candidates.filter(
    ([x, y]) =>
      !candidates.some(([ax, ay]) =>
        candidates.some(([bx, by]) => {
          if (!(ax < x && x < bx)) return false;
          const onLine = ay + ((by - ay) * (x - ax)) / (bx - ax);
          return y >= onLine - 1e-9 * Math.abs(onLine);
        }),
      ),
  );
}

function expectPoints(front: Front, expected: readonly Values[], where: string): void {
  const found = front.points.map(({ values }) => values);
  const text = `${where}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`;
  expect(found.length, text).toBe(expected.length);
  found.forEach(([x, y], position) => {
    const [ex, ey] = expected[position] as Values;
    expect(Math.abs(x - ex), text).toBeLessThanOrEqual(1e-8 * ex);
    expect(Math.abs(y - ey), text).toBeLessThanOrEqual(1e-8 * ey);
  });
}

function expectSound(front: Front, problem: Problem, where: string): void {
  expect(frontSchema.safeParse(JSON.parse(JSON.stringify(front))).success, where).toBe(true);
  for (const { plan } of front.points) {
    const { profile, topology } = problem;
    const made = createProblem(profile, topology, objectiveOf(plan.objective), plan.limits);
    expect(() => check(made, plan), where).not.toThrow();
  }
}

function objectiveOf(text: string): Objective {
  const factor = /\+ (\S+) s\/J/.exec(text)?.[1];
  if (factor === undefined) return { type: text } as Objective;
  return { type: "weighted", latency: 1, energySecondsPerJoule: Number(factor) };
}

test.each(["line", "mesh"] as const)(
  "latency against energy: all vertices of the hull of all placements, and nothing else, on a %s",
  (shape) => {
    let compared = 0;
    let corners = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const where = `seed ${seed}`;
      const size = { nodes: 6, devices: 3 };
      const random = randomQuestion(seed, { shape, objective: "weighted" }, size);
      const plain = withoutCodecs({ ...random, objective: { type: "latency" } });
      const question = seed % 4 === 0 ? plain : withHungryDevices(plain);
      const problem = toProblem(question);
      const text = seed % 2 === 0 ? "latency,energy" : "energy,latency";
      const axes = parseAxes(text, problem.topology);
      const all = enumerate(question).map((figures) => valuesOf(figures, axes, problem));
      const front = findFront(problem, axes, { solve, points: 12 });
      expect("type" in front, where).toBe(all.length === 0);
      if ("type" in front) continue;
      compared++;
      corners += front.points.length - 1;
      expect(front.complete, where).toBe(true);
      expectPoints(front, hullOf(all), where);
      expectSound(front, problem, where);
    }
    expect(compared).toBeGreaterThan(40);
    expect(corners).toBeGreaterThan(40);
  },
);

test("latency against energy with codecs: no weighted sum is smaller anywhere", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const question = randomQuestion(
      seed,
      { shape: "mesh", objective: "weighted" },
      { nodes: 5, devices: 3 },
    );
    const problem = toProblem({ ...question, limits: {} });
    const axes = parseAxes("latency,energy", problem.topology);
    const front = findFront(problem, axes, { solve, points: 12 });
    if ("type" in front) continue;
    const random = createRandom(seed);
    for (let weight = 0; weight < 3; weight++) {
      const energySecondsPerJoule = 2 ** (6 * random.next() - 4);
      const objective = { type: "weighted", latency: 1, energySecondsPerJoule } as const;
      const best = createOracle({ ...question, limits: {}, objective }).best()?.value as number;
      const least = Math.min(
        ...front.points.map(
          ({ values: [latency, energy] }) => latency + energySecondsPerJoule * energy,
        ),
      );
      expect(Math.abs(least - best), `seed ${seed}`).toBeLessThanOrEqual(1e-9 * best);
    }
  }
});

test.each([
  ["latency,throughput", "latency"],
  ["energy,throughput", "energy"],
  ["memory,latency", "latency"],
  ["throughput,memory", "throughput"],
] as const)("%s: no placement beats a point by more than its gap", (text, objective) => {
  let points = 0;
  let complete = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const where = `${text}, seed ${seed}`;
    const random = randomQuestion(
      seed,
      { shape: seed % 2 === 0 ? "line" : "mesh", objective },
      { nodes: 5, devices: 3 },
    );
    const question = withoutCodecs({ ...random, limits: {} });
    const problem = toProblem(question);
    const axes = parseAxes(text, problem.topology);
    const all = enumerate(question).map((figures) => valuesOf(figures, axes, problem));
    const front = findFront(problem, axes, { solve, points: 40 });
    expect("type" in front, where).toBe(all.length === 0);
    if ("type" in front) continue;
    expectSound(front, problem, where);
    const minimised = text === "memory,latency" ? 1 : 0;
    for (const { values, gap } of front.points) {
      points++;
      expect(gap, where).not.toBeNull();
      const least = (values[minimised] as number) * (1 - (gap as number));
      const better = all.find(
        (other) =>
          (other[1 - minimised] as number) <= (values[1 - minimised] as number) &&
          isBelow(other[minimised] as number, least),
      );
      expect(better, `${where}: ${values}`).toBeUndefined();
    }
    if (!front.complete) continue;
    complete++;
    const end = Math.min(...front.points.map(({ values }) => values[1 - minimised] as number));
    const expected = undominated(all).filter(
      (point) => (point[1 - minimised] as number) >= end * (1 - 1e-9),
    );
    expectPoints(front, expected, where);
  }
  expect(points).toBeGreaterThan(25);
  expect(complete).toBeGreaterThan(12);
});
