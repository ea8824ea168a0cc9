import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { setImmediate as settle } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import {
  inferOutcome,
  inferPath,
  startGrpc,
  streamPath,
} from "../../../test/fixtures/grpc-setting.ts";
import { pledge } from "../../../test/fixtures/oip-server.ts";
import { generousModel, passingModel, servedModel } from "../../../test/fixtures/served-models.ts";
import type { Clock } from "../../base/clock.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { defaultLimits, type RequestLimits } from "../oip/limits.ts";
import { GRPCInferenceService, ModelInferRequestSchema } from "./generated/inference_pb.ts";

const livePath = "/inference.GRPCInferenceService/ServerLive";
const answerBytes = 2 ** 20;
const asked = { modelName: "generous", inputs: [], rawInputContents: [] };
const message = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, asked));

async function start(limits: Partial<RequestLimits>, clock?: Clock) {
  const setting = await startGrpc([generousModel(answerBytes)], {
    limits: { ...defaultLimits, ...limits },
    ...(clock === undefined ? {} : { clock }),
  });
  const session = connect(`http://${setting.server.address}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  return { ...setting, session };
}

/** A call that reads nothing until it is told to. */
function call(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  return stream;
}

/** As gRPC frames it. */
function framed(bytes: Uint8Array, announced = bytes.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(announced, 1);
  return Buffer.concat([head, bytes]);
}

const until = async (isThere: () => boolean) => {
  while (!isThere()) await settle();
};

test("an answer that nobody takes is held and leaves no room for others until its client goes", async () => {
  const limits = { heldBytes: 1.5 * answerBytes, bodyBytes: 1000 };
  const { session, server, client } = await start(limits);
  call(session, inferPath).end(framed(message));
  await until(() => server.heldBytes() >= answerBytes);
  expect(await inferOutcome(client, asked)).toMatch(/^UNAVAILABLE DEVICE_BUSY/);
  session.destroy();
  await until(() => server.heldBytes() === 0);
  expect(await inferOutcome(client, asked)).toBe("OK");
});

test("an answer that is not taken within the time for it ends with its connection", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({ bodyBytes: 1000 }, clock);
  const closed = new Promise((resolve) => session.once("close", resolve));
  call(session, inferPath).end(framed(message));
  await until(() => server.heldBytes() >= answerBytes);
  // A second more for each 64 KiB.
  await clock.advance(seconds(315));
  expect(server.heldBytes()).toBeGreaterThan(0);
  await clock.advance(seconds(2));
  expect(server.heldBytes()).toBe(0);
  await closed;
});

test("an answer that is ready behind a slow one of its stream has its own time to be taken", async () => {
  const clock = createVirtualClock();
  const [first, second] = [pledge(), pledge()];
  let count = 0;
  const slow = servedModel("generous", passingModel({}), async () => {
    count++;
    await (count === 1 ? first : second).promise;
    return {};
  });
  const { client, server } = await startGrpc([slow], { clock });
  const stream = client.duplex(streamPath);
  const answers: unknown[] = [];
  let failed = "";
  stream.on("data", (answer) => answers.push(answer));
  stream.on("error", (error: Error) => {
    failed = error.message;
  });
  stream.write(message);
  stream.write(message);
  await until(() => count === 2);
  const held = server.heldBytes();
  second.resolve();
  await until(() => server.heldBytes() !== held);
  await clock.advance(seconds(400));
  first.resolve();
  await until(() => failed !== "" || answers.length === 2);
  expect(failed).toBe("");
  stream.end();
});

test("answers of a stream are held until they are taken, also those behind the first", async () => {
  const { session, server } = await start({});
  const stream = call(session, streamPath);
  stream.write(Buffer.concat([framed(message), framed(message), framed(message)]));
  await until(() => server.heldBytes() >= 3 * answerBytes);
  stream.resume();
  await until(() => server.heldBytes() === 0);
  stream.close();
});

test("a message that does not come to its end is not waited for, and its client hears why", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({}, clock);
  const stream = call(session, inferPath);
  const trailers = new Promise((resolve) => stream.once("response", resolve));
  stream.write(framed(message, 1000));
  await until(() => server.heldBytes() === 1000);
  await clock.advance(seconds(301));
  expect(await trailers).toMatchObject({
    "grpc-status": "4",
    "grpc-message": expect.stringContaining("REQUEST_DEADLINE_EXCEEDED"),
  });
  await until(() => server.heldBytes() === 0);
});

test("a stream may be quiet for ever, but not within a message, whose bytes count as they come", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({}, clock);
  const stream = call(session, streamPath);
  const trailers = new Promise((resolve) => stream.once("trailers", resolve));
  stream.resume();
  stream.write(framed(message));
  await new Promise((resolve) => stream.once("data", resolve));
  await until(() => server.heldBytes() === 0);
  await clock.advance(seconds(10_000));
  stream.write(framed(message, 2 ** 20));
  await until(() => server.heldBytes() > 0);
  expect(server.heldBytes()).toBeLessThan(2000);
  await clock.advance(seconds(302));
  expect(await trailers).toMatchObject({ "grpc-status": "4" });
  expect(server.heldBytes()).toBe(0);
});

test("a message that is on its way takes no more room than it says that it needs", async () => {
  const { session, server, client } = await start({ heldBytes: 1500, bodyBytes: 1000 });
  const slow = call(session, inferPath);
  slow.write(framed(message, 200).subarray(0, 3));
  slow.write(framed(message, 200).subarray(3));
  await until(() => server.heldBytes() > 0);
  expect(await inferOutcome(client, { ...asked, modelName: "none" })).toMatch(/MODEL_UNKNOWN/);
  expect(server.heldBytes()).toBe(200);
});

test("calls that bring no tensor set nothing aside, and nobody waits for those that send none", async () => {
  const { session, server, client } = await start({}, createVirtualClock());
  for (let count = 0; count < 200; count++) call(session, livePath).write(framed(message, 100));
  await until(() => server.heldBytes() >= 200 * message.byteLength);
  expect(server.heldBytes()).toBeLessThan(2 ** 19);
  const { serverLive } = GRPCInferenceService.method;
  expect((await client.call(serverLive, {})).message.live).toBe(true);
});

test("a message that brings no tensor is refused by its head if it is large", async () => {
  const { session, server } = await start({});
  const stream = call(session, livePath);
  const refused = new Promise((resolve) => stream.once("response", resolve));
  stream.write(framed(new Uint8Array(), 2 ** 20 + 1));
  expect(await refused).toMatchObject({
    "grpc-status": "8",
    "grpc-message": expect.stringContaining("REQUEST_TOO_LARGE"),
  });
  await until(() => server.heldBytes() === 0);
});

test("draining lets answers be taken within its limit", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({ bodyBytes: 1000 }, clock);
  const stream = call(session, inferPath);
  stream.end(framed(message));
  await until(() => server.heldBytes() >= answerBytes);
  let isOver = false;
  const drained = server.drain(seconds(60)).then(() => {
    isOver = true;
  });
  await clock.advance(seconds(30));
  expect(isOver).toBe(false);
  let taken = 0;
  for await (const chunk of stream) taken += (chunk as Buffer).byteLength;
  expect(taken).toBeGreaterThan(answerBytes);
  await until(() => server.heldBytes() === 0);
  await clock.advance(seconds(2));
  await drained;
});

test("a stream that stays open holds up nobody who closes the server", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({}, clock);
  const stream = call(session, streamPath);
  stream.resume();
  stream.write(framed(message));
  await new Promise((resolve) => stream.once("data", resolve));
  const closed = server.close();
  await clock.advance(seconds(2));
  await closed;
});

test("a client that goes on with a call that is over loses its connection, one that ends it does not", async () => {
  const clock = createVirtualClock();
  const { session, server } = await start({}, clock);
  const closed = new Promise((resolve) => session.once("close", resolve));
  const refuse = async () => {
    const stream = call(session, inferPath);
    const refused = new Promise((resolve) => stream.once("response", resolve));
    stream.write(framed(message, 1000));
    await until(() => server.heldBytes() === 1000);
    await clock.advance(seconds(301));
    await refused;
    return stream;
  };
  const ended = await refuse();
  ended.close();
  await new Promise((resolve) => ended.once("close", resolve));
  const other = await refuse();
  expect([session.closed, other.closed]).toEqual([false, false]);
  await clock.advance(seconds(11));
  await closed;
});

test("a connection that breaks gives back the room of its calls, also of those that were just let in", async () => {
  const limits = { bodyBytes: 500, heldBytes: 1000 };
  const { server } = await start(limits, createVirtualClock());
  const [hostname = "", port] = server.address.split(":");
  const socket = connectSocket(Number(port), hostname);
  const session = connect(`http://${server.address}`, { createConnection: () => socket });
  session.on("error", () => undefined);
  for (let count = 0; count < 4; count++) call(session, inferPath).write(framed(message, 500));
  await until(() => server.heldBytes() === 1000);
  await new Promise((resolve) => session.ping(resolve));
  socket.destroy();
  await until(() => server.heldBytes() === 0);
});
