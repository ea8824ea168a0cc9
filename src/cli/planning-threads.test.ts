import { expect, onTestFinished, test } from "vitest";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { between, problemOf } from "../../test/fixtures/sketch.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanningChoices } from "./planning.ts";
import { PlanningThreads } from "./planning-threads.ts";
import { replan } from "./replan.ts";

const problem = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [3, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [3, 1] },
  ],
  outputs: ["b"],
  devices: [{ name: "camera" }, { name: "cloud" }],
  links: between("camera", "cloud", 0.01),
});
const { profile, topology } = problem;
const task = {
  profile,
  choices: { planner: undefined, timeLimit: undefined } as PlanningChoices,
  like: { ...(planOf(problem, ["camera", "cloud"]) as Plan), level: "extended" as const },
};
const alone = {
  ...topology,
  devices: topology.devices.filter(({ name }) => name === "camera"),
  links: [],
};
const never = new AbortController().signal;

function threads(): PlanningThreads {
  const made = new PlanningThreads(task);
  onTestFinished(() => made.close());
  return made;
}

test("plans as this thread does, for one part of the topology after the other", async () => {
  const planner = threads();
  for (const left of [topology, alone, topology]) {
    const [made, expected] = await Promise.all([planner.plan(left, never), replan(task, left)]);
    const took = { decisionSeconds: expect.any(Number) };
    expect(made).toEqual({ ...expected, ...took });
  }
});

test("plans several at once, each for its own part", async () => {
  const planner = threads();
  const [both, one] = await Promise.all([
    planner.plan(topology, never),
    planner.plan(alone, never),
  ]);
  expect(both).toMatchObject({ level: "extended", placement: { a: "cloud", b: "cloud" } });
  expect(one).toMatchObject({ placement: { a: "camera", b: "camera" } });
});

test("gives up a plan that nobody waits for, and goes on with the next one", async () => {
  const planner = threads();
  const controller = new AbortController();
  const given = planner.plan(topology, controller.signal);
  controller.abort(new Error("the world is another one"));
  await expect(given).rejects.toThrow(/the world is another one/);
  await expect(planner.plan(topology, controller.signal)).rejects.toThrow(/another one/);
  expect(await planner.plan(alone, never)).toMatchObject({ level: "extended" });
});

test("tells why a planner failed, and plans on", async () => {
  const planner = threads();
  const broken = { ...topology, source: "nobody" };
  await expect(planner.plan(broken, never)).rejects.toMatchObject({ code: "PLAN_INFEASIBLE" });
  expect(await planner.plan(alone, never)).toMatchObject({ level: "extended" });
});
