import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  joinAgent,
  realSetting,
  type Setting,
  startCluster,
  startCoordinator,
  token,
  virtualSetting,
} from "../../test/fixtures/cluster.ts";
import { byteTensor, createDigestRuntime } from "../../test/fixtures/digest-runtime.ts";
import { HostClock } from "../../test/fixtures/host-clock.ts";
import { planOf } from "../../test/fixtures/plan-of.ts";
import { randomPlan } from "../../test/fixtures/random-plan.ts";
import { problemOf, unreadProblem } from "../../test/fixtures/sketch.ts";
import { wholeAnswer } from "../../test/fixtures/whole-answer.ts";
import { systemClock } from "../base/clock.node.ts";
import { seconds } from "../base/units.ts";
import type { Plan } from "../plan/plan.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import type { AgentEvent } from "./agent-options.ts";
import { memoryBlobStore } from "./blob-store.ts";
import type { ClusterEvent } from "./status.ts";
import { watchCluster } from "./watch-client.ts";

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

const inputOf = (request: number): TensorValues => ({ x: byteTensor([request, 7]) });

async function start(setting: Setting, plan = pipeline, options = {}) {
  const cluster = await startCluster(setting, chain, plan, options);
  onTestFinished(() => cluster.coordinator.close());
  const client = await connect(setting, cluster.coordinator);
  onTestFinished(() => client.close());
  return { ...cluster, client };
}

test("answers many overlapping requests as the whole graph does, each with its own answer", async () => {
  const { client } = await start(realSetting());
  const requests = Array.from({ length: 50 }, (_, request) => inputOf(request));
  const answers = await Promise.all(requests.map((inputs) => client.infer(inputs)));
  const expected = await Promise.all(
    requests.map((inputs) => wholeAnswer(chain.index.graph, inputs)),
  );
  expect(answers.map(({ outputs }) => outputs)).toEqual(expected);
});

test("answers as the whole graph does under any plan: relays, stages in a circle, several outputs", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
      const { problem, plan } = randomPlan(seed);
      const setting = realSetting();
      const { coordinator } = await startCluster(setting, problem, plan);
      const client = await connect(setting, coordinator);
      const requests = [0, 1, 2, 3, 4].map((request) =>
        Object.fromEntries(
          problem.index.graph.inputs.map((name, input) => [name, byteTensor([request, input])]),
        ),
      );
      const answers = await Promise.all(requests.map((inputs) => client.infer(inputs)));
      for (const [request, inputs] of requests.entries()) {
        expect(answers[request]?.outputs).toEqual(await wholeAnswer(problem.index.graph, inputs));
      }
      await client.close();
      await coordinator.close();
    }),
    { numRuns: 40 },
  );
});

test("waits for the source, where requests live, even if no input is read", async () => {
  const unread = unreadProblem();
  const setting = realSetting();
  const plan = planOf(unread, ["cloud"]) as Plan;
  const { coordinator } = await startCluster(setting, unread, plan);
  onTestFinished(() => coordinator.close());
  const client = await connect(setting, coordinator);
  onTestFinished(() => client.close());
  const { outputs } = await client.infer(inputOf(1));
  expect(outputs).toEqual(await wholeAnswer(unread.index.graph, inputOf(1)));
});

test("keeps no more requests on any device than the window allows", async () => {
  const setting = virtualSetting((node) => (node === "c" ? 10 : 1));
  const { coordinator, client } = await start(setting, pipeline, { window: 3 });
  expect(client.window).toBe(3);
  await setting.until(Promise.all([...Array(12).keys()].map((n) => client.infer(inputOf(n)))));
  const peaks = coordinator.status().devices.map(({ peakRequests }) => peakRequests);
  expect(Math.max(...peaks)).toBe(3);
});

test("takes fewer requests at once where a device's memory holds no more", async () => {
  const setting = virtualSetting(() => 1);
  const coordinator = await startCoordinator(setting, chain, pipeline);
  onTestFinished(() => coordinator.close());
  for (const name of ["camera", "cloud"]) await joinAgent(setting, coordinator, name);
  // 2056 bytes for its part, and 12 for each of two requests: 4 that come, 4 + 4 that it makes or passes on.
  await joinAgent(setting, coordinator, "gateway", { memoryBytes: 2080 });
  await setting.until(coordinator.ready());
  const client = await connect(setting, coordinator);
  onTestFinished(() => client.close());
  expect(client.window).toBe(2);
});

test("overlaps the stages of successive requests: the slowest one sets the period", async () => {
  const setting = virtualSetting((node) => (node === "b" ? 4 : 2));
  const { client } = await start(setting);
  const ends: number[] = [];
  const answered = Promise.all(
    [...Array(10).keys()].map(async (request) => {
      await client.infer(inputOf(request));
      ends.push(setting.clock.now());
    }),
  );
  await setting.until(answered);
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
    const client = await connect(setting, coordinator);
    const { timings } = await setting.until(client.infer({ x: byteTensor([1, 2]) }));
    totals.push(timings.totalSeconds);
    await client.close();
    await coordinator.close();
  }
  // 1 + 1 s of compute; with a speed of 0.25, the planned 64 bytes (in truth it makes 32) at 8 byte/s,
  // and the latency: 4 + 8 + 0.5 + 1 s.
  expect(totals[0]).toBeCloseTo(2, 9);
  expect(totals[1]).toBeCloseTo(13.5, 2);
});

test("says per stage and hop where the time of a request went", async () => {
  const setting = virtualSetting(() => 2);
  const { client } = await start(setting);
  const { timings } = await setting.until(client.infer(inputOf(1)));
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

test("says how everything stands, and what has happened", async () => {
  const setting = virtualSetting(() => 1);
  const events: string[] = [];
  const onEvent = ({ type }: ClusterEvent) => events.push(type);
  const { coordinator, client } = await start(setting, pipeline, { onEvent });
  await setting.until(Promise.all([1, 2, 3].map((request) => client.infer(inputOf(request)))));
  await setting.clock.advance(seconds(2));
  const status = coordinator.status();
  expect(status).toMatchObject({ phase: "serving", why: null, serving: 1, faults: 0 });
  expect(status.devices.map(({ device, state, role }) => [device, state, role])).toEqual([
    ["camera", "running", "source and sink"],
    ["gateway", "running", null],
    ["cloud", "running", null],
  ]);
  expect(status.requests).toMatchObject({ answered: 3, failed: 0, inFlight: 0 });
  const [generation] = status.generations;
  expect(generation?.stages.map(({ measuredSeconds }) => measuredSeconds)).toEqual([1, 1, 1]);
  const counted = [...new Set(events)];
  expect(counted).toEqual(["preparing", "joined", "sending", "serving"]);
});

test("shows whoever looks on how it stands, at once and again, and each event", async () => {
  const setting = virtualSetting(() => 1);
  const { coordinator } = await start(setting);
  const { transport, clock } = setting;
  const end = new AbortController();
  const { address } = coordinator;
  const watched = watchCluster({ transport, clock, address, token, signal: end.signal });
  const next = async () => (await setting.until(watched.next())).value;
  expect(await next()).toMatchObject({ type: "status", body: { status: { phase: "serving" } } });
  coordinator.note({ type: "drift", what: "the link got slow", gain: 0.5, taken: false });
  const event = { type: "drift", gain: 0.5 };
  expect(await next()).toMatchObject({ type: "event", body: { event } });
  expect(await next()).toMatchObject({ type: "status" });
  end.abort();
  expect((await setting.until(watched.next())).done).toBe(true);
});

test("names the devices that did not join in time", async () => {
  const setting = virtualSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline, { joinSeconds: 3 });
  await joinAgent(setting, coordinator, "gateway");
  const ready = coordinator.ready().catch((error) => error);
  expect(await setting.until(ready)).toMatchObject({
    code: "DEVICE_LOST",
    details: { missing: ["camera", "cloud"] },
  });
});

test("waits for ever where it is told to, and says for whom", async () => {
  const setting = virtualSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline, { joinSeconds: null });
  onTestFinished(() => coordinator.close());
  await joinAgent(setting, coordinator, "gateway");
  await setting.clock.advance(seconds(4000));
  expect(coordinator.status()).toMatchObject({
    phase: "waiting",
    why: "waits for camera, cloud to join",
  });
});

test("gives a request up at its deadline and goes on with the others", async () => {
  const setting = virtualSetting((node) => (node === "b" ? 10 : 1));
  const { coordinator, client } = await start(setting);
  const late = client.infer(inputOf(1), { deadlineSeconds: 5 }).catch((error) => error);
  const patient = client.infer(inputOf(2));
  expect(await setting.until(late)).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect((await setting.until(patient)).outputs).toEqual(
    await wholeAnswer(chain.index.graph, inputOf(2)),
  );
  await setting.clock.advance(seconds(20));
  expect(coordinator.status().devices.map(({ requests }) => requests)).toEqual([0, 0, 0]);
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
  await joinAgent(setting, coordinator, "gateway", { memoryBytes: 1500 });
  const message = "part s1 needs 2.056 kB, agent 'gateway' may use 1.5 kB";
  await expect(coordinator.ready()).rejects.toMatchObject({
    code: "PART_REFUSED",
    message: expect.stringContaining(message),
  });
  expect(await coordinator.ended).toMatchObject({ code: "PART_REFUSED" });
});

test("sends a device its own parts only, and nothing that it knows already", async () => {
  const setting = realSetting();
  const blobs = memoryBlobStore();
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

test("has agents ask for their parts where a depot never says that it has them", async () => {
  const setting = virtualSetting();
  const depot = { stock: () => new Promise<void>(() => undefined) };
  const { client } = await start(setting, pipeline, { depot });
  const { outputs } = await setting.until(client.infer(inputOf(1)));
  expect(Object.keys(outputs)).toEqual(["c"]);
});

test("waits for no depot any more when it is closed", async () => {
  const setting = virtualSetting();
  const clock = new HostClock(setting.clock);
  const depot = { stock: () => new Promise<void>(() => undefined) };
  const coordinator = await startCoordinator({ ...setting, clock }, chain, pipeline, { depot });
  await setting.until(joinAgent(setting, coordinator, "camera"));
  await setting.clock.advance(seconds(1));
  await setting.until(coordinator.close());
  await setting.clock.advance(seconds(1));
  expect(clock.sleepers).toBe(0);
});

test("refuses a plan of another graph", async () => {
  const plan = { ...pipeline, graphSha256: "0".repeat(64) };
  await expect(startCoordinator(realSetting(), chain, plan)).rejects.toMatchObject({
    code: "PLAN_INVALID",
  });
});

test("serves several clients, and never mixes requests of one number", async () => {
  const setting = realSetting();
  const { coordinator, client } = await start(setting);
  const other = await connect(setting, coordinator);
  onTestFinished(() => other.close());
  expect(client).toMatchObject({ model: "sketch", emulated: false });
  // Both number their requests 1 to 20.
  const answers = await Promise.all(
    [client, other].flatMap((one, which) =>
      [...Array(20).keys()].map((request) => one.infer(inputOf(100 * which + request))),
    ),
  );
  const expected = await Promise.all(
    [0, 1].flatMap((which) =>
      [...Array(20).keys()].map((request) =>
        wholeAnswer(chain.index.graph, inputOf(100 * which + request)),
      ),
    ),
  );
  expect(answers.map(({ outputs }) => outputs)).toEqual(expected);
});

test("tells a client that nothing serves yet, instead of letting it wait for ever", async () => {
  const setting = virtualSetting();
  const coordinator = await startCoordinator(setting, chain, pipeline);
  onTestFinished(() => coordinator.close());
  await expect(connect(setting, coordinator)).rejects.toMatchObject({
    code: "DEVICE_LOST",
    details: { why: "waits for camera, gateway, cloud to join" },
  });
});

test("does not let a client in that lacks the token", async () => {
  const setting = realSetting();
  const { coordinator } = await start(setting);
  await expect(connect(setting, coordinator, { token: "" })).rejects.toMatchObject({
    code: "TOKEN_REFUSED",
  });
});

test("closes in order: agents end, waiting requests are told", async () => {
  const setting = virtualSetting(() => 5);
  const { coordinator, agents, client } = await start(setting);
  const failure = client.infer(inputOf(1)).catch((error) => error);
  await setting.clock.advance(seconds(1));
  await setting.until(coordinator.close());
  expect(await setting.until(failure)).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(await coordinator.ended).toBeNull();
  for (const agent of agents.values()) expect(await setting.until(agent.ended)).toBeNull();
});
