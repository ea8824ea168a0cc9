import { expect, test } from "vitest";
import { chainModel } from "../../test/fixtures/chain-model.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { createRandom } from "../base/random.ts";
import type { Profile } from "../cost/profile.ts";
import { readTopology } from "../cost/topology-file.ts";
import { createProblem } from "../plan/problem.ts";
import type { PlacedModel } from "../plan/several/remaining.ts";
import { planOn } from "../plan/several/standing-plan.ts";
import { evaluateSeveral } from "../plan/several/together.ts";
import { simulate } from "./pipeline.ts";
import { type SimulatedModel, simulateSeveral } from "./several.ts";

/** A tensor takes a second on the wire. */
const home = readTopology(`
format: partita.topology/1
devices: [{ name: camera }, { name: cloud }]
links: [{ between: [camera, cloud], bandwidthBitsPerSecond: 8000 }]
source: camera
`);

function place(
  profile: Profile,
  devices: readonly string[],
  requestsPerSecond: number,
): PlacedModel {
  const plan = planOf(createProblem(profile, home, { type: "latency" }), devices);
  if (plan === null) throw new Error("not allowed");
  return { name: profile.graph.name, profile, plan, requestsPerSecond };
}

const listed = (model: PlacedModel, seconds: readonly number[]): SimulatedModel => ({
  ...planOn(model, home, home),
  arrivals: { type: "listed", seconds },
});

const poisson = (model: PlacedModel, seed: number): SimulatedModel => ({
  ...planOn(model, home, home),
  arrivals: {
    type: "poisson",
    perSecond: model.requestsPerSecond,
    random: createRandom(seed),
  },
});

const mean = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const long = place(chainModel("long", [4]), ["camera"], 0.1);
const short = place(chainModel("short", [1, 1]), ["camera", "cloud"], 0.1);

test("divides a device among models, and lets requests of one model wait for one another", () => {
  const { models, servers } = simulateSeveral([listed(long, [0, 1]), listed(short, [1, 20])], {
    seconds: 30,
    warmUpSeconds: 0,
  });
  // Both have half of the camera until the short one leaves it at 3 s.
  expect([...(models[0]?.latencySeconds ?? [])]).toEqual([5, 8]);
  expect([...(models[1]?.latencySeconds ?? [])]).toEqual([2 + 1 + 1 + 1, 4]);
  expect(servers.map(({ share }) => share)).toEqual([10 / 30, 2 / 30, 2 / 30, 2 / 30]);
});

test("leaves requests of the warm-up out, and what is taken then", () => {
  const { models, servers } = simulateSeveral([listed(long, [0, 10])], {
    seconds: 20,
    warmUpSeconds: 2,
  });
  expect(models).toEqual([{ sent: 2, latencySeconds: Float64Array.of(4) }]);
  expect(servers[0]?.share).toBe((2 + 4) / 18);
});

test("lets no more requests in at the end, and answers all that came", () => {
  const { models } = simulateSeveral([listed(long, [0, 1, 2, 3, 40])], {
    seconds: 3,
    warmUpSeconds: 0,
  });
  expect(models).toEqual([{ sent: 3, latencySeconds: Float64Array.of(4, 7, 10) }]);
});

test("simulates one model as it is simulated alone", () => {
  const seconds = Array.from({ length: 200 }, (_, request) => request * 1.1);
  const together = simulateSeveral([listed(short, seconds)], { seconds: 1e6, warmUpSeconds: 0 });
  const { problem, placement } = planOn(short, home, home);
  const alone = simulate(problem, placement, {
    arrivals: { type: "listed", seconds },
    requests: seconds.length,
  });
  if (alone.type === "infeasible") throw new Error(alone.reason);
  expect(together.models[0]?.latencySeconds).toEqual(alone.latencySeconds);
});

test("takes devices and links for as long as the reservations of the models say", () => {
  const models = [long, short];
  const { servers } = simulateSeveral(
    models.map((model, seed) => poisson(model, seed)),
    { seconds: 100_000, warmUpSeconds: 1000 },
  );
  const together = evaluateSeveral(home, models);
  if (together.type === "infeasible") throw new Error(together.reason);
  const { devices, links } = together.taken;
  const reserved = [...Object.values(devices), ...links].map(({ utilisation }) => utilisation);
  servers.forEach(({ share }, server) => {
    expect(share / (reserved[server] ?? Number.NaN)).toBeCloseTo(1, 1);
  });
});

test("takes requests longer by what others take, no more than their reservations say", () => {
  // Asked so seldom that it hardly ever waits for itself, beside one that takes 30 % of the camera.
  const seldom = place(chainModel("seldom", [4]), ["camera"], 0.005);
  const often = { ...long, requestsPerSecond: 0.3 / 4 };
  const together = evaluateSeveral(home, [seldom, often]);
  if (together.type === "infeasible") throw new Error(together.reason);
  const { models } = simulateSeveral([poisson(seldom, 1), poisson(often, 2)], {
    seconds: 400_000,
    warmUpSeconds: 1000,
  });
  const simulated = mean(models[0]?.latencySeconds ?? new Float64Array());
  const predicted = together.models[0]?.latencySeconds ?? Number.NaN;
  expect(predicted).toBeCloseTo(4 / 0.7, 9);
  expect(simulated).toBeGreaterThan(4 + 0.6 * (predicted - 4));
  expect(simulated).toBeLessThan(predicted);
});
