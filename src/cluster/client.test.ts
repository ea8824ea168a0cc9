import { setImmediate as settle } from "node:timers/promises";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { TensorValue } from "../graph/tensor-value.ts";
import type { TensorValues } from "../runtime/runtime.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import { connectClient } from "./client.ts";
import { ClientDoor } from "./client-door.ts";
import type { Opened } from "./data-message.ts";
import { protocolVersion } from "./greeting.ts";
import { admit } from "./handshake.ts";
import type { Asked, Inference, Question } from "./inference.ts";
import { encodeMessage, tensorFrame } from "./protocol.ts";

const token = "open sesame";
const opened: Opened = {
  type: "opened",
  model: "m",
  inputs: [{ name: "x", dataType: "uint8", shape: [1], isRanked: true }],
  outputs: [{ name: "y", dataType: "uint8", shape: [1], isRanked: true }],
  emulated: false,
  window: 2,
};
const xOf = (value: number): TensorValue => ({
  dataType: "uint8",
  shape: [1],
  data: new Uint8Array([value]),
});
const large: TensorValue = { dataType: "uint8", shape: [2 ** 20], data: new Uint8Array(2 ** 20) };
const inputOf = (value: number): TensorValues => ({ x: xOf(value) });
const timings = { source: "camera", waitSeconds: 0, totalSeconds: 0, stages: [], hops: [] };

/** A source that answers a request when the test says so. */
interface Source {
  readonly address: string;
  readonly questions: Question[];
  readonly withdrawn: number[];
  /** Requests whose clients have gone. */
  readonly lingering: (() => void)[];
  readonly doors: ClientDoor[];
  /** Answers with what came in, `x` under the name of the output. */
  answer(position: number): void;
  fail(position: number, error: CodedError): void;
}

function world() {
  const clock = createVirtualClock({ settle: () => settle() });
  const transport = createMemoryTransport();
  const startSource = async (address: string): Promise<Source> => {
    const listener = await transport.listen(address);
    const settlers: { resolve: (answer: Inference) => void; reject: (error: unknown) => void }[] =
      [];
    const questions: Question[] = [];
    const withdrawn: number[] = [];
    const doors: ClientDoor[] = [];
    const lingering: (() => void)[] = [];
    const ask = (question: Question) => {
      const position = questions.push(question) - 1;
      const answered = new Promise<Inference>((resolve, reject) => {
        settlers.push({ resolve, reject });
      });
      return { answered, withdraw: () => withdrawn.push(position) };
    };
    const serve = async () => {
      for await (const channel of listener) {
        if ((await admit(channel, clock, token)) === null) continue;
        const linger = ({ withdraw }: Asked) => lingering.push(withdraw);
        const door = new ClientDoor(channel, { clock, opened, ask, linger });
        doors.push(door);
        void door.serve();
      }
    };
    void serve();
    return {
      ...{ address, questions, withdrawn, lingering, doors },
      answer: (position) => {
        const given = Object.entries(questions[position]?.inputs ?? {});
        const outputs = Object.fromEntries(
          given.map(([name, value]) => [name === "x" ? "y" : name, value]),
        );
        settlers[position]?.resolve({ request: position + 1, outputs, timings });
      },
      fail: (position, error) => settlers[position]?.reject(error),
    };
  };
  /** Says where the source is. */
  const startCoordinator = async (elsewhere: () => readonly string[]) => {
    const listener = await transport.listen("coordinator");
    const serve = async () => {
      for await (const channel of listener) {
        await admit(channel, clock, token);
        await channel.send(encodeMessage({ type: "elsewhere", addresses: elsewhere() }));
      }
    };
    void serve();
  };
  let ids = 0;
  const retry = { newId: () => `id ${++ids}`, limitSeconds: 5 };
  const connect = async (address: string, isRetrying = false) =>
    await connectClient({ transport, clock, address, token, ...(isRetrying ? { retry } : {}) });
  return { clock, transport, startSource, startCoordinator, connect };
}

test("goes where the coordinator says that requests are taken, past addresses that do not answer", async () => {
  const { startSource, startCoordinator, connect } = world();
  const source = await startSource("camera");
  await startCoordinator(() => ["nowhere", "camera"]);
  const client = await connect("coordinator");
  const answered = client.infer(inputOf(7));
  await settle();
  source.answer(0);
  expect((await answered).outputs["y"]?.data).toEqual(new Uint8Array([7]));
  await client.close();
});

test("asks and is answered with tensors of any name", async () => {
  const { startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera");
  const tensors = Object.fromEntries([["__proto__", xOf(7)]]);
  const answered = client.infer(tensors);
  await settle();
  source.answer(0);
  expect(Object.entries((await answered).outputs)).toEqual(Object.entries(tensors));
  await client.close();
});

test("says that the source is not there if the coordinator knows no address of it", async () => {
  const { startCoordinator, connect } = world();
  await startCoordinator(() => []);
  await expect(connect("coordinator")).rejects.toMatchObject({ code: "DEVICE_LOST" });
});

test("says where the source was if nobody answers there any more", async () => {
  const { startCoordinator, connect } = world();
  await startCoordinator(() => ["camera"]);
  await expect(connect("coordinator")).rejects.toMatchObject({
    code: "DEVICE_LOST",
    message: expect.stringMatching(/^coordinator .* at camera, where nobody answers/),
    details: { address: "coordinator", addresses: ["camera"] },
  });
});

test("sends no more at once than are taken, and a request that is given up makes room", async () => {
  const { startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera");
  const abort = new AbortController();
  const given = client.infer(inputOf(0), { signal: abort.signal }).catch((error) => error);
  const others = [1, 2].map((value) => client.infer(inputOf(value)));
  await settle();
  expect(source.questions.length).toBe(2);
  abort.abort("enough");
  expect(await given).toBe("enough");
  await settle();
  expect(source.withdrawn).toEqual([0]);
  expect(source.questions.length).toBe(3);
  for (const position of [1, 2]) source.answer(position);
  const answers = await Promise.all(others);
  expect(answers.map(({ outputs }) => outputs["y"]?.data[0])).toEqual([1, 2]);
  await client.close();
});

test("without retry, what is unanswered when the source goes ends in DEVICE_LOST", async () => {
  const { transport, startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera");
  const failure = client.infer(inputOf(1)).catch((error) => error);
  await settle();
  transport.cut("camera");
  expect(await failure).toMatchObject({ code: "DEVICE_LOST" });
  await expect(client.infer(inputOf(2))).rejects.toMatchObject({ code: "DEVICE_LOST" });
  await settle();
  expect(source.withdrawn).toEqual([0]);
});

test("with retry, asks again under the same id where the source is then", async () => {
  const { clock, transport, startSource, startCoordinator, connect } = world();
  const places = ["camera"];
  const source = await startSource("camera");
  await startCoordinator(() => places);
  const client = await connect("coordinator", true);
  const answered = client.infer(inputOf(9));
  await settle();
  transport.cut("camera");
  await clock.advance(seconds(0.5));
  // It is not given up there: it has an id.
  expect([source.withdrawn, source.lingering.length]).toEqual([[], 1]);
  const later = await startSource("camera again");
  places.splice(0, 1, "camera again");
  await clock.advance(seconds(2));
  expect(later.questions).toMatchObject([{ id: source.questions[0]?.id }]);
  later.answer(0);
  expect((await answered).outputs["y"]?.data).toEqual(new Uint8Array([9]));
  await client.close();
});

test("with retry, gives up when nobody is there for too long", async () => {
  const { clock, transport, startSource, connect } = world();
  await startSource("camera");
  const client = await connect("camera", true);
  const failure = client.infer(inputOf(9)).catch((error) => error);
  await settle();
  transport.cut("camera");
  await clock.advance(seconds(6));
  expect(await failure).toMatchObject({ code: "DEVICE_LOST" });
});

test("a deadline holds while nobody is there, and while nobody answers", async () => {
  const { clock, transport, startSource, connect } = world();
  await startSource("camera");
  const client = await connect("camera", true);
  const unanswered = client.infer(inputOf(1), { deadlineSeconds: 1 }).catch((error) => error);
  await clock.advance(seconds(2.1));
  expect(await unanswered).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  transport.cut("camera");
  await clock.advance(seconds(0.1));
  const unsent = client.infer(inputOf(1), { deadlineSeconds: 1 }).catch((error) => error);
  await clock.advance(seconds(1));
  expect(await unsent).toMatchObject({ code: "REQUEST_DEADLINE_EXCEEDED" });
  await client.close();
});

test("an answer that says a device was lost is left to the caller", async () => {
  const { startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera", true);
  const failure = client.infer(inputOf(1)).catch((error) => error);
  await settle();
  source.fail(0, new CodedError("DEVICE_LOST", "the sink is lost"));
  expect(await failure).toMatchObject({ code: "DEVICE_LOST", message: "the sink is lost" });
  expect(source.questions.length).toBe(1);
  await client.close();
});

test("an id that is too long harms nobody but its request", async () => {
  const { startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera");
  const other = client.infer(inputOf(1), { id: "x".repeat(128) });
  for (const id of ["", "x".repeat(129)]) {
    await expect(client.infer(inputOf(2), { id })).rejects.toMatchObject({ code: "USAGE_INVALID" });
  }
  await settle();
  source.answer(0);
  expect((await other).outputs["y"]?.data).toEqual(new Uint8Array([1]));
  await client.close();
});

test("learns why requests are taken no more, even if it waits for none", async () => {
  const { startSource, connect } = world();
  const source = await startSource("camera");
  const client = await connect("camera");
  await source.doors[0]?.dismiss(new CodedError("PART_REFUSED", "it is over"));
  await settle();
  await expect(client.infer(inputOf(1))).rejects.toMatchObject({ message: "it is over" });
});

test("takes a source for lost that says nothing any more, and not one that only has no answer", async () => {
  const { clock, transport, startSource, connect } = world();
  const listener = await transport.listen("stopped");
  const stop = async () => {
    for await (const channel of listener) {
      await admit(channel, clock, token);
      await channel.send(encodeMessage(opened));
    }
  };
  void stop();
  const stopped = await connect("stopped");
  const failure = stopped.infer(inputOf(1)).catch((error) => error);
  await startSource("camera");
  const client = await connect("camera");
  const abort = new AbortController();
  const given = client.infer(inputOf(1), { signal: abort.signal }).catch((error) => error);
  await clock.advance(seconds(10));
  expect(await failure).toMatchObject({ code: "DEVICE_LOST" });
  expect(await stopped.ended).toMatchObject({ code: "DEVICE_LOST" });
  abort.abort("still there");
  expect(await given).toBe("still there");
  await client.close();
  expect(await client.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
});

test("a client that says nothing any more is given up with what it has asked", async () => {
  const { clock, transport, startSource } = world();
  const source = await startSource("camera");
  const channel = await transport.connect("camera");
  await channel.send(encodeMessage({ type: "open", protocol: protocolVersion, token }));
  await channel.send(tensorFrame({ generation: 0, request: 1, tensor: "x" }, xOf(1)));
  await channel.send(encodeMessage({ type: "ask", request: 1, id: null, deadlineSeconds: null }));
  await clock.advance(seconds(4));
  expect(source.questions.length).toBe(1);
  expect(source.withdrawn).toEqual([]);
  await clock.advance(seconds(2));
  expect(source.withdrawn).toEqual([0]);
  expect(await channel.ended).toBeNull();
});

test("a client that reads nothing is sent no more than it may have open, whatever it gives up", async () => {
  const { transport, startSource } = world();
  const source = await startSource("camera");
  const channel = await transport.connect("camera");
  await channel.send(encodeMessage({ type: "open", protocol: protocolVersion, token }));
  const asking = async (): Promise<void> => {
    for (let request = 1; request <= 200; request++) {
      const ask = { type: "ask", request, id: null, deadlineSeconds: null } as const;
      await channel.send(tensorFrame({ generation: 0, request, tensor: "x" }, large));
      await channel.send(encodeMessage(ask));
      await settle();
      source.answer(request - 1);
      await settle();
      await channel.send(encodeMessage({ type: "cancel", request }));
    }
  };
  const asked = asking().catch((error) => error);
  for (let count = 0; count < 1000; count++) await settle();
  const { length } = source.questions;
  expect(length).toBeLessThan(50);
  expect(length).toBeGreaterThan(opened.window);
  await channel.close();
  expect(await asked).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(source.withdrawn).toEqual([]);
});
