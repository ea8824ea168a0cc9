import fc from "fast-check";
import { expect, test } from "vitest";
import { Imitation, names, shapeOf, started } from "../../../test/fixtures/imitated-cluster.ts";
import { inRole, servingOf, worldOf } from "./world.ts";

test("offers parts to each device as it joins, and serves when all have said that they are deployed", () => {
  const cluster = new Imitation();
  cluster.join("cloud", true);
  expect(cluster.state.generations[0]?.steps).toEqual({
    camera: "none",
    shed: "none",
    cloud: "offered",
  });
  cluster.join("camera", true);
  cluster.finish();
  expect(servingOf(cluster.state)).toBeUndefined();
  cluster.join("shed", true);
  cluster.finish();
  expect(servingOf(cluster.state)).toMatchObject({ generation: 1, role: "serving" });
});

test("goes over to a new generation when a device is lost, and retires the old one everywhere", () => {
  const cluster = started();
  cluster.leave("shed");
  cluster.finish();
  expect(servingOf(cluster.state)).toMatchObject({ generation: 2, cause: "lost shed" });
  expect(cluster.state.generations).toHaveLength(1);
  expect(cluster.state.failovers).toBe(1);
});

test("keeps what serves when a device is back before anything was fenced", () => {
  const cluster = started();
  cluster.leave("shed");
  expect(servingOf(cluster.state)).toBeUndefined();
  cluster.join("shed", false);
  cluster.finish();
  expect(servingOf(cluster.state)).toMatchObject({ generation: 1 });
  expect(cluster.state.failovers).toBe(0);
});

test("does without a link that is down, and blames a silent device rather than its link", () => {
  const cluster = started();
  cluster.say({ type: "lost", device: "shed", peer: "cloud" });
  cluster.finish();
  expect(servingOf(cluster.state)?.shape.devices).toEqual(["camera"]);
  const other = started();
  for (const _ of [1, 2]) other.say({ type: "tick", late: false });
  other.say({ type: "heard", device: "cloud" });
  other.say({ type: "lost", device: "cloud", peer: "shed" });
  expect(other.state.cuts).toEqual([]);
  other.say({ type: "heard", device: "shed" });
  expect(other.state.cuts).toEqual([{ a: "cloud", b: "shed" }]);
});

test("blames nobody for the time in which the coordinator itself stood still", () => {
  const cluster = started();
  for (const _ of [1, 2, 3, 4, 5]) cluster.say({ type: "tick", late: false });
  cluster.say({ type: "tick", late: true });
  for (const _ of [1, 2, 3, 4, 5]) cluster.say({ type: "tick", late: false });
  expect(cluster.state.faults).toBe(0);
  cluster.say({ type: "tick", late: false });
  expect(cluster.state.faults).toBe(3);
});

test("gives a sink that was there as long to come back as it may be silent, once the source is back", () => {
  const suspensions = (joinsInTime: boolean) => {
    const cluster = new Imitation("cloud");
    for (const name of names) cluster.join(name, true);
    cluster.finish();
    // The coordinator was suspended: everybody has closed the channel meanwhile.
    for (const name of names.toReversed()) cluster.leave(name);
    expect(cluster.state.suspended).toBe(true);
    cluster.join("camera", false);
    for (const _ of [1, 2, 3, 4]) cluster.say({ type: "tick", late: false });
    expect(cluster.state.suspended).toBe(false);
    if (joinsInTime) for (const name of ["cloud", "shed"]) cluster.join(name, false);
    cluster.say({ type: "tick", late: false });
    cluster.finish();
    return { suspended: cluster.state.suspended, failovers: cluster.state.failovers };
  };
  expect(suspensions(true)).toEqual({ suspended: false, failovers: 0 });
  expect(suspensions(false)).toEqual({ suspended: true, failovers: 0 });
});

test("fails at once what is asked for a sink that leaves while the source stays", () => {
  const cluster = new Imitation("cloud");
  for (const name of names) cluster.join(name, true);
  cluster.finish();
  cluster.leave("cloud");
  expect(cluster.state.suspended).toBe(true);
});

test("lets an old generation drain on while the gateway was not heard, and takes over what it cannot answer", () => {
  const cluster = started();
  cluster.say({ type: "adopt", plan: 9, shape: shapeOf(["camera", "cloud"]), cause: "it pays" });
  while (cluster.served.at(-1) === 1) cluster.turn(0);
  expect(cluster.state.generations.map(({ role }) => role)).toEqual(["draining", "serving"]);
  cluster.leave("camera");
  cluster.join("camera", false);
  expect(cluster.state.generations.map(({ role }) => role)).toEqual(["draining", "serving"]);
  cluster.leave("shed");
  expect(cluster.state.generations.map(({ role }) => role)).toEqual(["serving"]);
  expect(cluster.told.at(-1)).toMatchObject({ type: "serve", generation: 2, replay: true });
});

test("switches live to a plan that it is told, and lets the old one drain", () => {
  const cluster = started();
  const shape = shapeOf(["camera", "cloud"]);
  cluster.say({ type: "adopt", plan: 9, shape, cause: "it pays" });
  while (cluster.served.at(-1) === 1) cluster.turn(0);
  cluster.finish();
  expect(cluster.served).toEqual([1, 2]);
  expect(cluster.state.generations).toMatchObject([{ generation: 2, role: "serving" }]);
  expect(cluster.state).toMatchObject({ switches: 1, failovers: 0 });
});

test("takes a failure to fetch what may be needed one day for no failure", () => {
  const error = { code: "PART_REFUSED", message: "the disk is full", details: {} } as const;
  const fresh = new Imitation();
  fresh.join("shed", true);
  fresh.say({ type: "failed", device: "shed", generation: null, error });
  expect(fresh.state.ended).toBe(false);
  const cluster = started();
  for (const generation of [0, 7]) {
    cluster.say({ type: "failed", device: "shed", generation, error });
    expect(servingOf(cluster.state)?.generation).toBe(1);
  }
  cluster.say({ type: "failed", device: "shed", generation: 1, error });
  cluster.finish();
  expect(servingOf(cluster.state)?.shape.devices).toEqual(["camera", "cloud"]);
});

test("looks for another plan when the source cannot run its share of one, and uses it no less afterwards", () => {
  const error = { code: "RUNTIME_FAILED", message: "out of memory", details: {} } as const;
  const cluster = started();
  cluster.leave("shed");
  while (cluster.state.generations.every(({ role }) => role !== "candidate")) cluster.turn(0);
  const failing = cluster.state.generations.find(({ role }) => role === "candidate");
  const generation = failing?.generation ?? null;
  cluster.say({ type: "failed", device: "camera", generation, error });
  cluster.finish();
  expect(servingOf(cluster.state)).toBeUndefined();
  expect(cluster.state.planned).toMatchObject({ plan: null, why: "out of memory" });
  cluster.join("shed", true);
  cluster.finish();
  expect(servingOf(cluster.state)).toMatchObject({ plan: 1 });
});

test("gives up a switch when what it was planned for is gone, and does not come back to it", () => {
  const cluster = started();
  const shape = shapeOf(["camera", "cloud"]);
  cluster.say({ type: "adopt", plan: 9, shape, cause: "it pays" });
  cluster.leave("cloud");
  cluster.finish();
  cluster.join("cloud", true);
  cluster.finish();
  expect(cluster.state.wish).toBe(null);
  expect(servingOf(cluster.state)?.plan).not.toBe(9);
});

test("goes back from the source alone to what served before, once that has everybody again", () => {
  const cluster = started();
  const shape = shapeOf(["camera"]);
  cluster.say({ type: "standbyPlanned", generation: 1, plan: 5, shape });
  cluster.finish();
  const standby = cluster.state.generations.find(({ role }) => role === "standby")?.generation ?? 0;
  for (const name of names) cluster.leave(name);
  cluster.goAlone(standby);
  cluster.join("camera", false);
  expect(servingOf(cluster.state)).toMatchObject({ generation: standby, plan: 5 });
  cluster.join("shed", true);
  cluster.join("cloud", true);
  cluster.finish();
  expect(servingOf(cluster.state)).toMatchObject({ plan: 1, cause: "devices came back" });
});

test("does not give out a number again that a device knows from another coordinator", () => {
  const cluster = new Imitation();
  const joined = { type: "joined", incarnation: "1", serving: null } as const;
  cluster.join("camera", true);
  cluster.join("shed", true);
  cluster.say({ ...joined, device: "cloud", generations: [1], fencedBelow: 0 });
  expect(cluster.state.generations.map(({ generation }) => generation)).toEqual([2]);
  cluster.leave("cloud");
  cluster.say({ ...joined, device: "cloud", generations: [7], fencedBelow: 0 });
  expect(cluster.state.generations.map(({ generation }) => generation)).toEqual([8]);
  cluster.leave("cloud");
  cluster.say({ ...joined, device: "cloud", generations: [], fencedBelow: 40 });
  expect(cluster.state.generations.map(({ generation }) => generation)).toEqual([40]);
  cluster.finish();
  expect(servingOf(cluster.state)?.generation).toBe(40);
});

test("passes over a plan that was asked for before something else was lost", () => {
  const cluster = started();
  const [before, after] = [
    { without: ["shed"], cut: [] },
    { without: ["cloud", "shed"], cut: [] },
  ];
  cluster.leave("shed");
  cluster.leave("cloud");
  expect(cluster.state.planning).toEqual(after);
  cluster.say({ type: "planned", world: before, plan: null, shape: null, why: "late" });
  expect(cluster.state).toMatchObject({ planning: after, planned: null });
});

test("plans anew for losses, and after one, when other models leave more or less of the devices", () => {
  const cluster = started();
  const world = { without: ["shed"], cut: [] };
  const fallback = { world, plan: 9, shape: shapeOf(["camera", "cloud"]) };
  cluster.say({ type: "fallback", generation: 1, fallback });
  expect(cluster.state.fallbacks).toHaveLength(1);
  cluster.say({ type: "othersMoved" });
  expect(cluster.state).toMatchObject({ fallbacks: [], fallbackBase: { generation: 1 } });
  cluster.leave("shed");
  cluster.say({ type: "planned", world, plan: null, shape: null, why: "no room" });
  expect(cluster.state).toMatchObject({ planning: null, planned: { why: "no room" } });
  cluster.say({ type: "othersMoved" });
  expect(cluster.state).toMatchObject({ planning: world, planned: null });
});

test("asks once more where other models have moved before a planner said that there is no plan", () => {
  const cluster = started();
  const world = { without: ["shed"], cut: [] };
  const none = { type: "planned", world, plan: null, shape: null, why: "no room" } as const;
  cluster.leave("shed");
  cluster.say({ type: "othersMoved" });
  expect(cluster.state.planning).toEqual(world);
  cluster.say(none);
  expect(cluster.state).toMatchObject({ planning: world, planned: null });
  cluster.say(none);
  expect(cluster.state).toMatchObject({ planning: null, planned: { why: "no room" } });
});

test("uses a device again whose memory others took, and the source, once these have moved", () => {
  const refusal = (details: Record<string, number>) =>
    ({ code: "PART_REFUSED", message: "no room", details }) as const;
  const full = refusal({ neededBytes: 6, usedBytes: 6, othersBytes: 6, memoryBytes: 9 });
  for (const [error, isForGood] of [
    [refusal({ neededBytes: 12, usedBytes: 0, othersBytes: 0, memoryBytes: 9 }), true],
    [full, false],
  ] as const) {
    const cluster = started();
    cluster.say({ type: "failed", device: "shed", generation: 1, error });
    cluster.finish();
    expect(servingOf(cluster.state)?.shape.devices).toEqual(["camera", "cloud"]);
    cluster.say({ type: "othersMoved" });
    expect(worldOf(cluster.state).without).toEqual(isForGood ? ["shed"] : []);
  }
  const cluster = started();
  cluster.leave("shed");
  // The first time it gives way with what it holds itself.
  for (const _ of [1, 2]) {
    while (inRole(cluster.state, "candidate") === undefined) cluster.turn(0);
    const { generation = null } = inRole(cluster.state, "candidate") ?? {};
    cluster.say({ type: "failed", device: "camera", generation, error: full });
  }
  cluster.finish();
  expect(servingOf(cluster.state)).toBeUndefined();
  cluster.say({ type: "othersMoved" });
  cluster.finish();
  expect(servingOf(cluster.state)?.shape.devices).toEqual(["camera", "cloud"]);
});

type Step =
  | { readonly type: "turn"; readonly which: number }
  | { readonly type: "leave" | "join" | "comeBack"; readonly device: string }
  | { readonly type: "lost" | "reached"; readonly device: string; readonly peer: string }
  | { readonly type: "adopt"; readonly devices: number }
  | { readonly type: "othersMoved" }
  | { readonly type: "failed"; readonly device: string; readonly which: number };

const device = fc.constantFrom(...names);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("turn"), which: fc.nat(9) }) },
  fc.record({ type: fc.constantFrom("leave", "join", "comeBack"), device }),
  fc.record({ type: fc.constantFrom("lost", "reached"), device, peer: device }),
  fc.record({ type: fc.constant("adopt"), devices: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ type: fc.constant("failed"), device, which: fc.nat(3) }),
  fc.record({ type: fc.constant("othersMoved") }),
) as fc.Arbitrary<Step>;

function take(cluster: Imitation, one: Step, plan: number): void {
  switch (one.type) {
    case "turn":
      cluster.turn(one.which);
      break;
    case "leave":
      cluster.leave(one.device);
      break;
    case "join":
    case "comeBack":
      cluster.leave(one.device);
      cluster.join(one.device, one.type === "join");
      break;
    case "adopt": {
      const shape = shapeOf(names.slice(0, one.devices));
      cluster.say({ type: "adopt", plan: 1000 + plan, shape, cause: "test" });
      break;
    }
    case "failed": {
      const generation = cluster.state.generations[one.which]?.generation ?? null;
      const error = { code: "RUNTIME_FAILED", message: "test", details: {} } as const;
      cluster.say({ type: "failed", device: one.device, generation, error });
      break;
    }
    case "othersMoved":
      cluster.say(one);
      break;
    default:
      if (one.device !== one.peer) cluster.say(one);
  }
}

test("ends with one generation that serves on devices that are there, whatever happened before", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.subarray([...names]), (steps, missing) => {
      const cluster = started();
      for (const [position, one] of steps.entries()) take(cluster, one, position);
      for (const name of names) cluster.leave(name);
      for (const name of names) {
        if (name === "camera" || !missing.includes(name)) cluster.join(name, true);
      }
      cluster.finish();
      const serving = servingOf(cluster.state);
      expect(serving).toBeDefined();
      for (const name of serving?.shape.devices ?? []) {
        expect(cluster.state.devices[name]?.joined).toBe(true);
      }
      const roles = cluster.state.generations.map(({ role }) => role);
      expect(roles.filter((role) => role === "serving")).toHaveLength(1);
      expect(roles).not.toContain("candidate");
      const rising = cluster.served.every(
        (generation, position) =>
          position === 0 || generation >= (cluster.served[position - 1] ?? 0),
      );
      expect(rising).toBe(true);
    }),
    { numRuns: 500 },
  );
});
