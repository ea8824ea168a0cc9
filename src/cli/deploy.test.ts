import { expect, test } from "vitest";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import type { Plan } from "../plan/plan.ts";
import { judgeLike } from "./deploy.ts";
import type { PlanningChoices } from "./planning.ts";

test("plans that are gone over to keep the limits of the first, also one that a rate has set", () => {
  const problem = problemOf({
    inputs: { x: 8 },
    nodes: [{ name: "a", reads: ["x"], bytes: 4, seconds: [1] }],
    outputs: ["a"],
    devices: [{ name: "camera" }],
    links: [],
    limits: { periodSeconds: 1.5 },
  });
  const { profile, topology } = problem;
  const options = { tiles: false } as PlanningChoices & { readonly tiles: boolean };
  const judge = judgeLike(planOf(problem, ["camera"]) as Plan, profile, options);
  expect(judge.problemOf(topology).limits).toEqual({ periodSeconds: 1.5 });
  // A plan that joins no requests has one problem, whatever rows a request has.
  expect(judge.problemOf(topology, 3).profile).toEqual(profile);
});
