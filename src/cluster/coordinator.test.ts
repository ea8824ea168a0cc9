import { setImmediate as settle } from "node:timers/promises";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import {
  joinAgent,
  type Setting,
  startCluster,
  startCoordinator,
  token,
} from "../../test/fixtures/cluster.ts";
import {
  byteTensor,
  createDigestRuntime,
  modelOfGraph,
} from "../../test/fixtures/digest-runtime.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { randomPlan } from "../../test/fixtures/random-plan.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { AgentEvent } from "./agent.ts";
import { connectClient } from "./client.ts";
import type { Coordinator } from "./coordinator.ts";
import type { BlobStore } from "./part-loader.ts";

/** Three stages on three devices in a line; the answer goes back over the relay to the camera. */
const chain = problemOf({
  inputs: { x: 8 },
  nodes: [
    { name: "a", reads: ["x"], bytes: 4, seconds: [1, 1, 1], parameterBytes: 2048 },
    { name: "b", reads: ["a"], bytes: 4, seconds: [1, 1, 1], parameterBytes: 2048 },
    { name: "c", reads: ["a", "b"], bytes: 4, seconds: [1, 1, 1], parameterBytes: 2048 },
  ],
  outputs: ["c"],
  devices: [{ name: "camera" }, { name: "gateway" }, { name: "cloud" }],
  links: [
    { from: "camera", to: "gateway", secondsPerByte: 1, latencySeconds: 0.5 },
    { from: "gateway", to: "cloud", secondsPerByte: 1 },
    { from: "cloud", to: "gateway", secondsPerByte: 1 },
    { from: "gateway", to: "camera", secondsPerByte: 1 },
  ],
  sink: "camera",
});
const pipeline = planOf(chain, ["camera", "gateway", "cloud"]) as Plan;

function virtualSetting(secondsOf?: (node: string) => number) {
  const clock = createVirtualClock({ settle: () => settle() });
  const transport = createMemoryTransport();
  return { clock, transport, runtime: createDigestRuntime(clock, secondsOf) };
}

function realSetting(): Setting {
  const transport = createMemoryTransport();
  return { clock: systemClock, transport, runtime: createDigestRuntime(systemClock) };
}

const inputOf = (request: number): TensorValues => ({ x: byteTensor([request, 7]) });

/** What one device alone answers. */
async function wholeAnswer(inputs: TensorValues, problem = chain): Promise<TensorValues> {
  const session = await createDigestRuntime(systemClock).load(modelOfGraph(problem.index.graph), {
    threads: 1,
  });
  const copies = Object.entries(inputs).map(
    ([name, { data }]) => [name, byteTensor(data)] as const,
  );
  return (await session.run(Object.fromEntries(copies))).outputs;
}

async function start(setting: Setting, plan = pipeline, options = {}) {
  const cluster = await startCluster(setting, chain, plan, options);
  onTestFinished(() => cluster.coordinator.close());
  return cluster;
}

test("answers many overlapping requests as the whole graph does, each with its own answer", async () => {
  const { coordinator } = await start(realSetting());
  const requests = Array.from({ length: 50 }, (_, request) => inputOf(request));
  const answers = await Promise.all(requests.map((inputs) => coordinator.infer(inputs)));
  const expected = await Promise.all(requests.map((inputs) => wholeAnswer(inputs)));
  expect(answers.map(({ outputs }) => outputs)).toEqual(expected);
});

test("answers as the whole graph does under any plan: relays, stages in a circle, several outputs", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
      const { problem, plan } = randomPlan(seed);
      const { coordinator } = await startCluster(realSetting(), problem, plan);
      const requests = [0, 1, 2, 3, 4].map((request) =>
        Object.fromEntries(
          problem.index.graph.inputs.map((name, input) => [name, byteTensor([request, input])]),
        ),
      );
      const answers = await Promise.all(requests.map((inputs) => coordinator.infer(inputs)));
      for (const [request, inputs] of requests.entries()) {
        expect(answers[request]?.outputs).toEqual(await wholeAnswer(inputs, problem));
      }
      await coordinator.close();
    }),
    { numRuns: 60 },
  );
});

test("keeps no more requests in flight, and on any device, than the window allows", async () => {
  const setting = virtualSetting((node) => (node === "c" ? 10 : 1));
  const { coordinator } = await start(setting, pipeline, { window: 3 });
  const answered = Promise.all([...Array(12).keys()].map((n) => coordinator.infer(inputOf(n))));
  await setting.clock.advance(seconds(200));
  await answered;
  expect(coordinator.peakInFlight).toBe(3);
  const peaks = coordinator.status().map(({ peakRequests }) => peakRequests);
  expect(Math.max(...peaks)).toBe(3);
});

test("overlaps the stages of successive requests: the slowest one sets the period", async () => {
  const setting = virtualSetting((node) => (node === "b" ? 4 : 2));
  const { coordinator } = await start(setting);
  const ends: number[] = [];
  const answered = Promise.all(
    [...Array(10).keys()].map(async (request) => {
      await coordinator.infer(inputOf(request));
      ends.push(setting.clock.now());
    }),
  );
  await setting.clock.advance(seconds(100));
  await answered;
  const gaps = ends.slice(1).map((end, position) => end - (ends[position] as number));
  for (const gap of gaps) expect(gap).toBeCloseTo(4, 9);
});

test("imitates slow devices and links only when it is told to", async () => {
  const slow = problemOf({
    inputs: { x: 2 },
    nodes: [
      { name: "a", reads: ["x"], bytes: 64, seconds: [1, 1] },
      { name: "b", reads: ["a"], bytes: 32, seconds: [1, 1] },
    ],
    outputs: ["b"],
    devices: [{ name: "camera", speed: 0.25 }, { name: "cloud" }],
    links: [{ from: "camera", to: "cloud", secondsPerByte: 0.125, latencySeconds: 0.5 }],
  });
  const plan = planOf(slow, ["camera", "cloud"]) as Plan;
  const totals: number[] = [];
  for (const emulate of [false, true]) {
    const setting = virtualSetting(() => 1);
    const { coordinator } = await startCluster(setting, slow, plan, { emulate });
    const answered = coordinator.infer({ x: byteTensor([1, 2]) });
    await setting.clock.advance(seconds(30));
    totals.push((await answered).timings.totalSeconds);
    await coordinator.close();
  }
  // 1 + 1 s of compute; with a speed of 0.25, the planned 64 bytes (in truth it makes 32) at 8 byte/s,
  // and the latency: 4 + 8 + 0.5 + 1 s.
  expect(totals[0]).toBeCloseTo(2, 9);
  expect(totals[1]).toBeCloseTo(13.5, 2);
});

test("says per stage and hop where the time of a request went", async () => {
  const setting = virtualSetting(() => 2);
  const { coordinator } = await start(setting);
  const answered = coordinator.infer(inputOf(1));
  await setting.clock.advance(seconds(20));
  const { timings } = await answered;
  expect(timings.totalSeconds).toBeCloseTo(6, 9);
  expect(
    timings.stages.map(({ stage, computeSeconds }) => [stage, computeSeconds]).toSorted(),
  ).toEqual([
    ["s0", 2],
    ["s1", 2],
    ["s2", 2],
  ]);
  expect(timings.hops.map(({ tensor, from, to }) => `${tensor} ${from} ${to}`).toSorted()).toEqual([
    "a camera gateway",
    "a gateway cloud",
    "b gateway cloud",
    "c cloud gateway",
    "c gateway camera",
  ]);
});

test("rejects every waiting request with DEVICE_LOST when a device dies, naming it", async () => {
  const setting = virtualSetting(() => 5);
  const { coordinator, agents } = await start(setting);
  const failures = Promise.all(
    [...Array(20).keys()].map((n) => coordinator.infer(inputOf(n)).catch((error) => error)),
  );
  await setting.clock.advance(seconds(7));
  await agents.get("gateway")?.close();
  for (const error of await failures) {
    expect(error).toMatchObject({ code: "DEVICE_LOST", details: { device: "gateway" } });
  }
  expect(await coordinator.ended).toMatchObject({ code: "DEVICE_LOST" });
  await expect(coordinator.infer(inputOf(1))).rejects.toMatchObject({ code: "DEVICE_LOST" });
  expect(await agents.get("camera")?.ended).toBeNull();
});

test("counts a device that sends no heartbeat any more as lost", async () => {
  const setting = virtualSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline, {
    heartbeatSeconds: 0.5,
    missedHeartbeats: 4,
  });
  for (const name of ["camera", "cloud"]) await joinAgent(setting, coordinator, name);
  const silent = { ...setting, clock: createVirtualClock({ settle: () => settle() }) };
  await joinAgent(silent, coordinator, "gateway");
  await coordinator.ready();
  await setting.clock.advance(seconds(5));
  const error = await coordinator.ended;
  expect(error).toMatchObject({ code: "DEVICE_LOST", details: { device: "gateway" } });
  expect(error?.message).toContain("no heartbeat for 2.5 s (limit 2.0 s)");
});

test("names the devices that did not join in time", async () => {
  const setting = virtualSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline, { joinSeconds: 3 });
  await joinAgent(setting, coordinator, "gateway");
  const ready = coordinator.ready().catch((error) => error);
  await setting.clock.advance(seconds(3));
  expect(await ready).toMatchObject({
    code: "DEVICE_LOST",
    details: { missing: ["camera", "cloud"] },
  });
});

test("gives a request up at its deadline and goes on with the others", async () => {
  const setting = virtualSetting((node) => (node === "b" ? 10 : 1));
  const { coordinator } = await start(setting);
  const late = coordinator.infer(inputOf(1), 5).catch((error) => error);
  const patient = coordinator.infer(inputOf(2));
  await setting.clock.advance(seconds(40));
  expect(await late).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect((await patient).outputs).toEqual(await wholeAnswer(inputOf(2)));
  expect(coordinator.status().map(({ requests }) => requests)).toEqual([0, 0, 0]);
});

test("refuses an agent with another token, another runtime, an unknown name or one that is taken", async () => {
  const setting = realSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline);
  onTestFinished(() => coordinator.close());
  const join = (name: string, options = {}) => joinAgent(setting, coordinator, name, options);
  await expect(join("camera", { token: `${token}!` })).rejects.toMatchObject({
    code: "TOKEN_REFUSED",
  });
  await expect(
    join("camera", { runtime: createDigestRuntime(systemClock, undefined, "digest 2") }),
  ).rejects.toMatchObject({ code: "PART_REFUSED" });
  await expect(join("moon")).rejects.toMatchObject({ code: "USAGE_INVALID" });
  await join("camera");
  await expect(join("camera")).rejects.toMatchObject({ code: "USAGE_INVALID" });
});

test("lets another runtime in where mixed fleets are allowed", async () => {
  const setting = realSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline, { mixed: true });
  onTestFinished(() => coordinator.close());
  const runtime = createDigestRuntime(systemClock, undefined, "digest 2");
  const agent = await joinAgent(setting, coordinator, "camera", { runtime });
  expect(agent.name).toBe("camera");
});

test("refuses parts that do not fit into a device's memory, with the numbers", async () => {
  const setting = realSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline);
  const gateway = await joinAgent(setting, coordinator, "gateway", { memoryBytes: 1500 });
  const message = "part s1 needs 2.056 kB, agent 'gateway' may use 1.5 kB";
  await expect(coordinator.ready()).rejects.toMatchObject({
    code: "PART_REFUSED",
    message: expect.stringContaining(message),
  });
  expect(await gateway.ended).toMatchObject({ code: "PART_REFUSED" });
});

test("sends a device its own parts only, and nothing that it knows already", async () => {
  const setting = realSetting();
  const blobs: BlobStore = new Map();
  const received: number[] = [];
  for (const _ of ["first", "again"]) {
    const coordinator = await startCoordinator(setting, chain, pipeline);
    const onEvent = (event: AgentEvent) => {
      if (event.type === "receiving") received.push(event.blobs);
    };
    await joinAgent(setting, coordinator, "camera");
    await joinAgent(setting, coordinator, "gateway", { blobs, onEvent });
    await joinAgent(setting, coordinator, "cloud");
    await coordinator.ready();
    await coordinator.close();
  }
  // The skeleton and the weight of its one node.
  expect(received).toEqual([2, 0]);
});

test("checks the inputs at the door", async () => {
  const { coordinator } = await start(realSetting());
  const byte = byteTensor([1]);
  await expect(coordinator.infer({ y: byte })).rejects.toMatchObject({ code: "TENSOR_UNKNOWN" });
  await expect(coordinator.infer({})).rejects.toMatchObject({ code: "TENSOR_UNKNOWN" });
  await expect(coordinator.infer({ x: { ...byte, dataType: "int8" } })).rejects.toMatchObject({
    code: "TENSOR_TYPE_MISMATCH",
  });
  await expect(coordinator.infer({ x: { ...byte, shape: [2] } })).rejects.toMatchObject({
    code: "TENSOR_SHAPE_MISMATCH",
  });
});

test("refuses a plan of another graph", async () => {
  const plan = { ...pipeline, graphSha256: "0".repeat(64) };
  await expect(startCoordinator(realSetting(), chain, plan)).rejects.toMatchObject({
    code: "PLAN_INVALID",
  });
});

async function connect(setting: Setting, coordinator: Coordinator) {
  const { transport, clock } = setting;
  const client = await connectClient({ transport, clock, address: coordinator.address, token });
  onTestFinished(() => client.close());
  return client;
}

test("serves clients that dial in, and never mixes requests of one number", async () => {
  const setting = realSetting();
  const { coordinator } = await start(setting);
  const clients = [await connect(setting, coordinator), await connect(setting, coordinator)];
  expect(clients[0]).toMatchObject({
    model: "sketch",
    emulated: false,
    window: coordinator.window,
  });
  // Both number their requests 1 to 20.
  const answers = await Promise.all(
    clients.flatMap((client, which) =>
      [...Array(20).keys()].map((request) => client.infer(inputOf(100 * which + request))),
    ),
  );
  const expected = await Promise.all(
    [0, 1].flatMap((which) =>
      [...Array(20).keys()].map((request) => wholeAnswer(inputOf(100 * which + request))),
    ),
  );
  expect(answers.map(({ outputs }) => outputs)).toEqual(expected);
});

test("tells a client what is wrong with one request and goes on", async () => {
  const setting = realSetting();
  const { coordinator } = await start(setting);
  const client = await connect(setting, coordinator);
  await expect(client.infer({})).rejects.toMatchObject({ code: "TENSOR_UNKNOWN" });
  expect((await client.infer(inputOf(3))).outputs).toEqual(await wholeAnswer(inputOf(3)));
});

test("tells a client that a device was lost, also if it was waiting for nothing just then", async () => {
  const setting = virtualSetting(() => 5);
  const { coordinator, agents } = await start(setting);
  const client = await connect(setting, coordinator);
  const failure = client.infer(inputOf(1)).catch((error) => error);
  await setting.clock.advance(seconds(2));
  await agents.get("cloud")?.close();
  expect(await failure).toMatchObject({ code: "DEVICE_LOST", details: { device: "cloud" } });
  await coordinator.ended;
  await expect(client.infer(inputOf(2))).rejects.toMatchObject({
    code: "DEVICE_LOST",
    details: { device: "cloud" },
  });
});

test("tells a client that the coordinator was closed", async () => {
  const setting = virtualSetting(() => 5);
  const { coordinator } = await start(setting);
  const client = await connect(setting, coordinator);
  await coordinator.close();
  await expect(client.infer(inputOf(1))).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
});

test("does not let a client in that lacks the token", async () => {
  const setting = realSetting();
  const { coordinator } = await start(setting);
  const { transport, clock } = setting;
  await expect(
    connectClient({ transport, clock, address: coordinator.address, token: "" }),
  ).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
});

test("closes in order: agents end, waiting requests are told", async () => {
  const setting = virtualSetting(() => 5);
  const { coordinator, agents } = await start(setting);
  const failure = coordinator.infer(inputOf(1)).catch((error) => error);
  await coordinator.close();
  expect(await failure).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(await coordinator.ended).toBeNull();
  for (const agent of agents.values()) expect(await agent.ended).toBeNull();
});
