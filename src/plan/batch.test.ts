import { expect, test } from "vitest";
import { systemClock } from "../base/clock.node.ts";
import { type Profile, readProfile } from "../cost/profile.ts";
import { readTopology } from "../cost/topology-file.ts";
import { asPass, type BatchQuestion, planBatches, questionOf } from "./batch.ts";
import { check } from "./check.ts";
import { type Plan, readPlan } from "./plan.ts";
import { planners } from "./planners.ts";
import type { Problem } from "./problem.ts";
import { problemOfPlan } from "./problem-of-plan.ts";
import { runPlanner } from "./run-planner.ts";

/** One node on one device that takes so many seconds for 1, 2 and 4 requests. */
function profileOf([one, two, four]: readonly [number, number, number]): Profile {
  const cost = (taken: number) => ({
    nodeSeconds: [taken],
    overheadSeconds: 0,
    boundarySecondsPerByte: 0,
    overheadBytes: 0,
  });
  const tensor = (name: string) => ({ name, dataType: "uint8", shape: [1, 10], bytes: 10 });
  const node = {
    name: "n",
    operator: "Op",
    inputs: ["x"],
    outputs: ["y"],
    flop: null,
    parameterBytes: 5,
  };
  return readProfile(
    JSON.stringify({
      format: "partita.profile/1",
      graph: {
        name: "g",
        inputs: ["x"],
        outputs: ["y"],
        tensors: [tensor("x"), tensor("y")],
        nodes: [node],
      },
      devices: {
        core: {
          ...cost(one),
          batches: [
            { requests: 2, ...cost(two) },
            { requests: 4, ...cost(four) },
          ],
        },
      },
      batch: { axes: [0, 0], difference: 0 },
    }),
  );
}

const topology = readTopology(`
format: partita.topology/1
devices: [{ name: pi, memory: 60 B }]
links: []
source: pi
`);

function ask(profile: Profile, given: Partial<BatchQuestion> = {}) {
  const solve = (problem: Problem) => {
    return runPlanner(planners["exact"] as never, problem, { seed: 1, clock: systemClock });
  };
  const question: BatchQuestion = {
    ...{
      profile,
      topology,
      objective: { type: "throughput" },
      limits: {},
      most: 4,
      waitSeconds: 0,
    },
    ...given,
  };
  return planBatches(question, solve);
}

function planOf(...given: Parameters<typeof ask>): Plan {
  const answer = ask(...given);
  if ("type" in answer) throw new Error(answer.reason);
  return answer;
}

test("joins as many requests as make the objective of one the least", () => {
  const { batch, claimed, limits } = planOf(profileOf([1, 1.2, 4]));
  expect(batch).toMatchObject({ most: 2, waitSeconds: 0 });
  expect(claimed).toMatchObject({ latencySeconds: 1.2, periodSeconds: 1.2 });
  expect(claimed.throughputPerSecond).toBeCloseTo(2 / 1.2);
  expect(limits).toEqual({});
  expect(batch?.tried).toMatchObject([
    { requests: 1, value: 1 },
    { requests: 2, value: 0.6 },
    { requests: 4, reason: expect.stringContaining("60 B") },
  ]);
});

test("does not join for the latency of one, nor for a gain below 2 %", () => {
  expect(planOf(profileOf([1, 1.2, 1.3]), { objective: { type: "latency" } }).batch?.most).toBe(1);
  expect(planOf(profileOf([1, 1.97, 3.9])).batch?.most).toBe(1);
});

test("joins for latency where only that keeps a limit on the period", () => {
  const objective = { type: "latency" } as const;
  const { batch, limits } = planOf(profileOf([1, 1.2, 9]), {
    objective,
    limits: { periodSeconds: 0.7 },
  });
  expect(batch?.most).toBe(2);
  expect(limits.periodSeconds).toBeCloseTo(1.4);
});

test("the wait for others counts as latency", () => {
  const limits = { latencySeconds: 2 };
  const profile = profileOf([1, 1.2, 9]);
  expect(planOf(profile, { limits, waitSeconds: 0.5 }).batch).toMatchObject({
    most: 2,
    waitSeconds: 0.5,
  });
  expect(planOf(profile, { limits, waitSeconds: 0.9 }).batch).toMatchObject({
    most: 1,
    waitSeconds: 0,
  });
  expect(planOf(profile, { limits, waitSeconds: 3 }).batch?.tried[1]).toMatchObject({
    reason: expect.stringContaining("the wait for others alone"),
  });
});

test("a plan that joins requests keeps what it claims, and is asked for again as it was", () => {
  const profile = profileOf([1, 1.2, 9]);
  const plan = readPlan(JSON.stringify(planOf(profile, { limits: { periodSeconds: 0.9 } })));
  const problem = problemOfPlan(plan, profile, topology);
  expect(check(problem, asPass(plan, problem)).periodSeconds).toBeCloseTo(1.2);
  expect(questionOf(plan, profile, topology)).toMatchObject({
    limits: { periodSeconds: 0.9 },
    most: 4,
    waitSeconds: 0,
  });
});

test("refuses to join where only single requests were measured, and in tiles", () => {
  const { batch: _, ...single } = profileOf([1, 1, 1]);
  expect(() => ask(single)).toThrow(/profile the model again with --batch/);
  const plan = planOf(profileOf([1, 1.2, 9]));
  const stages = plan.stages.map((stage) => ({
    ...stage,
    tiles: [{ device: "pi", rows: [0, 1] }],
  }));
  expect(() => readPlan(JSON.stringify({ ...plan, stages }))).toThrow(
    /either --max-batch or --tiles/,
  );
});
