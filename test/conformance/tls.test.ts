import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.node.ts";
import { certify } from "../../src/cluster/authority.node.ts";
import { makeKey, requestCertificate, selfSign } from "../../src/cluster/certificates.node.ts";
import { protocolVersion } from "../../src/cluster/greeting.ts";
import { admit, introduce } from "../../src/cluster/handshake.ts";
import { tcpTransport } from "../../src/transport/tcp.node.ts";
import { createTlsTransport } from "../../src/transport/tls.node.ts";
import { fingerprintOf } from "../../src/transport/tls-identity.node.ts";
import {
  anonymous,
  type Channel,
  type Listener,
  type Transport,
} from "../../src/transport/transport.ts";
import {
  clientTransport,
  coordinatorTransport,
  deviceTransport,
  joinedKeys,
  makeAuthority,
} from "../fixtures/authority.ts";
import { transportConformance } from "./transport.ts";
import type { RawPeer } from "./transport-peers.ts";

const anyAddress = "127.0.0.1:0";

transportConformance("tls", async () => ({
  transport: await deviceTransport(await makeAuthority(), "camera"),
  anyAddress,
  deserted: await findDeserted(),
  rawDial,
}));

async function findDeserted(): Promise<string> {
  const listener = await tcpTransport.listen(anyAddress);
  await listener.close();
  return listener.address;
}

const portOf = (address: string): number => Number(address.split(":")[1]);

/** Speaks TLS, but neither frames nor certificates. */
async function rawDial(address: string): Promise<RawPeer> {
  const inner = connectTcp({ host: "127.0.0.1", port: portOf(address) });
  const socket = connectTls({ socket: inner, rejectUnauthorized: false });
  inner.on("error", () => undefined);
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return {
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    reset: () => inner.resetAndDestroy(),
  };
}

async function accepted(listener: Listener): Promise<Channel> {
  for await (const channel of listener) return channel;
  throw new Error("nobody came");
}

/** Both ends of a channel that one transport dials and another accepts. */
async function meet(dialling: Transport, accepting: Transport): Promise<[Channel, Channel]> {
  const listener = await accepting.listen(anyAddress);
  const ends = await Promise.all([dialling.connect(listener.address), accepted(listener)]);
  await listener.close();
  return ends;
}

/** What the two sides end with when the accepting one refuses, or is said to. */
async function beRefused(dialling: Transport, accepting: Transport): Promise<[unknown, unknown]> {
  await using listener = await accepting.listen(anyAddress);
  const open = { type: "open", protocol: protocolVersion, token: "t" } as const;
  const ask = async () => {
    await using channel = await dialling.connect(listener.address);
    return await introduce(channel, systemClock, open, "opened");
  };
  const answer = async () => {
    const channel = await accepted(listener);
    await admit(channel, systemClock, "t");
    return await channel.ended;
  };
  return await Promise.all([ask().catch((error: unknown) => error), answer()]);
}

test("both sides of a channel between devices know each other's name", async () => {
  const authority = await makeAuthority();
  const names = ["Anna's größe, =1\\", "edge"] as const;
  const [dialled, taken] = await meet(
    await deviceTransport(authority, names[0]),
    await deviceTransport(authority, names[1]),
  );
  expect([dialled.identity, taken.identity]).toEqual(["edge", "Anna's größe, =1\\"]);
  await Promise.all([dialled.close(), taken.close()]);
});

test("whoever dials the coordinator without certificate is anonymous, and so is the coordinator", async () => {
  const authority = await makeAuthority();
  const [dialled, taken] = await meet(clientTransport(authority), coordinatorTransport(authority));
  expect([dialled.identity, taken.identity]).toEqual([anonymous, anonymous]);
  await Promise.all([dialled.close(), taken.close()]);
});

test("a device shows its certificate as soon as it has one", async () => {
  const authority = await makeAuthority();
  const { identity } = await joinedKeys(authority, "late");
  let isJoined = false;
  const device = createTlsTransport({
    trust: authority.fingerprint,
    identity: () => (isJoined ? identity() : null),
  });
  const listener = await device.listen(anyAddress);
  const peer = clientTransport(authority);
  await expect(peer.connect(listener.address)).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  isJoined = true;
  const [dialled] = await Promise.all([peer.connect(listener.address), accepted(listener)]);
  expect(dialled.identity).toBe("late");
  await listener.close();
  const [, taken] = await meet(device, coordinatorTransport(authority));
  expect(taken.identity).toBe("late");
});

test("a coordinator of another authority is refused by whoever dials it: a man in the middle", async () => {
  const [ours, theirs] = await Promise.all([makeAuthority(), makeAuthority()]);
  await using listener = await coordinatorTransport(theirs).listen(anyAddress);
  await expect(clientTransport(ours).connect(listener.address)).rejects.toMatchObject({
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(
      `${listener.address}.*${theirs.fingerprint}.*${ours.fingerprint}`,
    ),
  });
});

test("a certificate behind which somebody else's true authority is sent is refused", async () => {
  const [ours, theirs] = await Promise.all([makeAuthority(), makeAuthority()]);
  const key = makeKey();
  const forged = (await theirs.certify("edge", await requestCertificate(key))).certificate;
  const between = /(?<=-----END CERTIFICATE-----)\s*/;
  const [own, authority] = [forged.split(between)[0], ours.identity.certificate.split(between)[1]];
  const certificate = `${own}\n${authority}`;
  const forger = createTlsTransport({
    trust: ours.fingerprint,
    identity: () => ({ key, certificate }),
  });
  const [heard, why] = await beRefused(forger, coordinatorTransport(ours));
  expect([heard, why]).toMatchObject([{ code: "IDENTITY_REFUSED" }, { code: "IDENTITY_REFUSED" }]);
});

test("a device with a certificate of another authority is refused, and both sides say why", async () => {
  const [ours, theirs] = await Promise.all([makeAuthority(), makeAuthority()]);
  const { identity } = await joinedKeys(theirs, "edge");
  const forger = createTlsTransport({ trust: ours.fingerprint, identity });
  const refusal = {
    code: "IDENTITY_REFUSED",
    message: expect.stringContaining(theirs.fingerprint),
  };
  expect(await beRefused(forger, await deviceTransport(ours, "camera"))).toMatchObject([
    refusal,
    refusal,
  ]);
});

test("a certificate that has expired is refused, with both dates", async () => {
  const signerKey = makeKey();
  const [from, to] = [new Date("2020-01-01T00:00:00Z"), new Date("2020-06-01T00:00:00Z")];
  const signer = {
    key: signerKey,
    certificate: await selfSign(signerKey, { from, to: new Date("2100-01-01T00:00:00Z") }),
  };
  const trust = fingerprintOf(new X509Certificate(signer.certificate));
  const key = makeKey();
  const request = await requestCertificate(key);
  const expired = await certify(signer, "edge", request, { from, to });
  const current = await certify(signer, "cloud", request, {
    from,
    to: new Date("2100-01-01T00:00:00Z"),
  });
  const [edge, cloud] = [expired, current].map(({ certificate }) =>
    createTlsTransport({ trust, identity: () => ({ key, certificate }) }),
  ) as [Transport, Transport];
  const refusal = {
    code: "IDENTITY_REFUSED",
    message: expect.stringMatching(/Jun {2}1 .*2020.*clock/),
  };
  expect(await beRefused(edge, cloud)).toMatchObject([refusal, refusal]);
  await using listener = await edge.listen(anyAddress);
  await expect(cloud.connect(listener.address)).rejects.toMatchObject(refusal);
});

test("whoever dials without TLS is told to take the token with its fingerprint", async () => {
  const authority = await makeAuthority();
  const refusal = { code: "TOKEN_REFUSED", message: expect.stringContaining("fingerprint") };
  expect(await beRefused(tcpTransport, coordinatorTransport(authority))).toMatchObject([
    refusal,
    refusal,
  ]);
});

test("whoever dials with TLS where there is none is told to take the token without fingerprint", async () => {
  const authority = await makeAuthority();
  await using listener = await tcpTransport.listen(anyAddress);
  const [error, taken] = await Promise.all([
    clientTransport(authority)
      .connect(listener.address)
      .catch((reason: unknown) => reason),
    accepted(listener),
  ]);
  expect(error).toMatchObject({
    code: "CHANNEL_CLOSED",
    message: expect.stringContaining("without .FINGERPRINT"),
  });
  expect(await taken.ended).toMatchObject({
    code: "FRAME_MALFORMED",
    message: expect.stringContaining("TLS"),
  });
});

test("a server of something else is told in words, without what OpenSSL says of its own files", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const dialling = clientTransport(await makeAuthority()).connect(`127.0.0.1:${port}`);
  await expect(dialling).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
    message: expect.stringContaining("answers, but not with TLS (wrong version number); "),
  });
  server.close();
});

test("strangers who say garbage, half a handshake or nothing do not disturb the others", async () => {
  const authority = await makeAuthority();
  const listener = await coordinatorTransport(authority).listen(anyAddress);
  const strangers = ["\x16\x03\x01\x00\x05garbage", "\x16", ""].map((said) => {
    const socket = connectTcp({ host: "127.0.0.1", port: portOf(listener.address) });
    socket.on("error", () => undefined);
    socket.on("connect", () => socket.write(Buffer.from(said, "latin1")));
    return socket.resume();
  });
  await Promise.all(strangers.map((socket) => once(socket, "connect")));
  const closed = Promise.all(strangers.map((socket) => once(socket, "close")));
  const [dialled, taken] = await Promise.all([
    clientTransport(authority).connect(listener.address),
    accepted(listener),
  ]);
  await taken.send({ header: { type: "alive" }, payload: new Uint8Array(0) });
  for await (const { header } of dialled) {
    expect(header.type).toBe("alive");
    break;
  }
  await Promise.all([dialled.close(), taken.close()]);
  await listener.close();
  await closed;
});

test("a handshake that the other side breaks off ends in CHANNEL_CLOSED, one that is aborted in the reason", async () => {
  const authority = await makeAuthority();
  const rude = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.destroy());
  });
  const silent = createServer((socket) => socket.on("error", () => undefined));
  rude.listen(0, "127.0.0.1");
  silent.listen(0, "127.0.0.1");
  await Promise.all([once(rude, "listening"), once(silent, "listening")]);
  const [rudePort, silentPort] = [rude, silent].map((server) => {
    const address = server.address();
    return typeof address === "object" ? address?.port : undefined;
  });
  const client = clientTransport(authority);
  await expect(client.connect(`127.0.0.1:${rudePort}`)).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  const controller = new AbortController();
  silent.once("connection", () => controller.abort(new Error("enough")));
  const { signal } = controller;
  await expect(client.connect(`127.0.0.1:${silentPort}`, { signal })).rejects.toThrow("enough");
  rude.close();
  silent.close();
});
