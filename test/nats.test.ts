import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../src/base/clock.node.ts";
import { CodedError } from "../src/base/errors.ts";
import { seconds } from "../src/base/units.ts";
import type { InferOptions } from "../src/cluster/client.ts";
import type { Inference } from "../src/cluster/inference.ts";
import { sha256Hex } from "../src/cluster/secret.ts";
import { type Answering, runBridge } from "../src/nats/bridge.ts";
import { connectNats, type NatsCredentials } from "../src/nats/connection.node.ts";
import { connectDurably } from "../src/nats/durable-client.ts";
import { type Engine, openEngine } from "../src/nats/engine.ts";
import { keepAnswer } from "../src/nats/kept-requests.ts";
import { presentMembers, sayPresent } from "../src/nats/membership.ts";
import { answerKey } from "../src/nats/names.ts";
import { parseNatsUrl } from "../src/nats/nats-url.ts";
import { partsDepot } from "../src/nats/parts-depot.ts";
import type { TensorValues } from "../src/runtime/runtime.ts";
import { cellConformance } from "./conformance/shared-cell.ts";
import { type NatsServer, startNatsServer } from "./fixtures/nats-server.ts";

let server: NatsServer;
let clusters = 0;

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** What is kept for a cluster that no other test uses. */
async function openCluster(): Promise<{ readonly engine: Engine; reopen(): Promise<Engine> }> {
  clusters++;
  const place = parseNatsUrl(`${server.url}/test-${clusters}`);
  const reopen = async () => {
    const connection = await connectNats(place, {});
    onTestFinished(() => connection.close());
    return await openEngine(connection, place, systemClock);
  };
  return { engine: await reopen(), reopen };
}

const input = { name: "x", dataType: "float32", shape: ["n"], isRanked: true } as const;

function floats(values: readonly number[]): TensorValues {
  const data = new Uint8Array(new Float32Array(values).buffer);
  return { x: { dataType: "float32", shape: [values.length], data } };
}

/** Somebody who gives the inputs back, after what is said has resolved, and counts how often. */
function echo(hold: (id: string) => Promise<void> = async () => undefined) {
  const asked: string[] = [];
  const answering: Answering = {
    inputs: [input],
    outputs: [{ ...input, name: "y" }],
    emulated: false,
    window: 4,
    infer: async (inputs: TensorValues, { id = "" }: InferOptions = {}): Promise<Inference> => {
      asked.push(id);
      await hold(id);
      const timings = { waitSeconds: 0, totalSeconds: 0, source: "camera", stages: [], hops: [] };
      return { request: asked.length, outputs: { y: inputs["x"] ?? empty }, timings };
    },
  };
  return { asked, answering };
}

const empty = { dataType: "float32", shape: [0], data: new Uint8Array() } as const;

/** Answers a model's requests until the test has ended, or is told to stop. */
function answer(engine: Engine, asked: Answering): { stop(): Promise<void> } {
  const over = new AbortController();
  const running = runBridge({ engine, model: "echo", asked, signal: over.signal });
  const stop = async () => {
    over.abort();
    await running;
  };
  onTestFinished(stop);
  return { stop };
}

/** A client, as soon as the model has been announced. */
async function client(engine: Engine) {
  let count = 0;
  const newId = () => `own-${++count}`;
  for (;;) {
    try {
      const connected = await connectDurably({ engine, newId });
      onTestFinished(() => connected.close());
      return connected;
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== "MODEL_NOT_READY") throw error;
      await systemClock.sleep(seconds(0.02));
    }
  }
}

cellConformance("a key of a bucket", async () => {
  const { engine, reopen } = await openCluster();
  const other = await reopen();
  return { one: engine.leader, other: other.leader };
});

test("answers what was asked, each request once", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  answer(engine, answering);
  const asking = await client(engine);
  const answers = await Promise.all([...Array(20).keys()].map((n) => asking.infer(floats([n]))));
  expect(answers.map(({ outputs }) => outputs["y"])).toEqual(
    [...Array(20).keys()].map((n) => floats([n])["x"]),
  );
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  // A request is taken from the queue when its answer is kept: who waits for the answer may be faster.
  await expect
    .poll(async () => (await engine.manager.streams.info(engine.names.requests)).state.messages)
    .toBe(0);
});

test("gives a request to the next one when whoever took it ends", async () => {
  const { engine, reopen } = await openCluster();
  let onTaken = (): void => undefined;
  const taken = new Promise<void>((resolve) => {
    onTaken = resolve;
  });
  const first = echo(() => {
    onTaken();
    return new Promise(() => undefined);
  });
  const bridge = answer(await reopen(), first.answering);
  const asking = await client(engine);
  const inference = asking.infer(floats([7]), { id: "seven" });
  await taken;
  await bridge.stop();
  const second = echo();
  answer(engine, second.answering);
  expect((await inference).outputs["y"]).toEqual(floats([7])["x"]);
  expect([first.asked, second.asked]).toEqual([["seven"], ["seven"]]);
});

test("keeps an answer for a client that comes back, and tells one that asks something else", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  answer(engine, {
    ...answering,
    infer: async (...words) => {
      const inference = await answering.infer(...words);
      await held;
      return inference;
    },
  });
  const leaving = await client(engine);
  const lost = leaving.infer(floats([1, 2]), { id: "once" });
  while (asked.length === 0) await systemClock.sleep(seconds(0.01));
  await leaving.close();
  await expect(lost).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  release();
  const back = await client(engine);
  await expect(back.infer(floats([3]), { id: "once" })).rejects.toMatchObject({
    code: "REQUEST_ID_TAKEN",
  });
  expect((await back.infer(floats([1, 2]), { id: "once" })).outputs["y"]).toEqual(
    floats([1, 2])["x"],
  );
});

test("takes a request back that is given up before anybody has begun with it", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  const bridge = answer(engine, answering);
  const asking = await client(engine);
  await bridge.stop();
  await expect(asking.infer(floats([1]), { deadlineSeconds: 0.2 })).rejects.toMatchObject({
    code: "REQUEST_DEADLINE_EXCEEDED",
  });
  expect((await engine.manager.streams.info(engine.names.requests)).state.messages).toBe(0);
  expect(asked).toEqual([]);
});

test("answers under an id that was used before: its answer taken, or the request taken back", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  const bridge = answer(engine, answering);
  const asking = await client(engine);
  const again = async () => (await asking.infer(floats([1]), { id: "again" })).outputs["y"];
  expect([await again(), await again()]).toEqual([floats([1])["x"], floats([1])["x"]]);
  await bridge.stop();
  const given = { id: "again", deadlineSeconds: 0.2 };
  await expect(asking.infer(floats([1]), given)).rejects.toMatchObject({
    code: "REQUEST_DEADLINE_EXCEEDED",
  });
  // The cluster cannot answer at first: what is delivered again is not taken for the one before.
  let isLost = true;
  answer(engine, {
    ...answering,
    infer: async (inputs, options) => {
      const inference = await answering.infer(inputs, options);
      if (isLost) throw new CodedError("DEVICE_LOST", "the source is lost");
      return inference;
    },
  });
  const last = again();
  while (asked.length < 3) await systemClock.sleep(seconds(0.01));
  isLost = false;
  expect(await last).toEqual(floats([1])["x"]);
});

test("keeps no second answer of somebody who was held up, even when the first one has been taken", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  answer(engine, answering);
  const asking = await client(engine);
  const since = new Date();
  await asking.infer(floats([1]), { id: "once" });
  expect(asked).toEqual(["once"]);
  const key = answerKey("echo", "once");
  expect(await keepAnswer(engine, key, new Uint8Array(9), since)).toBe(false);
  expect((await engine.answers.get(key))?.operation).toBe("PURGE");
});

test("tells a failure once, and asks again where the cluster says it may", async () => {
  const { engine } = await openCluster();
  const { asked, answering } = echo();
  answer(engine, {
    ...answering,
    infer: async (inputs, options) => {
      const inference = await answering.infer(inputs, options);
      if (asked.length === 1) throw new CodedError("DEVICE_LOST", "the source is lost");
      if (options?.id === "bad") throw new CodedError("RUNTIME_FAILED", "division by zero");
      return inference;
    },
  });
  const asking = await client(engine);
  expect((await asking.infer(floats([1]), { id: "good" })).outputs["y"]).toEqual(floats([1])["x"]);
  expect(asked).toEqual(["good", "good"]);
  await expect(asking.infer(floats([1]), { id: "bad" })).rejects.toMatchObject({
    code: "RUNTIME_FAILED",
    message: "division by zero",
  });
});

test("keeps inputs and answers that no message holds, and removes them when they are taken", async () => {
  const { engine } = await openCluster();
  answer(engine, echo().answering);
  const asking = await client(engine);
  const large = floats([...Array(400_000).keys()]);
  const { outputs } = await asking.infer(large);
  expect(sha256Hex(outputs["y"]?.data ?? new Uint8Array())).toBe(
    sha256Hex(large["x"]?.data ?? new Uint8Array()),
  );
  expect((await engine.bodies.list()).map(({ name }) => name)).toEqual([]);
});

test("goes on when its server was killed and started again", async () => {
  const { engine } = await openCluster();
  answer(engine, echo().answering);
  const asking = await client(engine);
  const before = asking.infer(floats([1]));
  await before;
  await server.restart();
  expect((await asking.infer(floats([2]))).outputs["y"]).toEqual(floats([2])["x"]);
});

test("sees who is there when the server was killed and started again", async () => {
  const { engine } = await openCluster();
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const member = { id: "b", role: "agent", name: "cloud", addresses: ["10.0.0.3:1"] } as const;
  void sayPresent(engine, () => member, over.signal);
  await server.restart();
  const present = () => presentMembers(engine).catch(() => []);
  while ((await present()).length === 0) await systemClock.sleep(seconds(0.05));
  expect(await present()).toEqual([member]);
});

test("keeps blobs for all, in order and from any offset on", async () => {
  const { engine, reopen } = await openCluster();
  const bytes = new Uint8Array(5_000_000).map((_, at) => at % 251);
  const sha256 = sha256Hex(bytes);
  const depot = partsDepot(engine.parts);
  await depot.stock([
    { sha256, bytes },
    { sha256: sha256Hex(new Uint8Array()), bytes: new Uint8Array() },
  ]);
  const received = new Uint8Array(bytes.length);
  const take = async (offset: number, piece: Uint8Array) => received.set(piece, offset);
  const elsewhere = partsDepot((await reopen()).parts);
  const over = new AbortController();
  const fetch = (from: number, name = sha256) => elsewhere.fetch(name, from, take, over.signal);
  expect(await fetch(4_999_000)).toBe(bytes.length);
  expect(await fetch(0)).toBe(bytes.length);
  expect(sha256Hex(received)).toBe(sha256);
  expect(await fetch(7, "0".repeat(64))).toBe(7);
  const given = fetch(0);
  over.abort(new Error("nobody waits for it"));
  await expect(given).rejects.toThrow("nobody waits");
});

test("says who is there, and forgets whoever has gone", async () => {
  const { engine, reopen } = await openCluster();
  const over = new AbortController();
  const member = { id: "a 1", role: "agent", name: "camera", addresses: ["10.0.0.2:1"] } as const;
  const saying = sayPresent(engine, () => member, over.signal);
  const other = await reopen();
  let present = await presentMembers(other);
  while (present.length === 0) present = await presentMembers(other);
  expect(present).toEqual([member]);
  over.abort();
  await saying;
  expect(await presentMembers(other)).toEqual([]);
});

const doors: [string, string, string, NatsCredentials, string][] = [
  [
    "a password",
    'authorization { user: "me", password: "s3 cret/" }',
    "me:s3%20cret%2F@",
    {},
    "wrong:pw@",
  ],
  ["a token", 'authorization { token: "t0ken" }', "", { token: "t0ken" }, ""],
];

test.each(doors)(
  "is let in with %s, and not without",
  async (_, configuration, login, given, wrong) => {
    await using guarded = await startNatsServer(configuration);
    const place = parseNatsUrl(guarded.url.replace("//", `//${login}`));
    const connection = await connectNats(place, given);
    await connection.close();
    const stranger = parseNatsUrl(guarded.url.replace("//", `//${wrong}`));
    const refused = connectNats(stranger, {});
    await expect(refused).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    await expect(refused).rejects.not.toThrow(/s3 cret|t0ken/);
  },
);

test("says what is wrong with a server that keeps nothing", async () => {
  const { connect } = await import("@nats-io/transport-node");
  await expect(connect({ servers: ["127.0.0.1:1"], timeout: 500 })).rejects.toThrow();
  const place = parseNatsUrl("nats://127.0.0.1:1");
  await expect(connectNats(place, {})).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: expect.stringContaining("nats://127.0.0.1:1/default"),
  });
});
