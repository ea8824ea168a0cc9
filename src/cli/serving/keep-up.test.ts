import { expect, test } from "vitest";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import { between, problemOf } from "../../../test/fixtures/sketch.ts";
import { seconds } from "../../base/units.ts";
import type { Topology } from "../../cost/topology.ts";
import { periodOfRequest } from "../../plan/batch.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Limits } from "../../plan/problem.ts";
import type { PlanningChoices } from "../planning.ts";
import { replan } from "../replan.ts";
import { heldTo, keepUp, periodAt } from "./keep-up.ts";
import { judgeBeside, placeBeside, sharerOf } from "./place-models.ts";
import type { ServedSource } from "./served-source.ts";

/** Alone a device answers after 2 s, once in 2 s; both together later, and once in a second. */
const problem = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1] },
  ],
  outputs: ["b"],
  devices: [{ name: "camera" }, { name: "cloud" }],
  links: between("camera", "cloud", 0.01),
});
const { profile, topology } = problem;
const choices = { tiles: false } as PlanningChoices & { readonly tiles: boolean };

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

test("a model that is loaded finds no place where nothing keeps up with its rate", async () => {
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const placeAt = (requestsPerSecond: number) => {
    const rate = { isRateStated: true, requestsPerSecond };
    const source = { name: "a", profile, limits: {}, replan: async () => plan, ...rate };
    const sources = [source as Partial<ServedSource> as ServedSource];
    const sharers = sources.map((one) => sharerOf(one, () => null));
    return placeBeside(sources, sharers, "a", topology, new AbortController().signal);
  };
  expect(await placeAt(0.6)).toBe(plan);
  expect(await placeAt(5)).toEqual({
    infeasible: expect.stringMatching(/with 5 \/s: .* period of 180 ms .* the fastest has 1 s;/),
  });
});

test("what a model goes over to while it serves keeps up with the rate, and all other limits", () => {
  const plan = planOf(problem, ["camera", "cloud"]) as Plan;
  const limitsOf = (isRateStated: boolean) => {
    const rate = { isRateStated, requestsPerSecond: 0.6 };
    const source = { profile, choices, ...rate } as Partial<ServedSource> as ServedSource;
    return judgeBeside(source, plan, () => 0).problemOf(topology).limits;
  };
  expect([limitsOf(false), limitsOf(true)]).toEqual([{}, { periodSeconds: periodAt(0.6) }]);
  const strict = { ...plan, limits: { periodSeconds: 1.2, memoryBytes: 100 } };
  expect(heldTo(strict, 0.6).limits).toEqual(strict.limits);
  const batch = { most: 4, waitSeconds: seconds(0), tried: [] };
  expect(heldTo({ ...plan, batch }, 0.6).limits).toEqual({ periodSeconds: 4 * periodAt(0.6) });
});
