import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate as settle } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { beginUpload, pledge, startOip } from "../../../test/fixtures/oip-server.ts";
import {
  generousModel,
  neverAnswer,
  passingModel,
  servedModel,
} from "../../../test/fixtures/served-models.ts";
import { seconds } from "../../base/units.ts";
import { createVirtualClock } from "../../base/virtual-clock.ts";

const path = "/v2/models/generous/infer";
const request = JSON.stringify({ inputs: [], parameters: { binary_data_output: true } });
const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${request.length}\r\n\r\n`;
/** More than the system takes for a socket that nobody reads. */
const answerBytes = 2 ** 23;
const model = generousModel(answerBytes);

/** A connection that reads nothing. */
function deaf(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function ask(url: string): Promise<[number, string]> {
  const response = await fetch(`${url}${path}`, { method: "POST", body: request });
  if (!response.ok) return [response.status, await response.text()];
  await response.body?.cancel();
  return [response.status, ""];
}

const until = async (isThere: () => boolean) => {
  while (!isThere()) await settle();
};

test("an answer that nobody takes is held and leaves no room for others until its client goes", async () => {
  const limits = { heldBytes: 1.5 * answerBytes, bodyBytes: 1000 };
  const { server } = await startOip([model], { limits });
  const socket = deaf(server.url);
  socket.write(head + request);
  await until(() => server.heldBytes() >= answerBytes);
  expect(await ask(server.url)).toEqual([503, expect.stringContaining("DEVICE_BUSY")]);
  socket.destroy();
  await until(() => server.heldBytes() === 0);
  expect(await ask(server.url)).toEqual([200, ""]);
});

test("an answer of which nothing is taken ends with its connection", async () => {
  const { server } = await startOip([model], { limits: { stallSeconds: 0.1 } });
  deaf(server.url).write(head + request);
  await until(() => server.heldBytes() >= answerBytes);
  await until(() => server.heldBytes() === 0);
});

test("an answer that is not taken within the time for it ends with its connection", async () => {
  const clock = createVirtualClock();
  const { server } = await startOip([model], { clock });
  const socket = deaf(server.url);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(head + request);
  await until(() => server.heldBytes() >= answerBytes);
  // A second more for each 64 KiB.
  await clock.advance(seconds(427));
  expect(server.heldBytes()).toBeGreaterThan(answerBytes);
  await clock.advance(seconds(2));
  expect(server.heldBytes()).toBe(0);
  socket.resume();
  await closed;
});

test("an answer that is ready behind a slow one has its own time to be taken", async () => {
  const [first, second] = [pledge(), pledge()];
  let asked = 0;
  const slow = servedModel("generous", passingModel({}), async () => {
    asked++;
    await (asked === 1 ? first : second).promise;
    return {};
  });
  const clock = createVirtualClock();
  const { server } = await startOip([slow], { clock });
  const socket = deaf(server.url);
  let answers = "";
  socket.on("data", (bytes) => {
    answers += bytes.toString();
  });
  socket.resume().write((head + request).repeat(2));
  await until(() => server.heldBytes() === 2 * request.length);
  second.resolve();
  await until(() => server.heldBytes() !== 2 * request.length);
  await clock.advance(seconds(400));
  first.resolve();
  await until(() => socket.closed || answers.split("200 OK").length === 3);
  expect(socket.closed).toBe(false);
});

test("a head that does not come to its end is not waited for", async () => {
  const { server } = await startOip([model], { limits: { headSeconds: 0.1 } });
  const socket = deaf(server.url);
  socket.write(head.slice(0, 20));
  expect(await text(socket)).toMatch(/^HTTP\/1.1 408 [\s\S]*REQUEST_INVALID/);
});

async function answerTo(upload: ReturnType<typeof beginUpload>): Promise<string> {
  return await new Promise<string>((resolve) => {
    upload.once("response", (response) => void text(response).then(resolve));
  });
}

test("a body that stops coming is not waited for, and its client hears why", async () => {
  const { server } = await startOip([model], { limits: { stallSeconds: 0.1 } });
  const upload = beginUpload(server.url, path, { "content-length": "1000" });
  upload.write("{");
  expect(await answerTo(upload)).toContain("REQUEST_DEADLINE_EXCEEDED");
  await until(() => server.heldBytes() === 0);
});

test("a body that comes drop by drop is not waited for, and its client hears why", async () => {
  const clock = createVirtualClock();
  const { server } = await startOip([model], { clock });
  const upload = beginUpload(server.url, path, { "content-length": "1000" });
  const answer = answerTo(upload);
  for (let drops = 1; drops < 4; drops++) {
    upload.write("x");
    await until(() => server.heldBytes() === drops);
    await clock.advance(seconds(99));
  }
  await clock.advance(seconds(4));
  expect(await answer).toContain("REQUEST_DEADLINE_EXCEEDED");
  expect(server.heldBytes()).toBe(0);
});

test("requests behind one that is not answered end with their connection", async () => {
  let given = 0;
  const stuck = servedModel("generous", passingModel({}), async (values, options) => {
    options.signal?.addEventListener("abort", () => given++);
    return await neverAnswer(values, options);
  });
  const { server } = await startOip([stuck]);
  const socket = deaf(server.url);
  socket.write((head + request).repeat(3));
  await until(() => server.heldBytes() === 3 * request.length);
  socket.destroy();
  await until(() => given === 3);
  expect(server.heldBytes()).toBe(0);
});

test("a client that does not end its connection after it was refused loses it", async () => {
  const connections = new Set<Socket>();
  const { server } = await startOip([model], {
    limits: { headSeconds: 0.1, stallSeconds: 0.1 },
    mount: ({ server }) =>
      void server.on("connection", (socket: Socket) => {
        connections.add(socket);
        socket.once("close", () => connections.delete(socket));
      }),
  });
  const { hostname, port } = new URL(server.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const refused = new Promise((resolve) => socket.once("end", resolve));
  socket.resume().write(head.slice(0, 20));
  await refused;
  await until(() => connections.size === 0);
  expect(socket.closed).toBe(false);
});

test("an answer behind another one of its connection may take as long as its model does", async () => {
  const [first, second] = [pledge(), pledge()];
  const pledges = [first, second];
  const slow = servedModel("generous", passingModel({}), async () => {
    await pledges.shift()?.promise;
    return {};
  });
  const { server } = await startOip([slow], { limits: { stallSeconds: 0.1 } });
  const socket = deaf(server.url);
  let answers = "";
  socket.on("data", (bytes) => {
    answers += bytes.toString();
  });
  socket.resume().write((head + request).repeat(2));
  await until(() => server.heldBytes() === 2 * request.length);
  first.resolve();
  await until(() => answers.includes("200 OK"));
  // Another one is silent for as long as clients may be.
  const upload = beginUpload(server.url, path, { "content-length": "1000" });
  upload.write("{");
  expect(await answerTo(upload)).toContain("REQUEST_DEADLINE_EXCEEDED");
  second.resolve();
  await until(() => socket.closed || answers.split("200 OK").length === 3);
  expect(socket.closed).toBe(false);
});
