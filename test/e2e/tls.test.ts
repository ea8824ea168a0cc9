import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import type { Agent } from "../../src/cluster/agent.ts";
import type { AgentEvent, AgentOptions } from "../../src/cluster/agent-options.ts";
import { type Authority, certify, openAuthority } from "../../src/cluster/authority.node.ts";
import type { Signer, Validity } from "../../src/cluster/certificates.node.ts";
import type { Coordinator } from "../../src/cluster/coordinator.ts";
import type { Attach } from "../../src/cluster/data-message.ts";
import { protocolVersion } from "../../src/cluster/greeting.ts";
import { introduce } from "../../src/cluster/handshake.ts";
import { type KeyStore, openKeyStore } from "../../src/cluster/key-store.node.ts";
import type { ClusterEvent } from "../../src/cluster/status.ts";
import { createTlsTransport } from "../../src/transport/tls.node.ts";
import { anonymous, type Listener, type Transport } from "../../src/transport/transport.ts";
import {
  clientTransport,
  coordinatorTransport,
  deviceTransport,
  joinedKeys,
  makeAuthority,
} from "../fixtures/authority.ts";
import { connect, joinAgent, realSetting, startCoordinator, token } from "../fixtures/cluster.ts";
import { mesh, meshAnswer, meshDevices, meshInputs, meshPlan } from "../fixtures/mesh.ts";

const past: Validity = { from: new Date("2020-01-01"), to: new Date("2021-01-01") };
const dayMilliseconds = 24 * 3600 * 1000;
const folder = mkdtempSync(join(tmpdir(), "partita-tls-"));
const keysOf = (device: string): string => join(folder, device);
const agents = new Map<string, Agent>();
/** Whose certificates the listeners of devices were shown, by device. */
const shown = new Map<string, Set<string | null>>();
let authority: Authority;
/** When the next certificate is good; `null`: as usual. */
let validity: Validity | null = null;
const events: ClusterEvent[] = [];
let coordinator: Coordinator;

/** The same transport, which notes who is accepted. */
function noting(transport: Transport, seen: Set<string | null>): Transport {
  const note = (listener: Listener): Listener => ({
    address: listener.address,
    close: () => listener.close(),
    [Symbol.asyncDispose]: () => listener.close(),
    async *[Symbol.asyncIterator]() {
      for await (const channel of listener) {
        seen.add(channel.identity);
        yield channel;
      }
    },
  });
  return {
    name: transport.name,
    connect: (address, options) => transport.connect(address, options),
    listen: async (address, limits) => note(await transport.listen(address, limits)),
  };
}

function readSigner(): Signer {
  const pem = readFileSync(join(folder, "authority.pem"), "utf8");
  const start = pem.indexOf("-----BEGIN CERTIFICATE-----");
  return { key: pem.slice(0, start), certificate: pem.slice(start) };
}

/** Until when a device's certificate is good, in milliseconds since 1970. */
function expiryOf(device: string): number {
  const { validTo } = new X509Certificate(readFileSync(join(keysOf(device), "certificate.pem")));
  return Date.parse(validTo);
}

async function startAgent(
  device: string,
  options: Pick<AgentOptions, "onEvent"> = {},
): Promise<Agent> {
  const keys = await openKeyStore(keysOf(device), authority.fingerprint);
  const trust = authority.fingerprint;
  const seen = new Set<string | null>();
  shown.set(device, seen);
  const transport = noting(createTlsTransport({ trust, identity: keys.identity }), seen);
  return await joinAgent(realSetting(), coordinator, device, { ...options, transport, keys });
}

async function ask(request: number): Promise<void> {
  const setting = { ...realSetting(), transport: clientTransport(authority) };
  await using client = await connect(setting, coordinator);
  const { outputs } = await client.infer(meshInputs(request));
  expect(outputs).toEqual(await meshAnswer(request));
}

/** What the coordinator's cloud says to somebody who would be a device. */
async function attachToCloud(transport: Transport, device: string): Promise<unknown> {
  const standing = { turn: 1, life: "another", heard: 0, heardOf: null };
  const first: Attach = {
    ...{ type: "attach", protocol: protocolVersion, token, kind: "hop" },
    ...{ device, to: "cloud", standing },
  };
  const [address = ""] = agents.get("cloud")?.addresses ?? [];
  await using channel = await transport.connect(address);
  return await introduce(channel, systemClock, first, "attached");
}

beforeAll(async () => {
  authority = await openAuthority(folder);
  const setting = { ...realSetting(), transport: coordinatorTransport(authority) };
  const plan = meshPlan(...meshDevices);
  coordinator = await startCoordinator(setting, mesh, plan, {
    heartbeatSeconds: 0.05,
    missedHeartbeats: 100,
    onEvent: (event) => events.push(event),
    authority: {
      certify: async (device, request) => {
        const [usual, only] = [validity === null, validity ?? past];
        validity = null;
        return await (usual
          ? authority.certify(device, request)
          : certify(readSigner(), device, request, only));
      },
    },
  });
  for (const device of meshDevices) agents.set(device, await startAgent(device));
  await coordinator.ready();
});

afterAll(async () => {
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

test("devices show each other their certificates, and answer as one machine does", async () => {
  await ask(1);
  const strangers = [...shown.values()].flatMap((seen) =>
    [...seen].filter((name) => name !== anonymous && !meshDevices.includes(name ?? "")),
  );
  expect(strangers).toEqual([]);
  expect([...(shown.get("cloud") ?? [])].filter((name) => name !== anonymous)).not.toEqual([]);
});

test("whoever shows no certificate cannot be a device, even with the right secret", async () => {
  const stranger = clientTransport(authority);
  await expect(attachToCloud(stranger, "camera")).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/'camera'.*no device's certificate/),
  });
  await ask(2);
});

test("a device cannot be another one to a third", async () => {
  const shed = await deviceTransport(authority, "shed");
  await expect(attachToCloud(shed, "camera")).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/'camera'.*is device 'shed'/),
  });
  await ask(3);
});

test("a device of another cluster is refused, and refuses", async () => {
  const other = await makeAuthority();
  await expect(
    attachToCloud(await deviceTransport(other, "camera"), "camera"),
  ).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
  // It trusts this cluster's authority, and shows a certificate of its own.
  const { identity } = await joinedKeys(other, "camera");
  const forger = createTlsTransport({ trust: authority.fingerprint, identity });
  await expect(attachToCloud(forger, "camera")).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringContaining(other.fingerprint),
  });
  await ask(4);
});

test("a client that trusts another authority says nothing, least of all the secret", async () => {
  const other = { ...realSetting(), transport: clientTransport(await makeAuthority()) };
  await expect(connect(other, coordinator)).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
});

test("the name of a device that is away is given neither to another device nor to another key", async () => {
  await agents.get("attic")?.close();
  const joinAs = (keys: KeyStore, { identity }: KeyStore) => {
    const transport = createTlsTransport({ trust: authority.fingerprint, identity });
    return joinAgent(realSetting(), coordinator, "attic", { transport, keys });
  };
  const shed = await openKeyStore(keysOf("shed"), authority.fingerprint);
  await expect(joinAs(shed, shed)).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/'attic'.*is device 'shed'/),
  });
  const nobody = await openKeyStore(keysOf("nobody"), authority.fingerprint);
  await expect(joinAs(nobody, nobody)).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/attic.*--forget attic/),
  });
});

test("a certificate alone does not let in a key that had the name before", async () => {
  const keys = await openKeyStore(keysOf("nobody"), authority.fingerprint);
  const { certificate } = await authority.certify("attic", await keys.request());
  const key = readFileSync(join(keysOf("nobody"), "key.pem"), "utf8");
  const identity = () => ({ key, certificate });
  const transport = createTlsTransport({ trust: authority.fingerprint, identity });
  await expect(
    joinAgent(realSetting(), coordinator, "attic", { transport, keys: null }),
  ).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringContaining("asks for no certificate"),
  });
});

test("a device whose certificate ran out while it was off joins and has a new one", async () => {
  const keys = await openKeyStore(keysOf("attic"), authority.fingerprint);
  const { certificate } = await certify(readSigner(), "attic", await keys.request(), past);
  writeFileSync(join(keysOf("attic"), "certificate.pem"), certificate);
  agents.set("attic", await startAgent("attic"));
  expect(expiryOf("attic")).toBeGreaterThan(Date.now() + 300 * dayMilliseconds);
  await ask(5);
});

test("a device that stays has a new certificate before the old one runs out, and misses nothing", async () => {
  await agents.get("shed")?.close();
  validity = { from: past.from, to: new Date(Date.now() + dayMilliseconds) };
  await new Promise<void>((resolve, reject) => {
    let times = 0;
    const onEvent = ({ type }: AgentEvent): void => {
      if (type === "joined") times++;
      if (times === 2) resolve();
    };
    startAgent("shed", { onEvent }).then((agent) => agents.set("shed", agent), reject);
  });
  expect(expiryOf("shed")).toBeGreaterThan(Date.now() + 300 * dayMilliseconds);
  await ask(6);
  const comings = events.flatMap((event) =>
    (event.type === "left" || event.type === "joined") && event.device === "shed"
      ? [event.type]
      : [],
  );
  expect(comings).toEqual(["joined", "left", "joined", "joined"]);
});
