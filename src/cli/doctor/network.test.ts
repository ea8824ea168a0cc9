import { createServer } from "node:net";
import { expect, test } from "vitest";
import { healthyProbes, twoDevices } from "../../../test/fixtures/probes.ts";
import { CodedError, type ErrorCode } from "../../base/errors.ts";
import type { Check } from "./check.ts";
import { checkCluster, checkCoordinator, checkListen } from "./network.ts";
import { type Probes, systemProbes } from "./probes.ts";

const question = { join: "coordinator.lan:7000", token: "secret.fingerprint" };

function systemError(code: string): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error(`${code}: it failed`), { code }));
}

function states(checks: readonly Check[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, state }) => [name, state]));
}

test("a coordinator that answers is reached step by step", async () => {
  const { checks, status } = await checkCoordinator(question, healthyProbes);
  expect(states(checks)).toEqual({
    "name coordinator.lan": "ok",
    "TCP to 10.0.0.1:7000": "ok",
    encryption: "ok",
    "protocol and token": "ok",
    "clock skew": "ok",
  });
  expect(status).toBe(twoDevices);
});

test.each([
  ["EAI_AGAIN", /name server/],
  ["ENOTFOUND", /spelling/],
])("a name that cannot be resolved (%s) ends the way", async (code, fix) => {
  const probes = { ...healthyProbes, resolve: systemError(code) };
  const { checks, status } = await checkCoordinator(question, probes);
  expect(checks).toMatchObject([{ state: "failed", fix: expect.stringMatching(fix) }]);
  expect(status).toBeNull();
});

test.each([
  ["ECONNREFUSED", /nothing listens/, /127\.0\.0\.1 only/],
  ["ETIMEDOUT", /no answer/, /firewall/],
  ["EHOSTUNREACH", /no route/, /one network/],
  ["ENETUNREACH", /no route/, /one network/],
  ["EWHATEVER", /it failed/, /message/],
])("tells %s from other reasons not to be reached", async (code, observed, fix) => {
  const probes = { ...healthyProbes, dial: systemError(code) };
  const { checks } = await checkCoordinator({ ...question, join: "10.0.0.1:7000" }, probes);
  expect(checks).toMatchObject([
    { name: "name 10.0.0.1", state: "ok" },
    {
      name: "TCP to 10.0.0.1:7000",
      state: "failed",
      observed: expect.stringMatching(observed),
      fix: expect.stringMatching(fix),
    },
  ]);
});

test("one way in is enough: others are only warned of", async () => {
  const refused = systemError("ECONNREFUSED");
  const probes: Probes = {
    ...healthyProbes,
    resolve: async () => ["fe80::1", "10.0.0.1"],
    dial: (host) => (host === "10.0.0.1" ? Promise.resolve(1e-3) : refused()),
  };
  const { checks } = await checkCoordinator(question, probes);
  expect(states(checks)).toMatchObject({
    "TCP to [fe80::1]:7000": "warning",
    "TCP to 10.0.0.1:7000": "ok",
    "protocol and token": "ok",
  });
});

test("of several addresses of a coordinator, as it prints them, one is enough", async () => {
  const asked: string[] = [];
  const refused = systemError("ECONNREFUSED");
  const probes: Probes = {
    ...healthyProbes,
    dial: (host) => (host === "10.0.0.2" ? Promise.resolve(1e-3) : refused()),
    ask: async (address) => {
      asked.push(address);
      return twoDevices;
    },
  };
  const join = "10.0.0.1:7000, 10.0.0.2:7000";
  const { checks, address } = await checkCoordinator({ ...question, join }, probes);
  expect(states(checks)).toMatchObject({
    "TCP to 10.0.0.1:7000": "warning",
    "TCP to 10.0.0.2:7000": "ok",
    "protocol and token": "ok",
  });
  expect([address, ...asked]).toEqual(["10.0.0.2:7000", "10.0.0.2:7000"]);
});

test.each<[ErrorCode, string, RegExp]>([
  ["TOKEN_REFUSED", "token", /copy the token/],
  ["USAGE_INVALID", "token", /copy the token/],
  ["IDENTITY_REFUSED", "identity", /another cluster/],
  ["FRAME_MALFORMED", "protocol", /one version/],
  ["CHANNEL_CLOSED", "answer", /TLS/],
])("an answer %s is a failure of its %s", async (code, name, fix) => {
  const ask = () => Promise.reject(new CodedError(code, "no"));
  const { checks, status } = await checkCoordinator(question, { ...healthyProbes, ask });
  expect(checks.at(-1)).toMatchObject({ name, state: "failed", fix: expect.stringMatching(fix) });
  expect(status).toBeNull();
});

test("without a token nobody is asked, and that is said", async () => {
  const { checks } = await checkCoordinator({ ...question, token: undefined }, healthyProbes);
  expect(checks.at(-1)).toMatchObject({
    state: "skipped",
    fix: expect.stringContaining("--token"),
  });
});

test("no encryption is a warning, but not on one machine", async () => {
  const plain = await checkCoordinator({ ...question, token: "secret" }, healthyProbes);
  expect(states(plain.checks)["encryption"]).toBe("warning");
  const local = { join: "127.0.0.1:7000", token: "secret" };
  const { checks } = await checkCoordinator(local, healthyProbes);
  expect(states(checks)["encryption"]).toBe("ok");
});

test("finds devices and links of a cluster that is well", async () => {
  const checks = await checkCluster(twoDevices, ["camera", "server"], question.join, healthyProbes);
  expect([...new Set(checks.map(({ state }) => state))]).toEqual(["ok"]);
  expect(checks.map(({ name }) => name)).toEqual([
    "device camera",
    "device server",
    "link camera → server",
    "link server → camera",
  ]);
});

test("a device that is away, or not known at all, is a failure", async () => {
  const [camera, server] = twoDevices.devices;
  if (camera === undefined || server === undefined) throw new Error("two devices");
  const status = {
    ...twoDevices,
    devices: [{ ...camera, state: "away" as const, why: "it was not heard of for 5 s" }, server],
  };
  const checks = await checkCluster(status, ["camera", "drone"], question.join, healthyProbes);
  expect(states(checks)).toMatchObject({ "device camera": "failed", "device drone": "failed" });
  expect(states(checks)).toMatchObject({ "link camera → server": "skipped" });
  expect(checks[0]?.observed).toBe("away: it was not heard of for 5 s");
});

test("a device that cannot be dialled from here is a warning that says why", async () => {
  const probes = { ...healthyProbes, dial: systemError("ETIMEDOUT") };
  const [camera] = await checkCluster(twoDevices, [], question.join, probes);
  expect(camera).toMatchObject({ state: "warning", observed: expect.stringMatching(/no answer/) });
});

test("another machine's loopback address is not dialled", async () => {
  const [camera] = twoDevices.devices;
  if (camera === undefined) throw new Error("two devices");
  const status = {
    ...twoDevices,
    devices: [{ ...camera, addresses: ["127.0.0.1:7001"] }],
    links: [],
  };
  const away = await checkCluster(status, [], question.join, healthyProbes);
  expect(away).toMatchObject([{ state: "warning", observed: expect.stringMatching(/loopback/) }]);
  const here = await checkCluster(status, [], "127.0.0.1:7000", healthyProbes);
  expect(here).toMatchObject([{ state: "ok" }]);
});

test("a link that is down is a failure, one through the coordinator a warning", async () => {
  const [to, back] = twoDevices.links;
  if (to === undefined || back === undefined) throw new Error("two links");
  const links = [
    { ...to, state: "down" as const },
    { ...back, tunnelled: true },
  ];
  const checks = await checkCluster({ ...twoDevices, links }, [], question.join, healthyProbes);
  expect(states(checks)).toMatchObject({
    "link camera → server": "failed",
    "link server → camera": "warning",
  });
});

test.each([
  ["EADDRINUSE", "warning", /another port/],
  ["EADDRNOTAVAIL", "failed", /0\.0\.0\.0/],
  ["EACCES", "failed", /below 1024/],
])(
  "an address that cannot be listened at (%s) is told with its reason",
  async (code, state, fix) => {
    const probes = { ...healthyProbes, listen: systemError(code) };
    expect(await checkListen("10.9.9.9:7001", probes)).toMatchObject([
      { state, fix: expect.stringMatching(fix) },
    ]);
  },
);

test("what cannot be known from here about an own port is said", async () => {
  const [listens, outside] = await checkListen("0.0.0.0:7001", healthyProbes);
  expect(listens?.state).toBe("ok");
  expect(outside).toMatchObject({
    state: "skipped",
    fix: expect.stringContaining("doctor --join"),
  });
});

test("this machine's own probes see a port that listens, and one that does no more", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  expect(await systemProbes.dial("127.0.0.1", port)).toBeGreaterThanOrEqual(0);
  await expect(systemProbes.listen("127.0.0.1", port)).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  await new Promise((resolve) => server.close(resolve));
  await expect(systemProbes.dial("127.0.0.1", port)).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
  expect(await systemProbes.resolve("127.0.0.1")).toEqual(["127.0.0.1"]);
});
