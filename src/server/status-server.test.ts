import { expect, test } from "vitest";
import type { ClusterStatus } from "../cluster/status.ts";
import { EventLog } from "./event-log.ts";
import { startStatusServer } from "./status-server.node.ts";

const secret = "open sesame";
const status: ClusterStatus = {
  format: "partita.status/1",
  model: "squeezenet",
  phase: "serving",
  why: null,
  upSeconds: 12,
  calendarSeconds: null,
  emulated: false,
  heartbeatSeconds: 0.5,
  missedHeartbeats: 10,
  serving: 1,
  generations: [],
  devices: [],
  links: [],
  requests: {
    answered: 3,
    failed: 0,
    replayed: 1,
    inFlight: 0,
    waiting: 0,
    latencySeconds: 0.1,
    perSecond: 2,
    requestsPerPass: null,
  },
  faults: 1,
  failovers: 1,
  switches: 0,
  fallbacks: [],
};

const left = (device: string, atSeconds: number) =>
  ({ type: "left", device, why: "it was switched off", atSeconds }) as const;

async function start() {
  const events = new EventLog();
  const server = await startStatusServer({
    host: "127.0.0.1",
    port: 0,
    secret,
    status: () => status,
    events,
  });
  return { events, server, get: (path: string, headers = {}) => get(server.url, path, headers) };
}

function get(url: string, path: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${url}${path}`, { headers: { authorization: `Bearer ${secret}`, ...headers } });
}

/** Reads a stream until it has said `count` events of a name. */
async function read(response: Response, name: string, count: number): Promise<string[]> {
  const blocks: string[] = [];
  let text = "";
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  while (reader !== undefined && blocks.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const whole = text.split("\n\n");
    text = whole.pop() ?? "";
    blocks.push(...whole.filter((block) => block.includes(`event: ${name}\n`)));
  }
  await reader?.cancel();
  return blocks;
}

test("tells how things stand to whoever shows the token, and to nobody else", async () => {
  const { server, get } = await start();
  await using _ = server;
  expect(await (await get("/v1/status")).json()).toEqual(status);
  const byQuery = await fetch(`${server.url}/v1/status?token=${encodeURIComponent(secret)}`);
  expect(byQuery.status).toBe(200);
  for (const authorization of ["", "Bearer", "Bearer wrong", "Basic b3Blbg=="]) {
    const refused = await get("/v1/status", { authorization });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: "TOKEN_REFUSED" } });
  }
});

test("streams events with their numbers, and what somebody missed who comes back", async () => {
  const { events, server, get } = await start();
  await using _ = server;
  events.append(left("camera", 1));
  const fresh = await get("/v1/events");
  expect(fresh.headers.get("content-type")).toBe("text/event-stream");
  expect((await read(fresh, "status", 1))[0]).toContain('"partita.status/1"');
  events.append(left("gateway", 2));
  const back = await get("/v1/events", { "last-event-id": "0" });
  const blocks = await read(back, "left", 2);
  expect(blocks.map((block) => block.split("\n")[0])).toEqual(["id: 1", "id: 2"]);
  expect(blocks[1]).toContain(`data: ${JSON.stringify(left("gateway", 2))}`);
});

test("who comes back to a coordinator that was started again gets all that it remembers", async () => {
  const { events, server, get } = await start();
  await using _ = server;
  events.append(left("camera", 1));
  const back = await get("/v1/events", { "last-event-id": "500" });
  expect((await read(back, "left", 1))[0]).toMatch(/^id: 1\n/);
});

test("an event that happens while somebody listens reaches them", async () => {
  const { events, server, get } = await start();
  await using _ = server;
  const response = await get("/v1/events");
  // Its headers are here, so that it follows already.
  const heard = read(response, "left", 1);
  events.append(left("cloud", 3));
  expect((await heard)[0]).toContain('"device":"cloud"');
});

test("closing ends the streams", async () => {
  const { server, get } = await start();
  const response = await get("/v1/events");
  const ended = response.text().catch(() => "cut off");
  await server.close();
  expect(await ended).toBeTypeOf("string");
  await expect(get("/v1/status")).rejects.toThrow();
});

test("an unknown path, a port in use and a huge header are refused with a reason", async () => {
  const { server, get } = await start();
  await using _ = server;
  const unknown = await get("/v2/nothing");
  expect(unknown.status).toBe(404);
  expect(JSON.stringify(await unknown.json())).toContain("GET /v1/status");
  expect((await get("/v1/status", { "x-much": "x".repeat(20_000) })).status).toBe(431);
  const port = Number(new URL(server.url).port);
  const again = startStatusServer({
    host: "127.0.0.1",
    port,
    secret,
    status: () => status,
    events: new EventLog(),
  });
  await expect(again).rejects.toMatchObject({ code: "PORT_IN_USE" });
});

test("a follower gets the remembered events in order, however late it comes", async () => {
  const events = new EventLog();
  for (let at = 0; at < 3000; at++) events.append(left("camera", at));
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const { id } of events.follow(stop.signal, 0)) {
    seen.push(id);
    if (id === 3000) stop.abort();
  }
  expect(seen).toEqual(Array.from({ length: 1024 }, (_, at) => 1977 + at));
});

test("a follower that has stopped reading is forgotten when it goes", async () => {
  const events = new EventLog();
  const stop = new AbortController();
  const following = events.follow(stop.signal, 0);
  events.append(left("camera", 1));
  await following.next();
  expect(events.followers).toBe(1);
  stop.abort();
  expect(events.followers).toBe(0);
});
