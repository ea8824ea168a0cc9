import { once } from "node:events";
import { connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { transportConformance } from "../../test/conformance/transport.ts";
import type { RawPeer } from "../../test/conformance/transport-peers.ts";
import { goodbye } from "./frame.ts";
import { tcpTransport } from "./tcp.node.ts";
import { TcpChannel } from "./tcp-channel.node.ts";
import { listenTcp } from "./tcp-listener.node.ts";
import { defaultLimits } from "./transport.ts";

transportConformance("tcp", async () => ({
  transport: tcpTransport,
  anyAddress: "127.0.0.1:0",
  deserted: await findDeserted(),
  rawDial,
}));

async function findDeserted(): Promise<string> {
  const listener = await tcpTransport.listen("127.0.0.1:0");
  await listener.close();
  return listener.address;
}

async function rawDial(address: string): Promise<RawPeer> {
  const socket = connect({ host: "127.0.0.1", port: Number(address.split(":")[1]) });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return {
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  };
}

test("whoever says goodbye, or is told it, is let go although it goes on talking", async () => {
  await using listener = await tcpTransport.listen("127.0.0.1:0");
  const port = Number(listener.address.split(":")[1]);
  const gone: Promise<void>[] = [];
  for (const saysGoodbye of [true, false]) {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const talk = (): void => {
      if (!socket.destroyed) socket.write(goodbye, () => setImmediate(talk));
    };
    // By a reset, in the end.
    socket.on("error", () => undefined).resume();
    gone.push(new Promise((resolve) => socket.once("close", () => resolve())));
    if (saysGoodbye) socket.write(goodbye, talk);
    for await (const accepted of listener) {
      if (!saysGoodbye) void accepted.close().then(talk);
      expect(await accepted.ended).toBeNull();
      break;
    }
  }
  await Promise.all(gone);
});

test("whoever cannot be greeted loses its own connection, and nobody else's", async () => {
  let greeted = 0;
  await using listener = await listenTcp("127.0.0.1:0", async (socket, peer) => {
    greeted++;
    if (greeted === 1) throw new Error("its certificate makes no sense");
    return new TcpChannel(peer, defaultLimits, socket);
  });
  const first = await tcpTransport.connect(listener.address);
  expect(await first.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  await using second = await tcpTransport.connect(listener.address);
  for await (const accepted of listener) {
    await accepted.close();
    break;
  }
  expect(await second.ended).toBeNull();
});

test("listens and answers on IPv6", async () => {
  await using listener = await tcpTransport.listen("[::1]:0");
  expect(listener.address).toMatch(/^\[::1\]:\d+$/);
  const channel = await tcpTransport.connect(listener.address);
  for await (const accepted of listener) {
    expect(accepted.peer).toMatch(/^\[::1\]:\d+$/);
    await accepted.close();
    break;
  }
  expect(await channel.ended).toBeNull();
});

test.each(["7000", "host", "host:", "host:70000", "a:b:1", "", "nats://me:secret@host:1"])(
  "refuses %j as an address and shows how one is written, and no password",
  async (address) => {
    const refused = tcpTransport.connect(address);
    await expect(refused).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: expect.stringContaining("127.0.0.1:7000"),
    });
    const said = await refused.catch(({ message, details }) => JSON.stringify([message, details]));
    expect(said).not.toContain("secret");
  },
);

test("says of an address of another machine that it is none of this one", async () => {
  // Reserved for documentation: no machine has it.
  await expect(tcpTransport.listen("192.0.2.1:0")).rejects.toMatchObject({
    code: "USAGE_INVALID",
    message: expect.stringMatching(/^cannot listen at 192\.0\.2\.1:0: this machine has no such/),
  });
});

test("a connect that is under way can be aborted", async () => {
  const controller = new AbortController();
  await using listener = await tcpTransport.listen("127.0.0.1:0");
  const connecting = tcpTransport.connect(listener.address, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(connecting).rejects.toBe(reason);
});

test("a connection that is lost in mid-payload ends the dialling side as well", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(Buffer.from("505441010c000000ffff000000000000", "hex"));
    socket.end(`{"type":"x"}and some`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const channel = await tcpTransport.connect(`127.0.0.1:${port}`);
  expect(await channel.ended).toMatchObject({
    code: "CHANNEL_CLOSED",
    cause: { code: "FRAME_MALFORMED" },
  });
  server.close();
});

test("counts bytes that come in before their frame is whole, and says when they came", async () => {
  await using listener = await tcpTransport.listen("127.0.0.1:0");
  const dialled = await tcpTransport.connect(listener.address);
  for await (const accepted of listener) {
    const payload = new Uint8Array(1_000_000);
    const [{ value }] = await Promise.all([
      accepted[Symbol.asyncIterator]().next(),
      dialled.send({ header: { type: "tensor" }, payload }),
    ]);
    expect(accepted.heardBytes).toBeGreaterThan(1_000_000);
    const { beganSeconds = 0, endedSeconds = -1 } = value?.arrival ?? {};
    expect(endedSeconds).toBeGreaterThan(beganSeconds);
    await accepted.close();
    break;
  }
  await dialled.close();
});
