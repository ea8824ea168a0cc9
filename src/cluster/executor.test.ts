import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  byteTensor,
  createDigestRuntime,
  modelOfGraph,
} from "../../test/fixtures/digest-runtime.ts";
import { problemOf } from "../../test/fixtures/sketch.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../base/virtual-clock.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Session } from "../runtime/runtime.ts";
import type { Failure, Report } from "./data-message.ts";
import type { DeviceDeployment } from "./deployment.ts";
import { Executor, type ExecutorOptions } from "./executor.ts";
import { Keeper } from "./keeper.ts";
import { Processor } from "./processor.ts";

/** Two stages that both read x, which is also passed on. */
const fork: DeviceDeployment = {
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

/** x → a → b, with a passed on and b the answer. */
const chain: DeviceDeployment = {
  device: "gateway",
  generation: 1,
  stages: [
    { id: "s0", inputs: ["x"], outputs: ["a"] },
    { id: "s1", inputs: ["a"], outputs: ["b"] },
  ],
  receives: [{ tensor: "x", from: "camera" }],
  forwards: [{ tensor: "a", to: "cloud", bytes: 2 }],
  answers: ["b"],
};

const everything = {
  stages: ["s0", "s1"],
  forwards: [{ tensor: "a", to: "cloud" }],
  answers: ["b"],
};

interface Delivery {
  readonly to: string | null;
  readonly request: number;
  readonly tensor: string;
  readonly value: TensorValue;
}

async function sessionOf(
  clock: VirtualClock,
  made: string,
  { reads = "x", cost = 1 } = {},
): Promise<Session> {
  const { index } = problemOf({
    inputs: { [reads]: 1 },
    nodes: [{ name: made, reads: [reads], bytes: 1, seconds: [1] }],
    outputs: [made],
    devices: [{ name: "camera" }],
    links: [],
  });
  return await createDigestRuntime(clock, () => cost).load(modelOfGraph(index.graph), {
    threads: 1,
  });
}

async function setUp(
  options: Partial<ExecutorOptions> = {},
  { speed = 1, clock = createVirtualClock({ settle: () => settle() }) } = {},
) {
  const deployment = options.deployment ?? fork;
  const keeper = options.keeper ?? new Keeper(1000);
  const delivered: Delivery[] = [];
  const outcomes: (Report | Failure)[] = [];
  const isCut = { now: false };
  const executor = new Executor({
    deployment,
    sessions: new Map([
      ["s0", await sessionOf(clock, "a")],
      ["s1", await sessionOf(clock, "b", { reads: deployment.stages[1]?.inputs[0] ?? "x" })],
    ]),
    clock,
    processor: new Processor(clock, speed),
    keeper,
    deliver: async (to, request, tensor, value) => {
      if (isCut.now) throw new CodedError("CHANNEL_CLOSED", "cut");
      // The bytes must be whole until the send is over, whatever stages do with theirs.
      await clock.sleep(seconds(0.5));
      delivered.push({ to, request, tensor, value: { ...value, data: value.data.slice() } });
      return { queueSeconds: seconds(0), sendSeconds: seconds(0.5) };
    },
    onOutcome: (outcome) => outcomes.push(outcome),
    ...options,
  });
  const reports = () => outcomes.flatMap((one) => (one.type === "report" ? [one] : []));
  const sent = () => delivered.map(({ to, request, tensor }) => `${request} ${tensor} ${to}`);
  return { clock, executor, keeper, delivered, outcomes, isCut, reports, sent };
}

test("gives every user of a tensor its bytes, although each run takes its inputs away", async () => {
  const { clock, executor, delivered, outcomes } = await setUp();
  executor.accept(1, "x", byteTensor([4, 2]));
  await clock.advance(seconds(5));
  expect(outcomes.map(({ type }) => type)).toEqual(["report"]);
  expect(delivered.map(({ to, tensor }) => [to, tensor])).toEqual([
    ["cloud", "x"],
    [null, "a"],
    [null, "b"],
  ]);
  expect(delivered[0]?.value).toEqual(byteTensor([4, 2]));
});

test("leaves what enters here with whoever gave it", async () => {
  const { clock, executor } = await setUp();
  const input = byteTensor([4, 2]);
  executor.accept(1, "x", input);
  await clock.advance(seconds(5));
  expect(input).toEqual(byteTensor([4, 2]));
});

test("runs one stage at a time, the oldest request first", async () => {
  const { clock, executor, reports } = await setUp();
  for (const request of [3, 1, 2]) executor.accept(request, "x", byteTensor([request]));
  await clock.advance(seconds(20));
  // Request 3 was alone when its first stage began; its second one has to wait for the others.
  expect(reports().map(({ request }) => request)).toEqual([1, 2, 3]);
  expect(reports()[2]?.stages.map(({ queueSeconds }) => queueSeconds)).toEqual([0, 5]);
});

test("shares the device with other generations: one stage at a time over all of them", async () => {
  const clock = createVirtualClock({ settle: () => settle() });
  const shared = { processor: new Processor(clock), keeper: new Keeper(1000) };
  const sessions = new Map([
    ["s0", await sessionOf(clock, "a")],
    ["s1", await sessionOf(clock, "b")],
  ]);
  const older = await setUp({ ...shared, sessions }, { clock });
  const next = { ...fork, generation: 2 };
  const newer = await setUp({ ...shared, sessions, deployment: next }, { clock });
  newer.executor.accept(2, "x", byteTensor([2]));
  older.executor.accept(1, "x", byteTensor([1]));
  await clock.advance(seconds(20));
  // The one stage that had begun, then everything of the older request.
  expect(older.reports()[0]?.stages.map(({ queueSeconds }) => queueSeconds)).toEqual([1, 2]);
  expect(newer.reports()[0]?.stages.map(({ queueSeconds }) => queueSeconds)).toEqual([0, 3]);
});

test("holds nothing of a request that is done or settled, and ignores what comes of it later", async () => {
  const { clock, executor, keeper, reports } = await setUp();
  for (const request of [1, 2, 3]) executor.accept(request, "x", byteTensor([request]));
  expect(executor.requests).toBe(3);
  keeper.settle({ below: 4, open: [1, 3] });
  executor.settle();
  executor.accept(2, "x", byteTensor([9]));
  await clock.advance(seconds(20));
  expect(reports().map(({ request }) => request)).toEqual([1, 3]);
  expect([executor.requests, executor.peakRequests, executor.heldBytes]).toEqual([0, 3, 0]);
  executor.accept(1, "x", byteTensor([1]));
  executor.begin(3, null);
  await clock.advance(seconds(20));
  expect([reports().length, executor.requests]).toEqual([2, 0]);
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
  const sessions = new Map([
    ["s0", failing],
    ["s1", good],
  ]);
  const set = await setUp({ sessions }, { clock });
  set.executor.accept(1, "x", byteTensor([1]));
  set.executor.accept(2, "x", byteTensor([2]));
  await clock.advance(seconds(20));
  expect(set.outcomes.map(({ type, request }) => [type, request])).toEqual([
    ["failure", 1],
    ["report", 2],
  ]);
});

test("ignores a tensor that comes twice", async () => {
  const { clock, executor, reports, sent } = await setUp();
  executor.accept(1, "x", byteTensor([1]));
  executor.accept(1, "x", byteTensor([2]));
  await clock.advance(seconds(9));
  executor.accept(1, "x", byteTensor([1]));
  await clock.advance(seconds(9));
  expect(sent()).toEqual(["1 x cloud", "1 a null", "1 b null"]);
  expect(reports().length).toBe(1);
});

test("makes a run last as long as it would on a slower device", async () => {
  const { clock, executor, reports } = await setUp({}, { speed: 0.25 });
  executor.accept(1, "x", byteTensor([1]));
  await clock.advance(seconds(20));
  expect(reports()[0]?.stages.map(({ busySeconds }) => busySeconds)).toEqual([4, 4]);
});

test("says when each stage could begin and each tensor could go, since it heard of the request", async () => {
  const { clock, executor, reports } = await setUp({ deployment: chain });
  await clock.advance(seconds(3));
  executor.accept(1, "x", byteTensor([7]));
  await clock.advance(seconds(9));
  const [report] = reports();
  expect(report?.stages.map(({ stage, startSeconds }) => [stage, startSeconds])).toEqual([
    ["s0", 0],
    ["s1", 1],
  ]);
  // What the first stage made is sent when the second has begun.
  expect(report?.hops).toMatchObject([{ tensor: "a", startSeconds: 1, sendSeconds: 0.5 }]);
});

test("says how long what it received was on its way", async () => {
  const { clock, executor, reports } = await setUp({ deployment: chain });
  const arrived = { from: "camera", bytes: 1, transitSeconds: 0.25, decodeSeconds: 0 };
  executor.accept(1, "x", byteTensor([1]), arrived);
  await clock.advance(seconds(9));
  expect(reports()[0]?.receipts).toEqual([
    { tensor: "x", from: "camera", to: "gateway", bytes: 1, seconds: 0.25 },
  ]);
});

test("keeps what it forwards and answers, and goes on from there in a later generation", async () => {
  const keeper = new Keeper(1000);
  const before = await setUp({ deployment: chain, keeper });
  before.executor.accept(1, "x", byteTensor([1]));
  await before.clock.advance(seconds(1.9));
  before.executor.close();
  expect(keeper.recall(1)).toEqual(["a"]);
  const after = await setUp({ deployment: { ...chain, generation: 2 }, keeper });
  after.executor.begin(1, { stages: ["s1"], forwards: everything.forwards, answers: ["b"] });
  await after.clock.advance(seconds(9));
  expect(after.sent()).toEqual(["1 a cloud", "1 b null"]);
  expect(after.reports()[0]?.stages.map(({ stage }) => stage)).toEqual(["s1"]);
  const whole = await setUp({ deployment: chain });
  whole.executor.accept(1, "x", byteTensor([1]));
  await whole.clock.advance(seconds(9));
  expect(after.delivered.map(({ value }) => value)).toEqual(
    whole.delivered.map(({ value }) => value),
  );
});

test("narrows work that had begun to what a resume names", async () => {
  const { clock, executor, reports, sent } = await setUp({ deployment: chain });
  const arrived = { from: "camera", bytes: 1, transitSeconds: 0, decodeSeconds: 0 };
  executor.accept(1, "x", byteTensor([1]), arrived);
  executor.begin(1, { stages: ["s0"], forwards: everything.forwards, answers: [] });
  await clock.advance(seconds(9));
  expect(sent()).toEqual(["1 a cloud"]);
  expect(reports()[0]?.stages.map(({ stage }) => stage)).toEqual(["s0"]);
  expect(executor.heldBytes).toBe(0);
});

test("reports at once what a resume leaves nothing to do for, once", async () => {
  const { clock, executor, reports } = await setUp({ deployment: chain });
  const none = { stages: [], forwards: [], answers: [] };
  executor.begin(1, none);
  executor.begin(1, none);
  const arrived = { from: "camera", bytes: 1, transitSeconds: 0, decodeSeconds: 0 };
  executor.accept(1, "x", byteTensor([1]), arrived);
  await clock.advance(seconds(9));
  expect(reports().map(({ stages }) => stages)).toEqual([[]]);
});

test("sends what found no channel when there is one again, and tells again how requests ended", async () => {
  const { clock, executor, isCut, outcomes, sent } = await setUp({ deployment: chain });
  isCut.now = true;
  const arrived = { from: "camera", bytes: 1, transitSeconds: 0, decodeSeconds: 0 };
  executor.accept(1, "x", byteTensor([1]), arrived);
  await clock.advance(seconds(9));
  expect([sent(), outcomes]).toEqual([[], []]);
  isCut.now = false;
  executor.reached("cloud");
  await clock.advance(seconds(1));
  expect(sent()).toEqual(["1 a cloud"]);
  executor.reached(null);
  await clock.advance(seconds(1));
  expect(sent()).toEqual(["1 a cloud", "1 b null"]);
  executor.reached(null);
  expect(outcomes.map(({ type }) => type)).toEqual(["report", "report"]);
});

test("a request of which a tensor was refused fails, also if nothing else of it was here", async () => {
  const { clock, executor, outcomes } = await setUp({ deployment: chain });
  executor.refuse(1, new CodedError("DEVICE_BUSY", "full"));
  const arrived = { from: "camera", bytes: 1, transitSeconds: 0, decodeSeconds: 0 };
  executor.accept(1, "x", byteTensor([1]), arrived);
  executor.refuse(1, new CodedError("DEVICE_BUSY", "full again"));
  await clock.advance(seconds(9));
  const error = { code: "DEVICE_BUSY", message: "full" };
  expect(outcomes).toMatchObject([{ type: "failure", generation: 1, request: 1, error }]);
});
