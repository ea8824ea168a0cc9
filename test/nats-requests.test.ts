import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../src/base/clock.node.ts";
import { CodedError } from "../src/base/errors.ts";
import { seconds } from "../src/base/units.ts";
import { sha256Hex } from "../src/cluster/secret.ts";
import { keepAnswer } from "../src/nats/kept-answers.ts";
import { answerKey } from "../src/nats/names.ts";
import { encodeAnswer, encodeReference } from "../src/nats/request-bytes.ts";
import type { TensorValues } from "../src/runtime/runtime.ts";
import {
  answer,
  client,
  echo,
  floats,
  hurried,
  messagesIn,
  openCluster,
} from "./fixtures/nats-cluster.ts";
import { type NatsServer, startNatsServer } from "./fixtures/nats-server.ts";

let server: NatsServer;
/** Where the machine has something else to do. */
const patient = { timeout: 30_000 };
const none = new Uint8Array();

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

test("answers what was asked, each request once, and keeps nothing of it", async () => {
  const { engine } = await openCluster(server.url);
  const { asked, answering } = echo();
  answer(engine, answering);
  const asking = await client(engine);
  const answers = await Promise.all([...Array(20).keys()].map((n) => asking.infer(floats([n]))));
  expect(answers.map(({ outputs }) => outputs["y"])).toEqual(
    [...Array(20).keys()].map((n) => floats([n])["x"]),
  );
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  const { requests, answerStream } = engine.names;
  expect(await messagesIn(engine, requests, answerStream)).toEqual([0, 0]);
});

test("gives a request to the next one when whoever took it ends", async () => {
  const { engine, reopen } = await openCluster(server.url);
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
  const { engine } = await openCluster(server.url);
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
  const { engine } = await openCluster(server.url);
  const { asked, answering } = echo();
  const bridge = answer(engine, answering);
  const asking = await client(engine);
  await bridge.stop();
  await expect(asking.infer(floats([1]), { deadlineSeconds: 0.2 })).rejects.toMatchObject({
    code: "REQUEST_DEADLINE_EXCEEDED",
  });
  expect(await messagesIn(engine, engine.names.requests)).toEqual([0]);
  expect(asked).toEqual([]);
});

test("answers under an id that was used before: its answer taken, or the request taken back", async () => {
  const { engine } = await openCluster(server.url);
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
  const { engine } = await openCluster(server.url);
  const { asked, answering } = echo();
  answer(engine, answering);
  const asking = await client(engine);
  await asking.infer(floats([1]), { id: "once" });
  expect(asked).toEqual(["once"]);
  const key = answerKey("echo", "once");
  const outcome = new CodedError("RUNTIME_FAILED", "it comes late");
  await keepAnswer(engine, key, { place: 1, inputsSha256: null, outcome });
  expect(await engine.answers.get(key)).toBeNull();
});

test("an answered request is not asked again, though whoever answered it died before it left the queue", async () => {
  const { engine } = await openCluster(server.url);
  const bridge = answer(engine, echo().answering);
  const asking = await client(engine);
  await bridge.stop();
  const { requests } = engine.names;
  const asked = asking.infer(floats([1]));
  await expect.poll(() => messagesIn(engine, requests), patient).toEqual([1]);
  const outcome = new CodedError("RUNTIME_FAILED", "division by zero");
  const last = encodeAnswer({ place: 1, inputsSha256: null, outcome });
  await engine.answers.create(answerKey("echo", "own-1"), last);
  await expect(asked).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
  expect(await messagesIn(engine, requests)).toEqual([0]);
});

test("whoever comes back under an id is not told of the deadline of whoever has gone", async () => {
  const { engine } = await openCluster(server.url);
  const { answering } = echo();
  const bridge = answer(engine, answering);
  const [leaving, back] = [await client(engine), await client(engine)];
  await bridge.stop();
  const { requests } = engine.names;
  const lost = leaving.infer(floats([1]), { id: "late", deadlineSeconds: 60 });
  await expect.poll(() => messagesIn(engine, requests), patient).toEqual([1]);
  await leaving.close();
  await expect(lost).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  answer(engine, {
    ...answering,
    infer: async (inputs, options) => {
      if (options?.deadlineSeconds === null) return await answering.infer(inputs, options);
      throw new CodedError("REQUEST_DEADLINE_EXCEEDED", "it took too long");
    },
  });
  await expect.poll(() => messagesIn(engine, requests), patient).toEqual([0]);
  const { outputs } = await back.infer(floats([1]), { id: "late" });
  expect(outputs["y"]).toEqual(floats([1])["x"]);
});

test("tells a failure once, and asks again where the cluster says it may", async () => {
  const { engine } = await openCluster(server.url);
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
  const { engine } = await openCluster(server.url);
  answer(engine, echo().answering);
  const asking = await client(engine);
  const large = floats([...Array(400_000).keys()]);
  const { outputs } = await asking.infer(large);
  expect(sha256Hex(outputs["y"]?.data ?? none)).toBe(sha256Hex(large["x"]?.data ?? none));
  // Whoever answered removes the inputs a moment after the answer is there.
  await expect.poll(() => messagesIn(engine, engine.names.bodyStream), patient).toEqual([0]);
});

test("answers whoever else asks under an id when one of them gives it up", async () => {
  const { engine, reopen } = await openCluster(server.url);
  const bridge = answer(engine, echo().answering);
  const [leaving, staying] = [await client(engine), await client(await reopen(hurried))];
  await bridge.stop();
  const large = floats([...Array(400_000).keys()]);
  const answered = staying.infer(large, { id: "both" });
  const { requests, bodyStream } = engine.names;
  await expect.poll(() => messagesIn(engine, requests), patient).toEqual([1]);
  const given = leaving.infer(large, { id: "both", deadlineSeconds: 1 });
  await expect(given).rejects.toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  answer(engine, echo().answering);
  const { outputs } = await answered;
  expect(sha256Hex(outputs["y"]?.data ?? none)).toBe(sha256Hex(large["x"]?.data ?? none));
  await expect.poll(() => messagesIn(engine, bodyStream), patient).toEqual([0]);
});

test("asks again when somebody else under the id has taken what no message holds", async () => {
  const { engine } = await openCluster(server.url);
  answer(engine, echo().answering);
  const asking = await client(engine);
  await engine.answers.put(answerKey("echo", "both"), encodeReference("taken"));
  const { outputs } = await asking.infer(floats([4]), { id: "both" });
  expect(outputs["y"]).toEqual(floats([4])["x"]);
});

test("refuses what a full queue has no room for, and answers all that it took before", async () => {
  const { engine, reopen } = await openCluster(server.url);
  const bridge = answer(engine, echo().answering);
  const leaving = await client(engine);
  await bridge.stop();
  const { requests } = engine.names;
  await engine.manager.streams.update(requests, { max_bytes: 3000 });
  const inputsOf = (id: string): TensorValues => floats(Array(100).fill(Number(id)));
  const ids = [...Array(12).keys()].map(String);
  const refused: CodedError[] = [];
  const asks = ids.map(async (id) => {
    const failure = await leaving.infer(inputsOf(id), { id }).catch((error: unknown) => error);
    if (!(failure instanceof CodedError)) throw failure;
    if (failure.code === "ENGINE_FULL") refused.push(failure);
    return failure.code;
  });
  const all = async () => ((await messagesIn(engine, requests))[0] ?? 0) + refused.length;
  await expect.poll(all, patient).toBe(ids.length);
  await leaving.close();
  const ends = await Promise.all(asks);
  const accepted = ids.filter((_, at) => ends[at] === "CHANNEL_CLOSED");
  expect(accepted.length * refused.length).toBeGreaterThan(0);
  expect(refused[0]?.cause).toBeInstanceOf(CodedError);
  await server.restart();
  const { asked, answering } = echo();
  const restarted = await reopen();
  answer(restarted, answering);
  const back = await client(restarted);
  const answers = await Promise.all(accepted.map((id) => back.infer(inputsOf(id), { id })));
  expect(answers.map(({ outputs }) => outputs["y"])).toEqual(
    accepted.map((id) => inputsOf(id)["x"]),
  );
  expect(asked.toSorted()).toEqual(accepted.toSorted());
});

test("keeps requests whose answers there is no room for, says so, and answers them when there is", async () => {
  const limits = "max_mem: 1M, max_file: 300K, max_streams: 20, max_consumers: 50";
  const users = '[{ user: "me", password: "pw" }]';
  await using small = await startNatsServer(
    `accounts { A { jetstream { ${limits} }, users: ${users} } }`,
  );
  const { engine } = await openCluster(small.url.replace("//", "//me:pw@"));
  const troubles: string[] = [];
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const onTrouble = ({ code }: CodedError): void => void troubles.push(code);
  answer(engine, echo(() => held).answering, onTrouble);
  const asking = await client(engine);
  const kept = asking.infer(floats([5]));
  await expect.poll(() => messagesIn(engine, engine.names.requests), patient).toEqual([1]);
  const fill = async (bytes: number): Promise<void> => {
    const subject = `$O.${engine.names.parts}.C.fill`;
    for (;;) await engine.stream.publish(subject, new Uint8Array(bytes));
  };
  for (const bytes of [10_000, 100]) await expect(fill(bytes)).rejects.toThrow("exceeded");
  await expect(asking.infer(floats([6]))).rejects.toMatchObject({ code: "ENGINE_FULL" });
  release();
  await expect.poll(() => troubles, patient).toContain("ENGINE_FULL");
  await engine.manager.streams.purge(`OBJ_${engine.names.parts}`);
  expect((await kept).outputs["y"]).toEqual(floats([5])["x"]);
});

test("says at the deadline why a request could not be kept", async () => {
  const { engine } = await openCluster(server.url);
  const bridge = answer(engine, echo().answering);
  const asking = await client(engine);
  await bridge.stop();
  await engine.manager.streams.delete(engine.names.requests);
  const large = floats([...Array(400_000).keys()]);
  await expect(asking.infer(large, { deadlineSeconds: 2 })).rejects.toMatchObject({
    code: "REQUEST_DEADLINE_EXCEEDED",
    message: expect.stringMatching(/within 2 s: NATS: request 'own-1' cannot be kept/),
    cause: { code: "ENGINE_UNAVAILABLE" },
  });
  expect(await messagesIn(engine, engine.names.bodyStream)).toEqual([0]);
});

test("goes on soon after its server was away, and keeps to deadlines meanwhile", async () => {
  const { engine, reopen } = await openCluster(server.url);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { asked, answering } = echo(() => held);
  answer(await reopen(), answering);
  const asking = await client(engine);
  const ask = async (value: number) => (await asking.infer(floats([value]))).outputs["y"];
  const before = ask(1);
  await expect.poll(() => asked.length, patient).toBe(1);
  let during: ReturnType<typeof ask> | undefined;
  await server.restart(async () => {
    const start = systemClock.now();
    during = ask(2);
    const late = asking.infer(floats([3]), { deadlineSeconds: 0.5 });
    await expect(late).rejects.toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
    expect(systemClock.now() - start).toBeLessThan(4);
    release();
  });
  const back = systemClock.now();
  expect(await Promise.all([before, during])).toEqual([floats([1])["x"], floats([2])["x"]]);
  expect(systemClock.now() - back).toBeLessThan(4);
});

test("looks ever more seldom for an answer that cannot be removed", async () => {
  const { engine, reopen } = await openCluster(server.url);
  answer(engine, echo().answering);
  const pauses: number[] = [];
  const asking = await client(
    await reopen({
      ...systemClock,
      sleep: (length, signal) => {
        pauses.push(length);
        return systemClock.sleep(length, signal);
      },
    }),
  );
  await engine.manager.streams.update(engine.names.answerStream, { deny_delete: true });
  await engine.answers.put(answerKey("echo", "both"), encodeReference("taken"));
  const asked = asking.infer(floats([4]), { id: "both", deadlineSeconds: 0.9 });
  await expect(asked).rejects.toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  expect(pauses).toEqual(expect.arrayContaining([0.25, 0.5, 1]));
});
