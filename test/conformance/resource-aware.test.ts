import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import type { Seconds } from "../../src/base/units.ts";
import { evaluate } from "../../src/plan/evaluate.ts";
import type { Planner } from "../../src/plan/planner.ts";
import { resourceAware, resourceAwareWeighted } from "../../src/plan/planners/resource-aware.ts";
import type { Placement, Problem } from "../../src/plan/problem.ts";
import { longRun, type PlannerException, plannerConformance, toProblem } from "./planner.ts";
import type { Question } from "./planner-oracle.ts";
import { allClasses, randomQuestion } from "./planner-problems.ts";
import { withResources } from "./planner-resources.ts";

/** All that it refuses, by what it says. */
const exceptions: readonly PlannerException[] = [
  ["it knows no pipelines", /the throughput is asked for/],
  ["a cut has two sides", /two devices that can run nodes/],
  ["the first side is where the input is", /it wants the source to run nodes/],
  ["it has nothing else to decide by", /it decides by FLOP/],
].map(([reason, pattern]) => ({
  reason: reason as string,
  refuses: (problem: Problem) => (pattern as RegExp).test(resourceAware.refuses(problem) ?? ""),
}));

const classes = allClasses.filter(({ objective }) => objective !== "throughput");
const size = { nodes: 7, devices: 2, adapt: withResources } as const;
const both = [resourceAware, resourceAwareWeighted];

for (const planner of both) {
  const problems = longRun ? 2000 : 240;
  plannerConformance(planner, { ...size, problems, classes, exceptions });
  plannerConformance(planner, { ...size, problems: 16, devices: 3, exceptions });
}

function ask(planner: Planner, problem: Problem): Placement | null {
  const steps = planner.plan(problem, { random: createRandom(1) });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return "placement" in step.value ? step.value.placement : null;
  }
}

/** The random problems that the planner does not refuse. */
function* questions(planner: Planner, count: number): Generator<Question> {
  for (const kind of classes) {
    for (let seed = 20_000; seed < 20_000 + count; seed++) {
      const question = withResources(randomQuestion(seed, kind, size), seed);
      if (planner.refuses(toProblem(question)) === null) yield question;
    }
  }
}

test.each(both)("$name never breaks a budget: storage, memory, latency, energy", (planner) => {
  const count = { answered: 0, none: 0, tight: 0 };
  for (const question of questions(planner, longRun ? 2000 : 250)) {
    const problem = toProblem(question);
    const placement = ask(planner, problem);
    if (placement === null) {
      count.none++;
      continue;
    }
    count.answered++;
    expect(evaluate(problem, placement).type).toBe("feasible");
    problem.devices.forEach(({ storageBytes = Number.POSITIVE_INFINITY }, device) => {
      const stored = storedOn(problem, placement, device);
      expect(stored).toBeLessThanOrEqual(storageBytes);
      if (stored === storageBytes && stored > 0) count.tight++;
    });
  }
  expect(count.answered).toBeGreaterThan(200);
  expect(count.none).toBeGreaterThan(20);
  expect(count.tight).toBeGreaterThan(5);
});

function storedOn({ index }: Problem, placement: Placement, device: number): number {
  const own = index.graph.nodes.filter((_, node) => placement[node] === device);
  return own.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0);
}

test.each(both)(
  "$name reads no node seconds: others change nothing that stays allowed",
  (planner) => {
    let answered = 0;
    for (const question of questions(planner, longRun ? 1000 : 150)) {
      const {
        latencySeconds: _,
        energyJoules: __,
        periodSeconds: ___,
        ...limits
      } = question.limits;
      const asked = { ...question, limits };
      const placement = ask(planner, toProblem(asked));
      if (placement !== null) answered++;
      expect(ask(planner, toProblem(withOtherSeconds(asked, answered)))).toEqual(placement);
    }
    expect(answered).toBeGreaterThan(150);
  },
);

/** Drawn anew wherever a device can run a node. */
function withOtherSeconds(question: Question, seed: number): Question {
  const random = createRandom(seed);
  const devices = Object.entries(question.profile.devices).map(([name, kind]) => {
    const nodeSeconds = kind.nodeSeconds.map((value) =>
      value === null ? null : (random.integer(1000) as Seconds),
    );
    return [name, { ...kind, nodeSeconds }] as const;
  });
  return { ...question, profile: { ...question.profile, devices: Object.fromEntries(devices) } };
}
