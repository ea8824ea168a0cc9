import fc from "fast-check";
import { expect, test } from "vitest";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { randomPlan } from "../../test/fixtures/random-plan.ts";
import { problemOf, unreadProblem } from "../../test/fixtures/sketch.ts";
import type { Plan } from "../plan/plan.ts";
import { createDeployment, type Deployment } from "./deployment.ts";

/** camera – gateway – cloud in a line; a is read by b on the camera and by c in the cloud. */
const problem = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1, 1] },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1, 1] },
    { name: "c", reads: ["a", "b"], bytes: 4, seconds: [1, 1, 1] },
  ],
  outputs: ["c"],
  devices: [{ name: "camera" }, { name: "gateway" }, { name: "cloud" }],
  links: [
    { from: "camera", to: "gateway", secondsPerByte: 1 },
    { from: "gateway", to: "cloud", secondsPerByte: 1 },
    { from: "cloud", to: "gateway", secondsPerByte: 1 },
    { from: "gateway", to: "camera", secondsPerByte: 1 },
  ],
  sink: "camera",
});

function deploy(placement: readonly string[]): Deployment {
  const plan = planOf(problem, placement) as Plan;
  return createDeployment(plan, problem.index.graph, problem.topology, 3);
}

test("gives a device that takes part only as a relay what to pass on, and no stage", () => {
  const gateway = deploy(["camera", "camera", "cloud"]).devices.find(
    ({ device }) => device === "gateway",
  );
  expect(gateway).toEqual({
    device: "gateway",
    generation: 3,
    stages: [],
    receives: [
      { tensor: "a", from: "camera" },
      { tensor: "b", from: "camera" },
      { tensor: "c", from: "cloud" },
    ],
    forwards: [
      { tensor: "a", to: "cloud", bytes: 4 },
      { tensor: "b", to: "cloud", bytes: 4 },
      { tensor: "c", to: "camera", bytes: 4 },
    ],
    answers: [],
  });
});

test("lets inputs enter at the source and the answer leave at the sink", () => {
  const { source, entering, devices } = deploy(["cloud", "cloud", "cloud"]);
  expect([source, entering]).toEqual(["camera", ["x"]]);
  expect(devices.map(({ answers }) => answers)).toEqual([["c"], [], []]);
});

test("leaves out devices that the plan does not use", () => {
  expect(deploy(["camera", "camera", "camera"]).devices.map(({ device }) => device)).toEqual([
    "camera",
  ]);
});

test("has the source take part, where requests live, even if no input is read", () => {
  const unread = unreadProblem();
  const plan = planOf(unread, ["cloud"]) as Plan;
  const { devices } = createDeployment(plan, unread.index.graph, unread.topology, 1);
  expect(devices.map(({ device, receives, stages }) => [device, receives, stages.length])).toEqual([
    ["camera", [], 0],
    ["cloud", [], 1],
  ]);
});

test("makes two stages of a device that the data comes back to", () => {
  const [camera] = deploy(["camera", "gateway", "camera"]).devices;
  expect(camera?.stages).toEqual([
    { id: "s0", inputs: ["x"], outputs: ["a"] },
    { id: "s2", inputs: ["a", "b"], outputs: ["c"] },
  ]);
});

test("makes one hop of two that meet at the coordinator's relay, which does not take part", () => {
  const plan = planOf(problem, ["camera", "camera", "cloud"]) as Plan;
  const devices = problem.topology.devices.map((device) =>
    device.name === "gateway" ? { ...device, relay: "coordinator" as const } : device,
  );
  const topology = { ...problem.topology, devices };
  const deployment = createDeployment(plan, problem.index.graph, topology, 1);
  expect(
    deployment.devices.map(({ device, forwards, receives }) => [device, forwards, receives]),
  ).toEqual([
    [
      "camera",
      [
        { tensor: "a", to: "cloud", bytes: 4, via: "gateway" },
        { tensor: "b", to: "cloud", bytes: 4, via: "gateway" },
      ],
      [
        { tensor: "x", from: null },
        { tensor: "c", from: "cloud" },
      ],
    ],
    [
      "cloud",
      [{ tensor: "c", to: "camera", bytes: 4, via: "gateway" }],
      [
        { tensor: "a", from: "camera" },
        { tensor: "b", from: "camera" },
      ],
    ],
  ]);
});

test("refuses a plan that lacks a transfer, naming device and tensor", () => {
  const plan = planOf(problem, ["camera", "camera", "cloud"]) as Plan;
  const lacking = { ...plan, transfers: plan.transfers.filter(({ tensor }) => tensor !== "b") };
  expect(() => createDeployment(lacking, problem.index.graph, problem.topology, 1)).toThrow(
    "device 'cloud' never gets tensor 'b'",
  );
});

test("refuses a plan that uses a device which the topology lacks", () => {
  const plan = planOf(problem, ["camera", "camera", "camera"]) as Plan;
  const moved = { ...plan, stages: plan.stages.map((stage) => ({ ...stage, devices: ["moon"] })) };
  expect(() => createDeployment(moved, problem.index.graph, problem.topology, 1)).toThrow(
    /'moon'|never/,
  );
});

test("brings every tensor to everyone who needs it, exactly once, under any plan", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
      const { problem: any, plan } = randomPlan(seed);
      const { graph } = any.index;
      const deployment = createDeployment(plan, graph, any.topology, 1);
      const { ran, answered, arrivals } = walk(deployment);
      expect(ran.toSorted()).toEqual(plan.stages.map(({ id }) => id).toSorted());
      expect(answered.toSorted()).toEqual([...graph.outputs].toSorted());
      for (const times of arrivals.values()) expect(times).toBe(1);
      const expected = deployment.devices.flatMap(({ device, receives }) =>
        receives.map(({ tensor }) => `${device} ${tensor}`),
      );
      expect([...arrivals.keys()].toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 300 },
  );
});

/** Follows one request through a deployment, hop by hop. */
function walk({ devices, source, entering }: Deployment) {
  const byName = new Map(devices.map((device) => [device.device, device]));
  const arrivals = new Map<string, number>();
  const present = new Set<string>();
  const ran: string[] = [];
  const answered: string[] = [];
  const place = (device: string, tensor: string) => {
    present.add(`${device} ${tensor}`);
    for (const forward of byName.get(device)?.forwards ?? []) {
      if (forward.tensor === tensor) arrive(forward.to, tensor);
    }
    if (byName.get(device)?.answers.includes(tensor)) answered.push(tensor);
  };
  const arrive = (device: string, tensor: string) => {
    const key = `${device} ${tensor}`;
    arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
    place(device, tensor);
  };
  for (const tensor of entering) arrive(source, tensor);
  for (let before = -1; before < ran.length; ) {
    before = ran.length;
    for (const { device, stages } of devices) {
      for (const stage of stages) {
        const isReady = stage.inputs.every((tensor) => present.has(`${device} ${tensor}`));
        if (ran.includes(stage.id) || !isReady) continue;
        ran.push(stage.id);
        for (const tensor of stage.outputs) place(device, tensor);
      }
    }
  }
  return { ran, answered, arrivals };
}
