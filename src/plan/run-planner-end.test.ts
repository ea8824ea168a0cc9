import { expect, test } from "vitest";
import { smallProblem } from "../../test/fixtures/small-problem.ts";
import { seconds } from "../base/units.ts";
import type { Incumbent, Planner } from "./planner.ts";
import { runPlanner } from "./run-planner.ts";

const problem = smallProblem({
  nodes: [{ name: "n", inputs: ["x"], outputs: ["y"], seconds: 4 }],
  bytes: { x: 1, y: 1 },
  outputs: ["y"],
  topology: "devices: [{ name: camera }]\nlinks: []\nsource: camera",
});

/** Each step takes a second. */
function clockOfSteps() {
  let now = 0;
  return { now: () => seconds(now++), sleep: () => Promise.resolve() };
}

function planner(steps: readonly (Incumbent | null)[], last: Incumbent): Planner {
  return {
    name: "steps",
    optimalAmong: "all",
    refuses: () => null,
    *plan() {
      yield* steps;
      return last;
    },
  };
}

const best: Incumbent = { placement: [0], value: 4, bound: 4, method: "thinking" };
const early: Incumbent = { placement: [0], value: 4, bound: 3, method: "guessing" };

test("a planner at its end: what found the plan, and nothing about stopping", () => {
  const plan = runPlanner(planner([early], best), problem, { seed: 1, clock: clockOfSteps() });
  expect(plan).toMatchObject({ method: "thinking", gap: 0, guarantee: "optimal" });
  expect(plan).not.toHaveProperty("stopped");
});

test("a planner at the time limit: the incumbent with its bound and gap, and that it was stopped", () => {
  const run = { seed: 1, clock: clockOfSteps(), timeLimitSeconds: 2 };
  const plan = runPlanner(planner([early, early, early], best), problem, run);
  expect(plan).toMatchObject({ method: "guessing", bound: 3, gap: 0.25, guarantee: "bounded" });
  expect(plan).toHaveProperty("stopped", true);
});

test("a planner at the time limit with nothing: no plan, and no proof that there is none", () => {
  const run = { seed: 1, clock: clockOfSteps(), timeLimitSeconds: 2 };
  const answer = runPlanner(planner([null, null, null], best), problem, run);
  expect(answer).toMatchObject({ type: "infeasible", isProven: false });
  expect(answer).toHaveProperty("reason", expect.stringMatching(/within 2 s, which is no proof/));
});
