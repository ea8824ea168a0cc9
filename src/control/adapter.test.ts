import { expect, test } from "vitest";
import {
  cameraAlone,
  changingLink,
  cloudAlone,
  splitInTwo,
  withShare,
} from "../../test/fixtures/changing-link.ts";
import { pictureProblem, stage } from "../../test/fixtures/picture-problem.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { nominalState } from "../cost/state.ts";
import type { Plan } from "../plan/plan.ts";
import { exact } from "../plan/planners/exact.ts";
import { runPlanner } from "../plan/run-planner.ts";
import { Adapter, planOfChoice } from "./adapter.ts";
import { wholeChoices } from "./choices.ts";
import type { Figures } from "./observation.ts";

const problem = changingLink();
const figures = (goodputBitsPerSecond: number): Figures => ({
  stages: [{ stage: "s0", device: "cloud", count: 2, busySeconds: 0.1 }],
  hops: [{ from: "camera", to: "cloud", count: 2, goodputBitsPerSecond }],
});

function planFor(placement: readonly number[]): Plan {
  const plan = planOfChoice(problem, { placement }, nominalState(problem.topology));
  if (plan === null) throw new Error("not allowed");
  return plan;
}

test("advises the plan that is the best in the world as it is measured, found by the planner", () => {
  const solve = (changed: typeof problem) =>
    runPlanner(exact, changed, { seed: 1, clock: createVirtualClock() });
  const adapter = new Adapter({ problem, known: wholeChoices(problem), solve });
  adapter.serves(planFor(cloudAlone), 0);
  expect(adapter.heard(figures(20e6), 1).plan).toBeNull();
  const advised = [2, 2.5, 3, 3.5, 4].map((now) => adapter.heard(figures(5e6), now));
  const plan = advised.find((advice) => advice.plan !== null)?.plan;
  expect(plan?.placement).toEqual({ n0: "camera", n1: "cloud" });
  // With 5 Mbit/s: 0.08 s, 0.04 s on the link, 0.08 s.
  expect(plan?.claimed.latencySeconds).toBeCloseTo(0.2, 9);
  adapter.serves(plan as Plan, 5);
  expect(adapter.heard(figures(5e6), 6).decision).toMatchObject({ type: "stay", reason: "best" });
});

test("tries again some time after what it advised has failed", () => {
  const known = [cloudAlone, splitInTwo, cameraAlone].map((placement) => ({ placement }));
  const adapter = new Adapter({ problem, known });
  adapter.serves(planFor(cloudAlone), 0);
  const plans = [1, 1.5, 2].map((now) => adapter.heard(figures(5e6), now).plan);
  expect(plans.map((plan) => plan !== null)).toEqual([false, true, false]);
  adapter.failed(2.5);
  const later = [2.6, 2.8, 3.1].map((now) => adapter.heard(figures(5e6), now).plan);
  expect(later.map((plan) => plan !== null)).toEqual([false, false, true]);
});

test("learns from passes that are not full how slow a device is", () => {
  const problemFor = (rows: number) => withShare(problem, rows / 4);
  const adapter = new Adapter({ problem, problemFor, known: wholeChoices(problem) });
  const batch = { most: 4, waitSeconds: seconds(0), tried: [] };
  adapter.serves({ ...planFor(cloudAlone), batch }, 0);
  // Four rows take 0.1 s, two take half of that.
  const stages = [{ stage: "s0", device: "cloud", rows: 2, count: 3, busySeconds: 0.1 }];
  const later = [1, 2, 3, 4].map((now) => adapter.heard({ stages, hops: [] }, now));
  expect(later.at(-1)?.decision.world.slowDown[1]).toBeCloseTo(2, 1);
});

test("a plan with tiles is judged by what its members take, also where no other may have any", () => {
  const tiles = [stage([0, 1], [1, 2], [4, 8])];
  const plan = planOf(pictureProblem({}), ["left", "left", "camera"], tiles) as Plan;
  const untiled = pictureProblem({ limits: {} });
  const adapter = new Adapter({ problem: untiled, known: wholeChoices(untiled) });
  adapter.serves(plan, 0);
  const { cost, bestCost } = adapter.heard({ stages: [], hops: [] }, 1).decision;
  expect([cost, bestCost]).toEqual([plan.claimed.latencySeconds, 24]);
  // The left one makes 5 rows of one node and 4 of the other, a second each.
  const stages = [{ stage: "s0", device: "left", count: 3, busySeconds: 18 }];
  const later = [2, 3, 4, 5].map((now) => adapter.heard({ stages, hops: [] }, now));
  const { slowDown } = (later.at(-1) as (typeof later)[number]).decision.world;
  expect(slowDown[1]).toBeCloseTo(2, 1);
  expect(slowDown[2]).toBe(1);
});
