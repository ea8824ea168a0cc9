import { expect, test } from "vitest";
import { between, problemOf } from "../../../test/fixtures/sketch.ts";
import type { Topology } from "../../cost/topology.ts";
import { periodOfRequest } from "../../plan/batch.ts";
import type { Limits } from "../../plan/problem.ts";
import type { PlanningChoices } from "../planning.ts";
import { replan } from "../replan.ts";
import { keepUp, periodAt } from "./keep-up.ts";

/** Alone a device answers after 2 s, once in 2 s; both together later, and once in a second. */
const { profile, topology } = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1] },
  ],
  outputs: ["b"],
  devices: [{ name: "camera" }, { name: "cloud" }],
  links: between("camera", "cloud", 0.01),
});
const choices = { planner: undefined, timeLimit: undefined } as PlanningChoices;

async function periodFor(requestsPerSecond: number, left: Topology): Promise<number> {
  const within = (limits: Limits) => (found: Topology) =>
    replan({ profile, choices, like: { objective: "latency", limits } }, found);
  const steady = within({ periodSeconds: periodAt(requestsPerSecond) });
  const plan = await keepUp(
    within({}),
    steady,
    requestsPerSecond,
  )(left, new AbortController().signal);
  if ("infeasible" in plan) throw new Error(plan.infeasible);
  return periodOfRequest(plan);
}

test("a plan for what is left keeps up with the rate, if one does", async () => {
  expect(await periodFor(0.4, topology)).toBe(2);
  expect(await periodFor(0.6, topology)).toBe(1);
  expect(await periodFor(5, topology)).toBe(2);
  const camera = { ...topology, devices: topology.devices.slice(0, 1), links: [] };
  expect(await periodFor(0.6, camera)).toBe(2);
});
