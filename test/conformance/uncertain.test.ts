import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import { nominalState } from "../../src/cost/state.ts";
import type { WeightedState } from "../../src/cost/trace.ts";
import { check, placementOf } from "../../src/plan/check.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import { loadHighsSolver } from "../../src/plan/highs.node.ts";
import { readPlan } from "../../src/plan/plan.ts";
import { exact } from "../../src/plan/planners/exact.ts";
import type { Placement, Problem } from "../../src/plan/problem.ts";
import { problemAt } from "../../src/plan/problem-at.ts";
import { runPlanner } from "../../src/plan/run-planner.ts";
import type { Solve } from "../../src/plan/solve.ts";
import type { Judge } from "../../src/plan/uncertain/judge.ts";
import { planUncertain } from "../../src/plan/uncertain.ts";
import type { Uncertainty } from "../../src/plan/uncertainty.ts";
import { everyPlacement } from "../fixtures/every-placement.ts";
import { toProblem } from "./planner.ts";
import { randomQuestion } from "./planner-problems.ts";

const clock = { now: () => seconds(0), sleep: () => Promise.resolve() };
const solver = await loadHighsSolver();
const solve: Solve = (problem) => runPlanner(exact, problem, { seed: 1, clock });

interface Case {
  readonly problem: Problem;
  readonly states: readonly WeightedState[];
  /** The problem in each of the states. */
  readonly changed: readonly Problem[];
  /** What each placement that is allowed costs in each of the states. */
  readonly costs: readonly (readonly number[])[];
}

/** A random problem whose links, and with `loads` devices, change between random states. */
function randomCase(seed: number, count: number, vary: (random: Random) => boolean): Case {
  const objective = (["latency", "energy", "weighted"] as const)[seed % 3] as "latency";
  const shape = seed % 2 === 0 ? "line" : "mesh";
  const question = randomQuestion(seed, { shape, objective }, { nodes: 5, devices: 3 });
  const { keepLocal } = question.limits;
  const problem = toProblem({ ...question, limits: keepLocal === undefined ? {} : { keepLocal } });
  const random = createRandom(seed + 1000);
  const stated = nominalState(problem.topology);
  const changing = stated.bandwidthBitsPerSecond.map(() => vary(random));
  const loaded = stated.slowDown.map(() => vary(random) && random.next() < 0.5);
  const states = Array.from({ length: count }, () => ({
    state: {
      bandwidthBitsPerSecond: stated.bandwidthBitsPerSecond.map((rate, link) =>
        changing[link] ? rate * 2 ** (6 * random.next() - 4) : rate,
      ),
      slowDown: stated.slowDown.map((_, device) => (loaded[device] ? 1 + 3 * random.next() : 1)),
    },
    weightSeconds: 1 + random.integer(4),
  }));
  const changed = states.map(({ state }) => problemAt(problem, state));
  const placements = everyPlacement(problem.index.graph.nodes.length, problem.devices.length);
  const costs = [...placements].flatMap((placement) => {
    const found = costsOf({ problem, changed }, placement);
    return found === null ? [] : [found];
  });
  return { problem, states, changed, costs };
}

/** What a placement costs in each state, with the routes and codecs of the problem. */
function costsOf(
  { problem, changed }: Pick<Case, "problem" | "changed">,
  placement: Placement,
): readonly number[] | null {
  if (evaluate(problem, placement).type === "infeasible") return null;
  return changed.map((other) => {
    const found = evaluate(other, placement);
    return "value" in found ? found.value : Number.NaN;
  });
}

/** One figure of the costs in all states. */
function judged({ states }: Case, costs: readonly number[], judge: Judge): number {
  const weighted = states.map(({ weightSeconds }, state) => ({
    cost: costs[state] as number,
    weight: weightSeconds,
  }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (judge === "mean") {
    return weighted.reduce((sum, { cost, weight }) => sum + (cost * weight) / total, 0);
  }
  let reached = 0;
  for (const { cost, weight } of weighted.sort((a, b) => a.cost - b.cost)) {
    reached += weight;
    if (reached >= judge * total * (1 - 1e-12)) return cost;
  }
  return Number.NaN;
}

/** The best of all placements. */
function bestOf(given: Case, judge: Judge): number | null {
  const values = given.costs.map((costs) => judged(given, costs, judge));
  return values.length === 0 ? null : Math.min(...values);
}

/** Plans, checks everything that does not depend on the best, and returns both. */
function tryCase(given: Case, judge: Judge, where: string): [Uncertainty, number] | null {
  const best = bestOf(given, judge);
  const { problem, states } = given;
  const plan = planUncertain(problem, { solve, solver, judge, states, seed: 1 });
  expect("type" in plan, where).toBe(best === null);
  if ("type" in plan || best === null) return null;
  expect(() => check(problem, readPlan(JSON.stringify(plan))), where).not.toThrow();
  const uncertainty = plan.uncertainty as Uncertainty;
  const { value, bound } = uncertainty;
  const placement = placementOf(problem, plan);
  const costs = costsOf(given, placement) as readonly number[];
  expect(value, where).toBeCloseTo(judged(given, costs, judge), 9);
  const close = 1e-9 * best;
  expect(value, where).toBeGreaterThanOrEqual(best - close);
  expect(bound, where).not.toBeNull();
  expect(bound, where).toBeLessThanOrEqual(best + close);
  const { stated, adapting } = uncertainty.compared;
  expect(stated?.judged, where).toBeGreaterThanOrEqual(value - close);
  expect(adapting?.mean, where).toBeLessThanOrEqual(uncertainty.mean + close);
  return [uncertainty, best];
}

test("the plan for the mean is the best of all placements, and proven to be", () => {
  let tried = 0;
  let trapped = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const given = randomCase(seed, 6, () => true);
    const found = tryCase(given, "mean", `seed ${seed}`);
    if (found === null) continue;
    const [{ value, gap, compared }, best] = found;
    tried++;
    expect(gap, `seed ${seed}`).toBe(0);
    expect(Math.abs(value - best), `seed ${seed}`).toBeLessThanOrEqual(1e-9 * best);
    if ((compared["meanBandwidth"]?.mean ?? 0) > best * 1.001) trapped++;
  }
  expect(tried).toBeGreaterThan(25);
  // Planning for the mean bandwidth is a mistake that costs something.
  expect(trapped).toBeGreaterThan(2);
});

test("with one thing that varies the plan for a quantile is the best of all, and proven to be", () => {
  let tried = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const chosen = { link: -1 };
    const given = randomCase(seed, 12, (random) => {
      if (chosen.link >= 0 || random.next() < 0.5) return false;
      chosen.link = 1;
      return true;
    });
    for (const judge of [0.5, 0.9]) {
      const found = tryCase(given, judge, `seed ${seed}, ${judge}`);
      if (found === null) continue;
      tried++;
      expect(found[0].gap, `seed ${seed}, ${judge}`).toBe(0);
    }
  }
  expect(tried).toBeGreaterThan(50);
});

test("with many things that vary the bound of a quantile holds, and the plan is near it", () => {
  const excesses: number[] = [];
  const gaps: number[] = [];
  for (let seed = 1; seed <= 12; seed++) {
    const found = tryCase(
      randomCase(seed, 25, () => true),
      0.9,
      `seed ${seed}`,
    );
    if (found === null) continue;
    const [{ value, gap }, best] = found;
    excesses.push(value / best - 1);
    gaps.push(gap as number);
  }
  expect(excesses.length).toBeGreaterThan(8);
  const share = (values: readonly number[], most: number): number =>
    values.filter((value) => value <= most).length / values.length;
  expect(share(excesses, 1e-9)).toBeGreaterThan(0.9);
  expect(share(gaps, 0.05)).toBeGreaterThan(0.5);
});
