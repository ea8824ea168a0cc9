import { expect, test } from "vitest";
import { clock } from "../../test/conformance/planner.ts";
import { chainModel } from "../../test/fixtures/chain-model.ts";
import { codeOf } from "../../test/fixtures/code-of.ts";
import type { Seconds } from "../base/units.ts";
import type { Topology } from "../cost/topology.ts";
import { readTopology } from "../cost/topology-file.ts";
import type { Infeasible } from "./feasibility.ts";
import { readPlan } from "./plan.ts";
import { exact } from "./planners/exact.ts";
import { runPlanner } from "./run-planner.ts";
import { checkSeveral } from "./several/check-several.ts";
import { evaluateSeveral } from "./several/together.ts";
import { type ModelDemand, planSeveral, type SeveralPlans } from "./several.ts";
import type { Solve } from "./solve.ts";

const solve: Solve = (problem) => runPlanner(exact, problem, { seed: 1, clock });

/** A camera of speed 1, a cloud of speed 10 with 3100 bytes of memory, 0.1 s for a tensor between them. */
const home = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud, speed: 10, memoryBytes: 3100 }]
links: [{ between: [camera, cloud], bandwidthBitsPerSecond: 80000 }]
source: camera
`);

function demand(name: string, seconds: readonly number[], requestsPerSecond: number): ModelDemand {
  return { name, profile: chainModel(name, seconds, { parameterBytes: 1000 }), requestsPerSecond };
}

function placed(topology: Topology, demands: readonly ModelDemand[]): SeveralPlans {
  const answer = planSeveral(topology, demands, solve);
  if (answer.type === "infeasible") throw new Error(answer.reason);
  return answer;
}

function refused(topology: Topology, demands: readonly ModelDemand[]): Infeasible {
  const answer = planSeveral(topology, demands, solve);
  if (answer.type === "placed") throw new Error("all are placed");
  return answer;
}

/** The only device of each model. */
function devicesOf({ models }: SeveralPlans): (string | undefined)[] {
  return models.map(({ plan }) => plan.stages[0]?.devices[0]);
}

test("gives the cloud, which has memory for one model, to the one that gains most by it", () => {
  const both = placed(home, [demand("a", [0.5], 0.5), demand("b", [0.6], 1)]);
  expect(devicesOf(both)).toEqual(["camera", "cloud"]);
  expect(both.order).toEqual(["b", "a"]);
  expect(both.tried.map(({ order }) => order)).toEqual([
    ["a", "b"],
    ["b", "a"],
  ]);
  // They share nothing but time: neither has to wait for the other.
  expect(both.together.models.map(({ latencySeconds }) => latencySeconds)).toEqual([
    0.5,
    expect.closeTo(0.26, 12),
  ]);
  expect(both.together.meanLatencySeconds).toBeCloseTo((0.5 * 0.5 + 1 * 0.26) / 1.5, 12);
});

test("says in each plan what the models before it had taken", () => {
  const { models } = placed(home, [demand("a", [0.5], 0.5), demand("b", [0.6], 1)]);
  const [second, first] = models.map(({ plan }) => plan.reserved);
  expect(first).toEqual({ models: [], devices: {}, links: [] });
  expect(second?.models).toEqual([{ name: "b", requestsPerSecond: 1 }]);
  expect(second?.devices).toEqual({
    cloud: { utilisation: expect.closeTo(0.06, 12), memoryBytes: 3000 },
  });
  for (const { plan } of models) expect(readPlan(JSON.stringify(plan))).toEqual(plan);
});

test("stretches a model's work on a device by what the other takes of it", () => {
  const alone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const { models } = placed(alone, [demand("a", [0.5], 0.8), demand("b", [0.2], 1)]).together;
  expect(models.map(({ latencySeconds }) => latencySeconds)).toEqual([
    expect.closeTo(0.5 / (1 - 0.2), 12),
    expect.closeTo(0.2 / (1 - 0.4), 12),
  ]);
  // The rate that each could go up to, the other as it is.
  expect(models.map(({ periodSeconds }) => periodSeconds)).toEqual([
    expect.closeTo(0.5 / (1 - 0.2), 12),
    expect.closeTo(0.2 / (1 - 0.4), 12),
  ]);
});

test("leaves the fastest device where it cannot keep up with the rate", () => {
  const slow = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidthBitsPerSecond: 800000 }]
source: camera
`);
  const { models } = placed(slow, [demand("a", [0.5, 0.5], 1.5)]);
  expect(models[0]?.plan.placement).toEqual({ n0: "camera", n1: "cloud" });
  expect(models[0]?.plan.limits.periodSeconds).toBeCloseTo(0.9 / 1.5, 12);
});

test("says which model finds no place, beside which others, and why", () => {
  const alone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const answer = refused(alone, [demand("a", [0.5], 1), demand("b", [0.5], 1)]);
  expect(answer.reason).toMatch(/^'b' at 1 \/s finds no place beside 'a' at 1 \/s: .*period/);
  expect(answer.reason).toMatch(/90 % .* lower a rate/);
  expect(answer.reason).toContain("2 orders of the models were tried");
  expect(answer.witness).toMatchObject({ model: "b" });
  expect(answer.isProven).toBe(false);
});

test("says so where a model finds no place even alone, which is a proof", () => {
  const alone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const answer = refused(alone, [demand("a", [5], 1), demand("b", [0.5], 1)]);
  expect(answer.reason).toMatch(/^'a' at 1 \/s finds no place even alone/);
  expect(answer.isProven).not.toBe(false);
});

test("keeps a model's limit of latency beside those that are placed after it", () => {
  const alone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const tight = { ...demand("a", [0.5], 0.5), limits: { latencySeconds: 0.55 } };
  const answer = refused(alone, [tight, demand("b", [0.5], 0.5)]);
  expect(answer.reason).toContain("above the limit of 550 ms");
});

test("counts a limit on the memory of devices for all models together", () => {
  const limits = { memoryBytes: 4000 };
  const alone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const answer = refused(alone, [
    { ...demand("a", [0.1], 1), limits },
    { ...demand("b", [0.1], 1), limits },
  ]);
  expect(answer.reason).toContain("memory");
  expect(
    devicesOf(placed(home, [{ ...demand("a", [0.1], 1), limits }, demand("b", [0.1], 1)])),
  ).toHaveLength(2);
});

test("places more than four models by falling load, in one order", () => {
  const rates = [0.1, 0.3, 0.2, 0.5, 0.4];
  const many = placed(
    home,
    rates.map((rate, model) => demand(`m${model}`, [0.2], rate)),
  );
  expect(many.order).toEqual(["m3", "m4", "m1", "m2", "m0"]);
  expect(many.tried).toHaveLength(1);
  expect(many.models.map(({ name }) => name)).toEqual(["m0", "m1", "m2", "m3", "m4"]);
});

test("refuses input sizes of no model's input, and takes those of any", () => {
  const demands = [demand("a", [0.1], 1), demand("b", [0.1], 1)];
  const sized = (name: string) => ({ ...home, inputBytes: { [name]: 10 } }) as unknown as Topology;
  expect(placed(sized("b.in"), demands).models).toHaveLength(2);
  expect(codeOf(() => planSeveral(sized("c.in"), demands, solve))).toBe("TOPOLOGY_INVALID");
});

test("refuses plans that were made beside others than these", () => {
  const { models } = placed(home, [demand("a", [0.5], 0.5), demand("b", [0.6], 1)]);
  expect(checkSeveral(home, models).models.map(({ name }) => name)).toEqual(["a", "b"]);
  const [a, b] = models as [(typeof models)[0], (typeof models)[0]];
  const alone = placed(home, [demand("b", [0.6], 1)]).models[0];
  const faster = { ...b, requestsPerSecond: 1.2 };
  expect(() => checkSeveral(home, [a, faster])).toThrow("beside 'b' at 1 /s, which has 1.2 /s");
  expect(() => checkSeveral(home, [a])).toThrow("beside 'b' at 1 /s, which is not there");
  const elsewhere = {
    ...b,
    plan: placed(home, [demand("b", [0.6], 0.01)]).models[0]?.plan ?? b.plan,
  };
  expect(alone?.plan.placement).toEqual(elsewhere.plan.placement);
  const twice = { ...home, devices: home.devices.map((device) => ({ ...device, speed: 3 })) };
  expect(codeOf(() => checkSeveral(twice, models))).toBe("PLAN_INVALID");
});

test("says which device has no time or memory for plans together", () => {
  const { models } = placed(home, [demand("a", [0.5], 0.5), demand("b", [0.6], 1)]);
  const busy = evaluateSeveral(
    home,
    models.map((model) => ({ ...model, requestsPerSecond: 20 })),
  );
  expect(busy).toMatchObject({
    type: "infeasible",
    reason: "device 'camera' would be busy for 1000 % of its time, and there are 100 %",
  });
  const twins = models.slice(1).flatMap((model) => [model, { ...model, name: "twin" }]);
  expect(evaluateSeveral(home, twins)).toMatchObject({
    type: "infeasible",
    reason:
      "device 'cloud' would need 6 kB for all models together, 2.9 kB more than its memory of 3.1 kB",
  });
});

/** One node, which takes so many seconds for one request and for two as one. */
function joinable(name: string, one: number, two: number, requestsPerSecond: number): ModelDemand {
  const { profile } = demand(name, [one], requestsPerSecond);
  const core = profile.devices["core"] as (typeof profile.devices)[string];
  const both = { ...core, requests: 2, nodeSeconds: [two as Seconds] };
  return {
    name,
    requestsPerSecond,
    profile: {
      ...profile,
      batch: { axes: [0, 0], difference: 0 },
      devices: { core: { ...core, batches: [both] } },
    },
    joining: { most: 2, waitSeconds: 0.1 },
  };
}

test("requests are joined where a rate asks for it, and each takes its share of a pass", () => {
  const lone = { ...home, devices: home.devices.slice(0, 1), links: [] };
  const slow = placed(lone, [joinable("often", 1, 1.2, 0.5)]);
  expect(slow.models[0]?.plan.batch).toMatchObject({ most: 1, waitSeconds: 0 });
  // One by one it would be busy all the time.
  const often = joinable("often", 1, 1.2, 1.2);
  const { models, together } = placed(lone, [often, demand("seldom", [0.1], 1)]);
  expect(models[0]?.plan.batch).toMatchObject({ most: 2, waitSeconds: 0.1 });
  expect(together.taken.devices["camera"]?.utilisation).toBeCloseTo((1.2 * 1.2) / 2 + 0.1, 9);
  expect(together.models[0]?.periodSeconds).toBeCloseTo(1.2 / 0.9 / 2, 9);
  expect(together.models[0]?.latencySeconds).toBeCloseTo(1.2 / 0.9 + 0.1, 9);
  expect(checkSeveral(lone, models)).toEqual(together);
  expect(refused(lone, [demand("often", [1], 1.2)]).witness).toMatchObject({ model: "often" });
});
