/**
 * Several models against every joint placement, and against all orders tried in the dumbest way.
 *
 * On lines, where there is one route from a device to another, and without codecs: a plan that was
 * made beside others and one that was made alone then differ by nothing but their placements.
 */
import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import type { Profile } from "../../src/cost/profile.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { createProblem, type Placement, type Problem } from "../../src/plan/problem.ts";
import { forGraph } from "../../src/plan/reservation.ts";
import { type PlacedModel, remainingTopology } from "../../src/plan/several/remaining.ts";
import { evaluateSeveral } from "../../src/plan/several/together.ts";
import { type ModelDemand, mostShare, planSeveral } from "../../src/plan/several.ts";
import type { Solve } from "../../src/plan/solve.ts";
import { everyPlacement } from "../fixtures/every-placement.ts";
import { planOf } from "../fixtures/plan-of.ts";
import { longRun } from "./planner.ts";
import type { Question } from "./planner-oracle.ts";
import { randomQuestion } from "./planner-problems.ts";

const seeds = Array.from({ length: longRun ? 200 : 16 }, (_, seed) => seed);

/** The first of the best of all placements. */
const solve: Solve = (problem) => {
  let best: { readonly names: string[]; readonly value: number } | null = null;
  for (const placement of everyPlacement(
    problem.index.graph.nodes.length,
    problem.devices.length,
  )) {
    const found = evaluate(problem, placement);
    if (found.type === "infeasible" || found.value >= (best?.value ?? Infinity)) continue;
    best = { names: namesIn(problem, placement), value: found.value };
  }
  const plan = best === null ? null : planOf(problem, best.names);
  return plan ?? { type: "infeasible", reason: "no placement is allowed", witness: {} };
};

function everyPlan(problem: Problem): Plan[] {
  const placements = everyPlacement(problem.index.graph.nodes.length, problem.devices.length);
  return [...placements].flatMap((placement) => {
    return planOf(problem, namesIn(problem, placement)) ?? [];
  });
}

function namesIn({ devices }: Problem, placement: Placement): string[] {
  return placement.map((device) => devices[device]?.name ?? "");
}

/** Models on one line, with kinds of the same names, asked so often that they get into each other's way. */
function setting(seed: number, count: number, nodes: number): [Question, ModelDemand[]] {
  const random = createRandom(seed);
  const draw = () =>
    randomQuestion(
      random.integer(2 ** 31),
      { shape: "line", objective: "latency" },
      { nodes, devices: 3, codecs: false },
    );
  const base = draw();
  const kinds = Object.keys(base.profile.devices);
  const demands = Array.from({ length: count }, (_, model): ModelDemand => {
    const { profile } = draw();
    const own = Object.values(profile.devices);
    const devices = kinds.map((kind, position) => [kind, own[position % own.length]] as const);
    const renamed = { ...profile, devices: Object.fromEntries(devices) } as Profile;
    const rate = random.pick([0.05, 0.1, 0.3, 0.6]) / alonePeriod(base, renamed);
    return { name: `m${model}`, profile: renamed, requestsPerSecond: rate };
  });
  return [{ ...base, topology: { ...base.topology, inputBytes: {} } }, demands];
}

/** The least period of any device that can run a model alone; of none 1 s. */
function alonePeriod({ topology }: Question, profile: Profile): number {
  const problem = createProblem(profile, forGraph(topology, profile.graph), { type: "latency" });
  const periods = topology.devices.flatMap((_, device) => {
    const found = evaluate(
      problem,
      profile.graph.nodes.map(() => device),
    );
    return found.type === "feasible" && found.periodSeconds > 0 ? found.periodSeconds : [];
  });
  return periods.length === 0 ? 1 : Math.min(...periods);
}

function* permutations<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    const others = items.filter((other) => other !== item);
    for (const rest of permutations(others)) yield [item, ...rest];
  }
}

/** Places models in an order, as the page says it; `null`: one finds no place. */
function meanInOrder({ topology }: Question, order: readonly ModelDemand[]): number | null {
  const placed: PlacedModel[] = [];
  for (const { name, profile, requestsPerSecond } of order) {
    const left = remainingTopology(topology, placed);
    const ask = (periodSeconds: number) =>
      solve(createProblem(profile, left, { type: "latency" }, { periodSeconds }));
    const free = ask(Number.MAX_VALUE);
    if ("type" in free) return null;
    const most = mostShare / requestsPerSecond;
    const found = free.claimed.periodSeconds <= most ? free : ask(most);
    if ("type" in found) return null;
    // Its claims hold for what is left; what it costs together does not depend on them.
    const plan = planOf(createProblem(profile, topology, { type: "latency" }), namesOf(found));
    if (plan === null) throw new Error("what fits into less does not fit into all");
    placed.push({ name, profile, requestsPerSecond, plan });
  }
  const together = evaluateSeveral(topology, placed);
  return together.type === "feasible" ? together.meanLatencySeconds : null;
}

const namesOf = ({ placement }: Plan): string[] => Object.values(placement);

test("tries every order of up to four models and takes the best, on random lines", () => {
  let placed = 0;
  for (const seed of seeds) {
    const [question, demands] = setting(seed, 2 + (seed % 3), 2);
    const means = [...permutations(demands)].map(
      (order) => meanInOrder(question, order) ?? Infinity,
    );
    const best = Math.min(...means);
    const found = planSeveral(question.topology, demands, solve);
    const mean = found.type === "placed" ? found.together.meanLatencySeconds : Infinity;
    expect(mean, `seed ${seed}`).toBeCloseTo(best, 9);
    if (found.type === "placed") placed++;
  }
  expect(placed).toBeGreaterThan(seeds.length / 4);
  expect(placed).toBeLessThan(seeds.length);
});

test("is never better than the best of all joint placements of two models", () => {
  for (const seed of seeds) {
    const [question, demands] = setting(seed, 2, seed % 8 === 0 ? 3 : 2);
    const found = planSeveral(question.topology, demands, solve);
    if (found.type === "infeasible") continue;
    const { topology } = question;
    const [first = [], second = []] = demands.map((demand) =>
      everyPlan(createProblem(demand.profile, topology, { type: "latency" })).map((plan) => ({
        ...demand,
        plan,
      })),
    );
    let best = Number.POSITIVE_INFINITY;
    for (const one of first) {
      for (const other of second) {
        const together = evaluateSeveral(topology, [one, other]);
        if (together.type === "infeasible") continue;
        best = Math.min(best, together.meanLatencySeconds);
      }
    }
    const mean = found.together.meanLatencySeconds;
    expect(mean, `seed ${seed}`).toBeGreaterThanOrEqual(best * (1 - 1e-9));
  }
});
