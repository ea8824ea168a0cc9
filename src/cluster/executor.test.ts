import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  byteTensor,
  createDigestRuntime,
  modelOfGraph,
} from "../../test/fixtures/digest-runtime.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../base/virtual-clock.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Session } from "../runtime/runtime.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { Executor, type ExecutorOptions } from "./executor.ts";
import type { Report } from "./message.ts";

/** Two stages that both read x, which is also passed on. */
const deployment: DeviceDeployment = {
  device: "camera",
  generation: 1,
  stages: [
    { id: "s0", inputs: ["x"], outputs: ["a"] },
    { id: "s1", inputs: ["x"], outputs: ["b"] },
  ],
  receives: [{ tensor: "x", from: null }],
  forwards: [{ tensor: "x", to: "cloud", bytes: 2 }],
  answers: ["a", "b"],
};

interface Outcome {
  readonly delivered: { to: string | null; request: number; tensor: string; value: TensorValue }[];
  readonly reports: Report[];
  readonly failures: { request: number; error: unknown }[];
}

async function sessionOf(clock: VirtualClock, made: string, cost = 1): Promise<Session> {
  const { index } = problemOf({
    inputs: { x: 1 },
    nodes: [{ name: made, reads: ["x"], bytes: 1, seconds: [1] }],
    outputs: [made],
    devices: [{ name: "camera" }],
    links: [],
  });
  return await createDigestRuntime(clock, () => cost).load(modelOfGraph(index.graph), {
    threads: 1,
  });
}

async function setUp(options: Partial<ExecutorOptions> = {}) {
  const clock = createVirtualClock({ settle: () => settle() });
  const outcome: Outcome = { delivered: [], reports: [], failures: [] };
  const executor = new Executor({
    deployment,
    sessions: new Map([
      ["s0", await sessionOf(clock, "a")],
      ["s1", await sessionOf(clock, "b")],
    ]),
    clock,
    speed: 1,
    deliver: async (to, request, tensor, value) => {
      // The bytes must be whole until the send is over, whatever stages do with theirs.
      await clock.sleep(seconds(0.5));
      outcome.delivered.push({
        to,
        request,
        tensor,
        value: { ...value, data: value.data.slice() },
      });
      return { queueSeconds: seconds(0), sendSeconds: seconds(0.5) };
    },
    onReport: (report) => outcome.reports.push(report),
    onFailure: (request, error) => outcome.failures.push({ request, error }),
    ...options,
  });
  return { clock, executor, ...outcome };
}

test("gives every user of a tensor its bytes, although each run takes its inputs away", async () => {
  const { clock, executor, delivered, failures } = await setUp();
  executor.accept(1, "x", byteTensor([4, 2]));
  await clock.advance(seconds(5));
  expect(failures).toEqual([]);
  expect(delivered.map(({ to, tensor }) => [to, tensor])).toEqual([
    ["cloud", "x"],
    [null, "a"],
    [null, "b"],
  ]);
  expect(delivered[0]?.value).toEqual(byteTensor([4, 2]));
});

test("runs one stage at a time, the oldest request first", async () => {
  const { clock, executor, reports } = await setUp();
  for (const request of [3, 1, 2]) executor.accept(request, "x", byteTensor([request]));
  await clock.advance(seconds(20));
  // Request 3 was alone when its first stage began; its second one has to wait for the others.
  expect(reports.map(({ request }) => request)).toEqual([1, 2, 3]);
  expect(reports[2]?.stages.map(({ queueSeconds }) => queueSeconds)).toEqual([0, 5]);
});

test("holds nothing of a request that is done, failed or forgotten", async () => {
  const { clock, executor, reports } = await setUp();
  for (const request of [1, 2, 3]) executor.accept(request, "x", byteTensor([request]));
  expect(executor.requests).toBe(3);
  executor.forget(2);
  executor.accept(2, "x", byteTensor([9]));
  await clock.advance(seconds(20));
  expect(reports.map(({ request }) => request)).toEqual([1, 3]);
  expect([executor.requests, executor.peakRequests]).toEqual([0, 3]);
});

test("fails a request whose stage fails, and goes on with the next", async () => {
  const clock = createVirtualClock({ settle: () => settle() });
  const good = await sessionOf(clock, "b");
  const working = await sessionOf(clock, "a");
  let runs = 0;
  const failing: Session = {
    ...working,
    run: (inputs) => (runs++ === 0 ? Promise.reject(new Error("broken")) : working.run(inputs)),
  };
  const set = await setUp({
    clock,
    sessions: new Map([
      ["s0", failing],
      ["s1", good],
    ]),
  });
  set.executor.accept(1, "x", byteTensor([1]));
  set.executor.accept(2, "x", byteTensor([2]));
  await clock.advance(seconds(9));
  await set.clock.advance(seconds(9));
  await clock.advance(seconds(9));
  expect(set.failures.map(({ request }) => request)).toEqual([1]);
  expect(set.reports.map(({ request }) => request)).toEqual([2]);
});

test("refuses a tensor that comes twice", async () => {
  const { executor } = await setUp();
  executor.accept(1, "x", byteTensor([1]));
  expect(() => executor.accept(1, "x", byteTensor([1]))).toThrow("twice for request 1");
});

test("makes a run last as long as it would on a slower device", async () => {
  const { clock, executor, reports } = await setUp({ speed: 0.25 });
  executor.accept(1, "x", byteTensor([1]));
  await clock.advance(seconds(20));
  expect(reports[0]?.stages.map(({ busySeconds }) => busySeconds)).toEqual([4, 4]);
});
