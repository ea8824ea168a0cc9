import fc from "fast-check";
import { expect, test } from "vitest";
import { chainModel } from "../../../test/fixtures/chain-model.ts";
import { pictureProblem, stage } from "../../../test/fixtures/picture-problem.ts";
import { planOf } from "../../../test/fixtures/plan-of.ts";
import { randomPlan } from "../../../test/fixtures/random-plan.ts";
import type { Profile } from "../../cost/profile.ts";
import type { Topology } from "../../cost/topology.ts";
import { readTopology } from "../../cost/topology-file.ts";
import { placementOf } from "../check.ts";
import { evaluate } from "../evaluate.ts";
import type { Plan } from "../plan.ts";
import { createProblem, type Problem } from "../problem.ts";
import { forGraph } from "../reservation.ts";
import { type PlacedModel, remainingTopology, reservationOf } from "./remaining.ts";
import { usageOf } from "./usage.ts";

/** Tensors of 1000 bytes take 2 s there and back over the air. */
const home = readTopology(`
format: partita.topology/1
devices:
  - { name: camera, memoryBytes: 5000 }
  - { name: cloud, speed: 2, memoryBytes: 9000, communication: exclusive }
links:
  - { between: [camera, cloud], bandwidthBitsPerSecond: 4000, medium: air }
source: camera
`);

const small = chainModel("small", [1, 4], { parameterBytes: 100 });
const other = chainModel("other", [2]);

function place(
  profile: Profile,
  topology: Topology,
  devices: readonly string[],
  requestsPerSecond: number,
): PlacedModel {
  const plan = planOf(createProblem(profile, topology, { type: "latency" }), devices);
  if (plan === null) throw new Error("not allowed");
  return { name: profile.graph.name, profile, plan, requestsPerSecond };
}

test("takes from devices, links and media the part of the time that a model needs, and its memory", () => {
  const placed = place(small, home, ["camera", "cloud"], 0.1);
  // The exclusive cloud is taken for its 2 s of work and both hops.
  expect(reservationOf(home, [placed])).toEqual({
    models: [{ name: "small", requestsPerSecond: 0.1 }],
    devices: {
      camera: { utilisation: 0.1, memoryBytes: 2100 },
      cloud: { utilisation: expect.closeTo(0.6, 12), memoryBytes: 2100 },
    },
    links: [
      { from: "camera", to: "cloud", utilisation: 0.4 },
      { from: "cloud", to: "camera", utilisation: 0.4 },
    ],
  });
  const left = remainingTopology(home, [placed]);
  expect(left.devices).toMatchObject([
    { name: "camera", speed: 0.9, memoryBytes: 2900 },
    { name: "cloud", speed: expect.closeTo(0.8, 12), memoryBytes: 6900 },
  ]);
  expect(left.links).toMatchObject([
    { bandwidthBitsPerSecond: 2400 },
    { bandwidthBitsPerSecond: 2400 },
  ]);
});

test("adds up what several models take, in any order", () => {
  const models = [
    place(small, home, ["camera", "camera"], 0.05),
    place(other, home, ["camera"], 0.1),
  ];
  const camera = remainingTopology(home, models).devices[0];
  expect(camera?.speed).toBeCloseTo(1 - 0.25 - 0.2, 12);
  expect(camera?.memoryBytes).toBe(5000 - 2200 - 2000);
  const turned = reservationOf(home, models.toReversed());
  expect(turned.devices).toEqual(reservationOf(home, models).devices);
});

test("leaves a hundredth of what others take wholly, and no memory below 0", () => {
  const [camera] = remainingTopology(home, [place(other, home, ["camera"], 10)]).devices;
  expect(camera?.speed).toBe(0.01);
  const three = ["a", "b", "c"].map((name) => ({
    ...place(other, home, ["camera"], 0.01),
    name,
  }));
  expect(remainingTopology(home, three).devices[0]?.memoryBytes).toBe(0);
});

test("passes over devices and links that are gone, and inputs of other models", () => {
  const placed = place(small, home, ["camera", "cloud"], 0.1);
  const alone: Topology = { ...home, devices: home.devices.slice(0, 1), links: [] };
  expect(remainingTopology(alone, [placed]).devices).toMatchObject([
    { name: "camera", speed: 0.9 },
  ]);
  const shared = {
    ...home,
    inputBytes: { "other.in": 10, "small.in": 500 },
  } as unknown as Topology;
  expect(forGraph(shared, small.graph).inputBytes).toEqual({ "small.in": 500 });
  // The input is half as large on the link.
  const coded = reservationOf(shared, [
    place(small, forGraph(shared, small.graph), ["cloud", "cloud"], 0.1),
  ]);
  expect(coded.links[0]?.utilisation).toBeCloseTo(0.1 * (1 + 2), 12);
});

test("counts what evaluate counts as loads, whatever the problem", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (seed) => {
      const { problem, plan } = randomPlan(seed);
      expectLoads(problem, plan);
    }),
    { numRuns: 60 },
  );
});

test("counts the rows of each device of a shared stage", () => {
  const problem = pictureProblem({});
  const plan = planOf(
    problem,
    ["camera", "camera", "camera"],
    [stage([0, 1], [0, 1, 2], [3, 6, 8])],
  );
  if (plan === null) throw new Error("not allowed");
  expectLoads(problem, plan);
});

/** The plan costs on its own topology what its loads say, and twice as much where all is half as fast. */
function expectLoads(problem: Problem, plan: Plan): void {
  const { topology, profile } = problem;
  const usage = usageOf(topology, profile, plan);
  const placement = placementOf(problem, plan);
  const tiles = plan.stages.flatMap(({ tiles = [] }) => tiles);
  if (tiles.length === 0) {
    const found = evaluate(problem, placement);
    if (found.type === "infeasible") throw new Error(found.reason);
    usage.deviceSeconds.forEach((seconds, device) => {
      expect(seconds).toBeCloseTo(found.deviceLoads[device] ?? Number.NaN, 9);
    });
  }
  const busiest = Math.max(...usage.deviceSeconds, ...usage.linkSeconds);
  expect(busiest).toBeCloseTo(plan.claimed.periodSeconds, 9);
}
