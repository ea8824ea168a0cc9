import { expect, onTestFinished, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { Measured } from "./control-message.ts";
import type { Begin, Recall, Settled } from "./data-message.ts";
import type { Deployment, DeviceDeployment } from "./deployment.ts";
import type { RequestTrace } from "./gateway/request-trace.ts";
import { Gateway } from "./gateway.ts";
import type { Message } from "./message.ts";

const declared = { dataType: "uint8", shape: [1], isRanked: true };
const byte = (value: number): TensorValue => ({
  dataType: "uint8",
  shape: [1],
  data: new Uint8Array([value]),
});

/** x → a on the camera → b on the other device, which answers. */
function chain(generation: number, other: string): Deployment {
  const devices: DeviceDeployment[] = [
    {
      device: "camera",
      generation,
      stages: [{ id: "s0", inputs: ["x"], outputs: ["a"] }],
      receives: [{ tensor: "x", from: null }],
      forwards: [{ tensor: "a", to: other, bytes: 1 }],
      answers: [],
    },
    {
      device: other,
      generation,
      stages: [{ id: "s1", inputs: ["a"], outputs: ["b"] }],
      receives: [{ tensor: "a", from: "camera" }],
      forwards: [],
      answers: ["b"],
    },
  ];
  return { generation, source: "camera", entering: ["x"], outputs: ["b"], devices };
}

interface Told {
  readonly device: string;
  readonly message: Begin | Recall | Settled;
}

/** A gateway whose devices are played by the test. */
function start(window = 4) {
  const clock = createVirtualClock();
  const told: Told[] = [];
  const entered: string[] = [];
  const drained: number[] = [];
  const served: number[] = [];
  const measured: Measured[] = [];
  const unreachable = new Set<string>();
  const traces: RequestTrace[] = [];
  const gateway = new Gateway({
    device: "camera",
    clock,
    lines: {
      tell: async (device, message) => {
        if (unreachable.has(device)) throw new CodedError("CHANNEL_CLOSED", `no ${device}`);
        told.push({ device, message });
      },
      enter: (generation, request, tensor) => entered.push(`${generation} ${request} ${tensor}`),
    },
    onServing: (generation) => served.push(generation),
    onDrained: (generation) => drained.push(generation),
    onMeasured: (report) => measured.push(report),
    heartbeatSeconds: () => 0.5,
    onTrace: (trace) => traces.push(trace),
  });
  onTestFinished(() => gateway.close(new CodedError("CHANNEL_CLOSED", "the test is over")));
  const know = (generation: number, other: string) => {
    const opened = {
      type: "opened",
      model: "m",
      inputs: [{ name: "x", ...declared }],
      outputs: [
        { name: "one", ...declared },
        { name: "b", ...declared },
      ],
      emulated: false,
      window,
    } as const;
    const deployment = chain(generation, other);
    gateway.know(generation, { deployment, opened }, { one: byte(1) });
  };
  const hear = (device: string, message: Message, payload = new Uint8Array(0)) =>
    gateway.hear(device, { message, payload });
  const report = (device: string, generation: number, request: number) =>
    hear(device, { type: "report", generation, request, stages: [], hops: [], receipts: [] });
  const answer = (device: string, generation: number, request: number, value: number) => {
    const { dataType, shape, data } = byte(value);
    hear(device, { type: "tensor", generation, request, tensor: "b", dataType, shape }, data);
  };
  const finish = (device: string, generation: number, request: number, value: number) => {
    answer(device, generation, request, value);
    report("camera", generation, request);
    report(device, generation, request);
  };
  const ask = (id: string | null = null) =>
    gateway.ask({ inputs: { x: byte(5) }, id, deadlineSeconds: null });
  return {
    ...{ clock, gateway, told, entered, drained, served, measured, unreachable, traces },
    ...{ know, hear, report, answer, finish, ask },
  };
}

const settled = (told: readonly Told[]) =>
  told.flatMap(({ device, message }) =>
    message.type === "settled" ? [`${device} ${message.below} ${message.open.join()}`] : [],
  );

test("requests wait until a generation serves, and come back with constants, in order", async () => {
  const { gateway, know, ask, entered, finish } = start();
  know(1, "edge");
  const { answered } = ask();
  expect(entered).toEqual([]);
  gateway.serve(1, false);
  expect(entered).toEqual(["1 1 x"]);
  finish("edge", 1, 1, 9);
  const { outputs } = await answered;
  expect(Object.entries(outputs)).toEqual([
    ["one", byte(1)],
    ["b", byte(9)],
  ]);
});

test("devices are told together what has ended, and later if they cannot be told", async () => {
  const { gateway, know, ask, finish, told, clock, unreachable } = start();
  know(1, "edge");
  gateway.serve(1, false);
  for (let count = 0; count < 2; count++) void ask();
  finish("edge", 1, 1, 0);
  finish("edge", 1, 2, 0);
  unreachable.add("edge");
  expect(settled(told)).toEqual([]);
  await clock.advance(seconds(0.02));
  expect(settled(told)).toEqual(["camera 3 "]);
  unreachable.clear();
  gateway.reached("edge");
  await clock.advance(seconds(0.02));
  expect(settled(told)).toEqual(["camera 3 ", "edge 3 "]);
  // Whether it has come nobody knows.
  await clock.advance(seconds(0.6));
  expect(settled(told).slice(2)).toEqual(["camera 3 ", "edge 3 "]);
});

test("a replay begins where a tensor is kept, and nothing enters again", async () => {
  const { gateway, know, ask, told, entered, hear, clock, answer, report } = start();
  know(1, "edge");
  know(2, "cloud");
  gateway.serve(1, false);
  const { answered } = ask();
  gateway.serve(2, true);
  expect(told.filter(({ message }) => message.type === "recall").map((one) => one.device)).toEqual([
    "camera",
    "cloud",
  ]);
  hear("camera", {
    type: "kept",
    generation: 2,
    body: { requests: [{ request: 1, tensors: ["a"] }] },
  });
  hear("cloud", { type: "kept", generation: 2, body: { requests: [] } });
  await clock.advance(seconds(0));
  expect(entered).toEqual(["1 1 x"]);
  const begins = told.flatMap(({ device, message }) =>
    message.type === "begin" ? [{ device, generation: message.generation, ...message.resume }] : [],
  );
  expect(begins).toEqual([
    {
      device: "camera",
      generation: 2,
      stages: [],
      forwards: [{ tensor: "a", to: "cloud" }],
      answers: [],
    },
    { device: "cloud", generation: 2, stages: ["s1"], forwards: [], answers: ["b"] },
  ]);
  // The fenced generation answers late: it is dropped.
  answer("edge", 1, 1, 66);
  answer("cloud", 2, 1, 9);
  report("camera", 2, 1);
  report("cloud", 2, 1);
  expect((await answered).outputs["b"]).toEqual(byte(9));
  await clock.advance(seconds(0.02));
  expect(settled(told).toSorted()).toEqual(["camera 2 ", "cloud 2 ", "edge 2 "]);
});

test("a device that does not say what it keeps is waited for a quarter of a second", async () => {
  const { gateway, know, ask, entered, hear, clock } = start();
  know(1, "edge");
  know(2, "cloud");
  gateway.serve(1, false);
  void ask();
  gateway.serve(2, true);
  void ask();
  hear("camera", { type: "kept", generation: 2, body: { requests: [] } });
  await clock.advance(seconds(0.24));
  expect(entered).toEqual(["1 1 x"]);
  await clock.advance(seconds(0.02));
  expect(entered).toEqual(["1 1 x", "2 1 x", "2 2 x"]);
});

test("a switch lets old requests finish where they are, and says when they have", async () => {
  const { gateway, know, ask, entered, finish, drained, served } = start();
  know(1, "edge");
  know(2, "cloud");
  gateway.serve(1, false);
  const old = ask();
  gateway.serve(2, false);
  void ask();
  expect(entered).toEqual(["1 1 x", "2 2 x"]);
  expect(drained).toEqual([]);
  finish("edge", 1, 1, 3);
  expect((await old.answered).outputs["b"]).toEqual(byte(3));
  expect([drained, served, gateway.serving]).toEqual([[1], [1, 2], 2]);
  gateway.serve(2, false);
  expect(drained).toEqual([1]);
});

test("while it is suspended requests fail with the reason, and afterwards they are taken", async () => {
  const { gateway, know, ask, finish } = start();
  know(1, "edge");
  gateway.serve(1, false);
  const done = ask("done");
  finish("edge", 1, 1, 3);
  await done.answered;
  const failed = ask("lost").answered.catch((error) => error);
  gateway.suspend({ code: "DEVICE_LOST", message: "the sink is lost", details: {} });
  expect(await failed).toMatchObject({ code: "DEVICE_LOST" });
  expect(() => ask()).toThrow("the sink is lost");
  expect((await ask("done").answered).outputs["b"]).toEqual(byte(3));
  expect(gateway.serving).toBeNull();
  gateway.serve(1, true);
  const again = ask("lost");
  finish("edge", 1, 3, 4);
  expect((await again.answered).outputs["b"]).toEqual(byte(4));
});

test("what is in flight when its generation is retired goes into the next one", async () => {
  const { gateway, know, ask, entered, clock } = start();
  know(1, "edge");
  gateway.serve(1, false);
  void ask();
  gateway.retire(1);
  expect([gateway.serving, gateway.stats.waiting]).toEqual([null, 1]);
  know(2, "cloud");
  gateway.serve(2, false);
  await clock.advance(seconds(0.25));
  expect(entered).toEqual(["1 1 x", "2 1 x"]);
});

test("a device may say only what it has to say, and generations that are unknown are dropped", () => {
  const { gateway, know, hear, answer, report } = start();
  know(1, "edge");
  gateway.serve(1, false);
  expect(() => answer("camera", 1, 1, 0)).toThrow("does not answer with it");
  expect(() => report("cloud", 1, 1)).toThrow("takes no part");
  expect(() => hear("edge", { type: "ping" })).toThrow("does not carry it");
  const hop = { tensor: "a", from: "camera", to: "edge", bytes: 1 };
  const hops = [{ ...hop, startSeconds: 0, encodeSeconds: 0, queueSeconds: 0, sendSeconds: 0 }];
  const foreign = { type: "report", generation: 1, request: 1, stages: [], hops, receipts: [] };
  expect(() => hear("edge", foreign as Message)).toThrow("another device");
  expect(() => answer("camera", 9, 1, 0)).not.toThrow();
});

test("says each heartbeat what it has seen", async () => {
  const { gateway, know, ask, finish, measured, clock } = start();
  know(1, "edge");
  gateway.serve(1, false);
  void ask();
  await clock.advance(seconds(0.25));
  finish("edge", 1, 1, 0);
  await clock.advance(seconds(0.75));
  expect(measured.map(({ body }) => [body.answered, body.latencySeconds])).toEqual([
    [1, 0.25],
    [1, null],
  ]);
});

test("a request that has waited longer than any generation lasted is no settled one", async () => {
  const { gateway, know, ask, told, clock } = start();
  know(1, "edge");
  void ask();
  gateway.retire(1);
  know(2, "cloud");
  gateway.serve(2, false);
  gateway.reached("cloud");
  await clock.advance(seconds(0.02));
  expect(settled(told)).toEqual(["cloud 2 1"]);
});

test("an answer that is complete does not wait for a device that was lost before", async () => {
  const { gateway, know, ask, answer, report } = start();
  know(1, "edge");
  gateway.serve(1, false);
  const { answered } = ask();
  gateway.lost("camera");
  report("edge", 1, 1);
  answer("edge", 1, 1, 4);
  expect((await answered).outputs["b"]).toEqual(byte(4));
});

test("says what becomes of each request, by its number", async () => {
  const { gateway, know, ask, finish, traces, clock } = start();
  know(1, "edge");
  know(2, "cloud");
  gateway.serve(1, false);
  const one = ask("one");
  ask("one").withdraw();
  ask().withdraw();
  gateway.serve(2, true);
  await clock.advance(seconds(0.25));
  finish("cloud", 2, 1, 9);
  expect((await one.answered).request).toBe(1);
  void ask("one");
  const failed = ask().answered.catch((error) => error);
  gateway.suspend({ code: "DEVICE_LOST", message: "the sink is lost", details: {} });
  await failed;
  const told = traces.map(({ request, type, ...more }) => [request, type, ...Object.values(more)]);
  const lost = { code: "DEVICE_LOST", message: "the sink is lost", details: {} };
  expect(told).toEqual([
    [1, "asked", "one", false],
    [1, "begun", 1],
    [1, "asked", "one", true],
    [2, "asked", null, false],
    [2, "begun", 1],
    [2, "unanswered", null],
    [1, "replayed", 2],
    [1, "answered", 2, 0, 0.25],
    [1, "asked", "one", true],
    [3, "asked", null, false],
    [3, "begun", 2],
    [3, "unanswered", lost],
  ]);
});
