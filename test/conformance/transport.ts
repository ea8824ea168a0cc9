import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Channel, Frame, FrameLimits } from "../../src/transport/transport.ts";
import { first, type Make, noise, type TransportUnderTest, takeAll } from "./transport-peers.ts";
import { describeStrangers } from "./transport-strangers.ts";

/** What every transport must do. */
export function transportConformance(
  name: string,
  makeTransport: () => TransportUnderTest | Promise<TransportUnderTest>,
): void {
  describe(`${name} keeps the contract of a transport:`, () => {
    describe("frames", () => describeFrames(makeTransport));
    describe("the end", () => describeEnd(makeTransport));
    describe("limits", () => describeLimits(makeTransport));
    describe("strangers", () => describeStrangers(makeTransport));
  });
}

interface Pair {
  readonly dialled: Channel;
  readonly accepted: Channel;
  close(): Promise<void>;
}

async function openPair(make: Make, limits?: FrameLimits): Promise<Pair> {
  const { transport, anyAddress } = await make();
  const listener = await transport.listen(anyAddress, limits);
  const [dialled, accepted] = await Promise.all([
    transport.connect(listener.address),
    first(listener),
  ]);
  const close = async () => {
    await Promise.all([dialled.close(), accepted.close(), listener.close()]);
  };
  return { dialled, accepted, close };
}

async function take(channel: Channel, count: number): Promise<Frame[]> {
  const frames: Frame[] = [];
  if (count === 0) return frames;
  for await (const frame of channel) {
    frames.push(frame);
    if (frames.length === count) break;
  }
  return frames;
}

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const empty = new Uint8Array(0);

function describeFrames(make: Make): void {
  test("many small frames arrive in order, both ways at once", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const count = 2000;
    const sendAll = async (channel: Channel) => {
      for (let index = 0; index < count; index++) {
        await channel.send({ header: { type: "count", index }, payload: noise(index % 50) });
      }
    };
    const [, , there, back] = await Promise.all([
      sendAll(dialled),
      sendAll(accepted),
      take(accepted, count),
      take(dialled, count),
    ]);
    const expected = Array.from({ length: count }, (_, index) => index);
    expect(there.map(({ header }) => header["index"])).toEqual(expected);
    expect(back.map(({ header }) => header["index"])).toEqual(expected);
    expect(there.map(({ payload }) => payload.byteLength)).toEqual(expected.map((i) => i % 50));
    await close();
  });

  test.each(["dialled", "accepted"] as const)(
    "10 MB from the %s side arrive bit for bit",
    async (side) => {
      const pair = await openPair(make);
      const receiver = side === "dialled" ? pair.accepted : pair.dialled;
      const payload = noise(10_000_000);
      const [frames] = await Promise.all([
        take(receiver, 2),
        pair[side].send({ header: { type: "tensor" }, payload }),
        pair[side].send({ header: { type: "behind" }, payload: empty }),
      ]);
      expect(frames.map(({ header }) => header.type)).toEqual(["tensor", "behind"]);
      expect(hash(frames[0]?.payload ?? empty)).toBe(hash(payload));
      await pair.close();
    },
  );

  test("the receiver owns the memory of each payload, alone and from its start", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const payload = noise(1000);
    const sent = hash(payload);
    const [frames] = await Promise.all([
      take(accepted, 2),
      dialled.send({ header: { type: "a" }, payload }),
      dialled.send({ header: { type: "b" }, payload }),
    ]);
    const [a, b] = frames.map((frame) => frame.payload);
    a?.fill(0);
    expect([hash(payload), hash(b ?? empty)]).toEqual([sent, sent]);
    expect(a?.byteOffset).toBe(0);
    expect(a?.buffer.byteLength).toBe(1000);
    expect(structuredClone(b, { transfer: b === undefined ? [] : [b.buffer] })?.byteLength).toBe(
      1000,
    );
    await close();
  });

  test("headers keep nested values and every script; payloads may be empty", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const header = { type: "note", text: "größe ✓ 模型", list: [1, null, { deep: true }] };
    const [[frame]] = await Promise.all([
      take(accepted, 1),
      dialled.send({ header, payload: empty }),
    ]);
    expect(frame).toEqual({ header, payload: empty });
    await close();
  });

  test("leaving a loop early loses no frame", async () => {
    const { dialled, accepted, close } = await openPair(make);
    for (const type of ["a", "b", "c"]) await dialled.send({ header: { type }, payload: empty });
    const types = [];
    for (let count = 0; count < 3; count++) types.push((await first(accepted)).header.type);
    expect(types).toEqual(["a", "b", "c"]);
    await close();
  });

  test("a sender stops when the receiver does not read, and goes on when it does", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const payload = new Uint8Array(1_000_000);
    const count = 200;
    let sent = 0;
    const sending = (async () => {
      for (; sent < count; sent++) await dialled.send({ header: { type: "flood" }, payload });
    })();
    await settled(() => sent);
    expect(sent).toBeLessThan(40);
    const received = await take(accepted, count);
    await sending;
    expect(received).toHaveLength(count);
    await close();
  });
}

/** Waits until a count stands still for 2000 turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  let still = 0;
  for (let last = count(); still < 2000; still++) {
    await setImmediate();
    if (count() !== last) still = 0;
    last = count();
  }
}

function describeEnd(make: Make): void {
  test("what was sent before close arrives, then iteration ends on both sides", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const sends = [1, 2, 3].map((index) =>
      dialled.send({ header: { type: "last", index }, payload: noise(100_000) }),
    );
    await Promise.all([...sends, dialled.close()]);
    expect((await takeAll(accepted)).map(({ header }) => header["index"])).toEqual([1, 2, 3]);
    expect(await takeAll(dialled)).toEqual([]);
    expect(await Promise.all([dialled.ended, accepted.ended])).toEqual([null, null]);
    await close();
  });

  test("after close, either side refuses to send, and close may be called again", async () => {
    const { dialled, accepted, close } = await openPair(make);
    await accepted.close();
    await dialled.ended;
    await accepted.close();
    const frame = { header: { type: "late" }, payload: empty };
    await expect(accepted.send(frame)).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
    await expect(dialled.send(frame)).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
    await close();
  });

  test("closing while the other side sends loses nothing of what was sent to it", async () => {
    const { dialled, accepted, close } = await openPair(make);
    const flood = dialled.send({ header: { type: "flood" }, payload: new Uint8Array(3_000_000) });
    await accepted.send({ header: { type: "answer" }, payload: noise(50_000) });
    await accepted.close();
    expect((await takeAll(dialled)).map(({ header }) => header.type)).toEqual(["answer"]);
    await Promise.allSettled([flood]);
    await close();
  });

  test("a listener ends its iteration when it closes, and its address is free again", async () => {
    const { transport, anyAddress } = await make();
    const listener = await transport.listen(anyAddress);
    const accepting = (async () => {
      let count = 0;
      for await (const channel of listener) {
        await channel.close();
        count++;
      }
      return count;
    })();
    const channel = await transport.connect(listener.address);
    await channel.ended;
    await listener.close();
    expect(await accepting).toBe(1);
    await expect(transport.connect(listener.address)).rejects.toMatchObject({
      code: "CHANNEL_CLOSED",
    });
    await (await transport.listen(listener.address)).close();
    await channel.close();
  });

  test("an address that is taken is refused with PORT_IN_USE", async () => {
    const { transport, anyAddress } = await make();
    await using listener = await transport.listen(anyAddress);
    await expect(transport.listen(listener.address)).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(listener.address),
    });
  });

  test("connecting to where nobody listens fails with CHANNEL_CLOSED and the address", async () => {
    const { transport, deserted } = await make();
    await expect(transport.connect(deserted)).rejects.toMatchObject({
      code: "CHANNEL_CLOSED",
      message: expect.stringContaining(deserted),
    });
  });

  test("an aborted connect rejects with the signal's reason", async () => {
    const { transport, anyAddress } = await make();
    await using listener = await transport.listen(anyAddress);
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    await expect(transport.connect(listener.address, { signal })).rejects.toBe(reason);
  });
}

function describeLimits(make: Make): void {
  const limits = { headerBytes: 100, payloadBytes: 1000 };
  const within = { header: { type: "ok" }, payload: new Uint8Array(1000) };
  const tooLarge = {
    header: { header: { type: "x".repeat(100) }, payload: empty },
    payload: { header: { type: "x" }, payload: new Uint8Array(1001) },
  };

  test("limits hold until others are set", async () => {
    const { dialled, accepted, close } = await openPair(make, {
      headerBytes: 100,
      payloadBytes: 0,
    });
    await dialled.send({ header: { type: "small" }, payload: empty });
    expect(await take(accepted, 1)).toHaveLength(1);
    accepted.setLimits(limits);
    await dialled.send(within);
    expect(await take(accepted, 1)).toEqual([within]);
    await accepted.send(within);
    expect(await take(dialled, 1)).toEqual([within]);
    await close();
  });

  test.each(["header", "payload"] as const)(
    "a %s over the receiver's limit ends the channel",
    async (part) => {
      const { dialled, accepted, close } = await openPair(make, limits);
      const sending = (async () => {
        await dialled.send(within);
        await dialled.send(tooLarge[part]);
      })();
      const received: Frame[] = [];
      const reading = (async () => {
        for await (const frame of accepted) received.push(frame);
      })();
      await expect(reading).rejects.toMatchObject({
        code: "FRAME_MALFORMED",
        details: { what: part },
      });
      await Promise.allSettled([sending]);
      expect(received).toHaveLength(1);
      expect(await accepted.ended).toMatchObject({ code: "FRAME_MALFORMED" });
      expect(await dialled.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
      await expect(dialled.send(within)).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
      await close();
    },
  );

  test.each(["header", "payload"] as const)(
    "a %s over the sender's limit is refused, the channel lives",
    async (part) => {
      const { dialled, accepted, close } = await openPair(make, limits);
      await expect(accepted.send(tooLarge[part])).rejects.toMatchObject({
        code: "FRAME_MALFORMED",
      });
      await accepted.send(within);
      expect(await first(dialled)).toEqual(within);
      await close();
    },
  );
}
