import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../src/base/clock.node.ts";
import { seconds } from "../src/base/units.ts";
import { sha256Hex } from "../src/cluster/secret.ts";
import { Candidate } from "../src/nats/candidate.ts";
import { connectNats, type NatsCredentials } from "../src/nats/connection.node.ts";
import type { Leadership } from "../src/nats/leadership.ts";
import { isHeard, presentMembers, sayPresent } from "../src/nats/membership.ts";
import { announceModel, findModel } from "../src/nats/models.ts";
import { parseNatsUrl } from "../src/nats/nats-url.ts";
import { partsDepot } from "../src/nats/parts-depot.ts";
import { cellConformance } from "./conformance/shared-cell.ts";
import { echo, hurried, openCluster } from "./fixtures/nats-cluster.ts";
import { certificateDoor, credentialsDoor } from "./fixtures/nats-doors.ts";
import { type NatsServer, startNatsServer } from "./fixtures/nats-server.ts";

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

cellConformance("a key of a bucket", async () => {
  const { engine, reopen } = await openCluster(server.url);
  const other = await reopen();
  return { one: engine.leader, other: other.leader };
});

test("a model that has another name now is asked under that one only", async () => {
  const { engine } = await openCluster(server.url);
  const { inputs, outputs, emulated, window } = echo().answering;
  for (const model of ["before", "now"]) {
    await announceModel(engine, { model, inputs, outputs, emulated, window });
  }
  expect((await findModel(engine, undefined)).model).toBe("now");
  await expect(findModel(engine, "before")).rejects.toMatchObject({ code: "MODEL_UNKNOWN" });
});

test("sees who is there when the server was killed and started again", async () => {
  const { engine } = await openCluster(server.url);
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const member = { id: "b", role: "agent", name: "cloud", addresses: ["10.0.0.3:1"] } as const;
  void sayPresent(engine, () => member, over.signal);
  await server.restart();
  const present = () => presentMembers(engine).catch(() => []);
  while ((await present()).length === 0) await systemClock.sleep(seconds(0.05));
  expect(await present()).toEqual([member]);
});

test("somebody leads soon after the server was away, and nobody meanwhile", async () => {
  const { engine } = await openCluster(server.url);
  const who = { addresses: ["10.0.0.2:1"], model: "m", command: "serve", tokenMark: "t" } as const;
  const self = { id: "a", ...who, fingerprint: null };
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const candidate = () => new Candidate({ cell: engine.leader, clock: systemClock, self });
  const first = await candidate().lead(over.signal);
  let next: Promise<Leadership> | undefined;
  await server.restart(async () => {
    expect(await first.lost).toMatchObject({ code: "LEADERSHIP_LOST" });
    next = candidate().lead(over.signal);
    next.catch(() => undefined);
    const start = systemClock.now();
    await expect(engine.leader.read()).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(systemClock.now() - start).toBeLessThan(4);
  });
  const back = systemClock.now();
  const second = await next;
  expect(systemClock.now() - back).toBeLessThan(4);
  expect(second?.term).toBe(first.term + 1);
  await second?.resign();
});

test("keeps blobs for all, in order and from any offset on", async () => {
  const { engine, reopen } = await openCluster(server.url);
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
  const { engine, reopen } = await openCluster(server.url);
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

test("tells who is there from who was there a moment ago", async () => {
  const { engine, reopen } = await openCluster(server.url);
  const hurriedly = await reopen(hurried);
  const isThere = () => isHeard(hurriedly, ({ role }) => role === "coordinator");
  expect(await isThere()).toBe(false);
  const member = { id: "a", role: "coordinator", name: "one", addresses: ["10.0.0.2:1"] } as const;
  await engine.members.put("a", JSON.stringify(member));
  expect(await isThere()).toBe(false);
  expect(await presentMembers(engine)).toEqual([member]);
  const over = new AbortController();
  onTestFinished(() => over.abort());
  void sayPresent(hurriedly, () => member, over.signal);
  expect(await isThere()).toBe(true);
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

test.each([
  ["a certificate that it trusts", "tls", certificateDoor],
  ["credentials", "nats", credentialsDoor],
])("is let in with %s out of a file, and not without", async (_, scheme, open) => {
  const { configuration, given } = await open();
  await using guarded = await startNatsServer(configuration);
  const place = parseNatsUrl(`${scheme}://${guarded.address}`);
  await (await connectNats(place, given)).close();
  await expect(connectNats(place, {})).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE" });
});

test.each(["credentials", "authorities"])("says which file of %s holds none", async (kind) => {
  const place = parseNatsUrl(server.url);
  const path = import.meta.filename;
  await expect(connectNats(place, { [kind]: path })).rejects.toMatchObject({
    code: "KEY_INVALID",
    details: { path },
  });
});

test("says what is wrong with a server that keeps nothing", async () => {
  const { connect } = await import("@nats-io/transport-node");
  await expect(connect({ servers: ["127.0.0.1:1"], timeout: 500 })).rejects.toThrow();
  const place = parseNatsUrl("nats://127.0.0.1:1");
  await expect(connectNats(place, {})).rejects.toMatchObject({
    code: "ENGINE_UNAVAILABLE",
    message: expect.stringContaining("nats://127.0.0.1:1/default"),
  });
});
