import { expect, test } from "vitest";
import { pairProblem } from "../../test/fixtures/pair.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import type { Topology } from "../cost/topology.ts";
import type { Plan } from "../plan/plan.ts";
import {
  isWhole,
  planBehind,
  planBeside,
  type Sharer,
  sharedWorld,
  withoutBytes,
} from "./sharing.ts";

const problem = pairProblem();
const { topology } = problem;
const alone: Topology = {
  ...topology,
  devices: topology.devices.filter(({ name }) => name === "camera"),
  links: [],
};
const { signal } = new AbortController();
const onBoth = planOf(problem, ["camera", "cloud"]) as Plan;
const onCamera = planOf(problem, ["camera", "camera"]) as Plan;

/** Plans everything on the camera, and remembers for what. */
function sharer(name: string, plan: Plan | null): Sharer & { readonly asked: Topology[] } {
  const asked: Topology[] = [];
  return {
    name,
    profile: problem.profile,
    limits: {},
    requestsPerSecond: 0.1,
    asked,
    plan: () => plan,
    replan: async (left) => {
      asked.push(left);
      return onCamera;
    },
  };
}

const speedOf = ({ devices }: Topology, device: string): number | undefined =>
  devices.find(({ name }) => name === device)?.speed;

test("a plan is whole where all its devices and links are", () => {
  expect([isWhole(onBoth, topology), isWhole(onCamera, topology)]).toEqual([true, true]);
  expect([isWhole(onBoth, alone), isWhole(onCamera, alone)]).toEqual([false, true]);
});

test("a model is planned for what those leave that stay as they are", async () => {
  const [first, second] = [sharer("first", onCamera), sharer("second", onBoth)];
  const plan = await planBeside([first, second], second, alone, signal);
  // Two seconds at 0.1 a second.
  expect(second.asked.map((left) => speedOf(left, "camera"))).toEqual([0.8]);
  expect(plan).toMatchObject({ reserved: { models: [{ name: "first", requestsPerSecond: 0.1 }] } });
  expect(first.asked).toEqual([]);
});

test("of those that have to move, the first has the choice, and the others know what it will do", async () => {
  const all = ["first", "second", "third"].map((name) => sharer(name, onBoth));
  const [first, second, third] = all;
  for (const [place, one] of [first, second, third].entries()) {
    if (one === undefined) continue;
    for (const { asked } of all) asked.length = 0;
    await planBeside(all, one, alone, signal);
    expect(speedOf(one.asked[0] as Topology, "camera")).toBeCloseTo(1 - 0.2 * place);
    // Each of those before it is asked once.
    expect(all.map(({ asked }) => asked.length)).toEqual(
      [0, 1, 2].map((at) => (at <= place ? 1 : 0)),
    );
  }
});

test("a model that takes nothing leaves everything, and one that finds no place, too", async () => {
  const homeless: Sharer = {
    ...sharer("homeless", onBoth),
    replan: async () => ({ infeasible: "no room" }),
  };
  const [idle, last] = [sharer("idle", null), sharer("last", onBoth)];
  expect(await planBeside([homeless, idle, last], last, alone, signal)).toBe(onCamera);
  expect(speedOf(last.asked[0] as Topology, "camera")).toBe(1);
});

test("one that does not run yet is planned for what is left when those that run have moved", async () => {
  const [newcomer, one] = [sharer("newcomer", null), sharer("one", onBoth)];
  await planBehind([newcomer, one], newcomer, alone, signal);
  expect([one, newcomer].map(({ asked }) => asked.length)).toEqual([1, 1]);
  expect(speedOf(newcomer.asked[0] as Topology, "camera")).toBeCloseTo(0.8);
});

test("of coordinators that hear of devices that of the most is believed, and none that has no source", () => {
  const world = (...names: string[]) => ({
    world: { ...topology, devices: topology.devices.filter(({ name }) => names.includes(name)) },
  });
  const seen = (...worlds: ReturnType<typeof world>[]) =>
    sharedWorld(topology, worlds).devices.map(({ name }) => name);
  // One that has just started, whose devices are on their way.
  expect(seen(world(), world("camera"))).toEqual(["camera"]);
  expect(seen(world("camera"), world("camera", "cloud"))).toEqual(["camera", "cloud"]);
  expect(seen(world("cloud"))).toEqual(["camera", "cloud"]);
});

test("memory that others take is not there", () => {
  const [camera, cloud] = topology.devices;
  if (camera === undefined || cloud === undefined) throw new Error("there are two devices");
  const limited = { ...topology, devices: [{ ...camera, memoryBytes: 100 as never }, cloud] };
  const left = withoutBytes(limited, () => 130);
  expect(left.devices.map(({ memoryBytes }) => memoryBytes)).toEqual([0, null]);
});
