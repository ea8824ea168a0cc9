import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import type { Frame } from "../transport/transport.ts";
import { Assembly } from "./assembly.ts";
import { type Carrier, Outbox, pieceBytes } from "./outbox.ts";
import { decodeMessage, encodeMessage } from "./protocol.ts";

/** Takes each frame in a second, or fails at the first of which `breaksAt` frames were taken. */
function openOutbox() {
  const clock = createVirtualClock({ settle: () => setImmediate() });
  const outbox = new Outbox(clock);
  const taken: Frame[] = [];
  const carrier = (limit = Number.POSITIVE_INFINITY): Carrier => {
    let count = 0;
    return {
      send: async (frame) => {
        await clock.sleep(seconds(1));
        if (count++ >= limit) throw new CodedError("CHANNEL_CLOSED", "it broke");
        taken.push(frame);
      },
    };
  };
  return { clock, outbox, taken, carrier };
}

const place = (request: number, tensor = "x") => ({ generation: 1, request, tensor });
const value = (bytes: number) => ({
  dataType: "uint8",
  shape: [bytes],
  data: new Uint8Array(bytes).map((_, index) => index % 251),
});
const begin = (request: number): Frame =>
  encodeMessage({ type: "begin", generation: 1, request, resume: null });
const names = (frames: readonly Frame[]): string[] =>
  frames.map(({ header }) => `${header.type} ${header["request"]}`);

test("messages and small tensors go before the next piece of a large one, in their order", async () => {
  const { clock, outbox, taken, carrier } = openOutbox();
  outbox.open(carrier(), null);
  const large = outbox.sendTensor(place(1), value(3 * pieceBytes));
  await clock.advance(seconds(0.5));
  const small = outbox.sendTensor(place(2), value(1000));
  void outbox.send(begin(3));
  await clock.run();
  expect(names(taken)).toEqual(["tensor 1", "tensor 2", "begin 3", "tensor 1", "tensor 1"]);
  expect(await small).toEqual({ queueSeconds: 0.5, sendSeconds: 1 });
  expect(await large).toEqual({ queueSeconds: 2, sendSeconds: 3 });
});

test("large tensors go in the order of their requests, though a later one came first", async () => {
  const { clock, outbox, taken, carrier } = openOutbox();
  outbox.open(carrier(), null);
  for (const request of [5, 3, 4]) {
    void outbox.sendTensor(place(request), value(2 * pieceBytes));
  }
  await clock.run();
  expect(names(taken)).toEqual([5, 3, 3, 4, 4, 5].map((request) => `tensor ${request}`));
});

test("a flood of small ones does not stop a large one: every ninth frame is a piece", async () => {
  const { clock, outbox, taken, carrier } = openOutbox();
  for (let request = 0; request < 32; request++) void outbox.send(begin(request));
  void outbox.sendTensor(place(99), value(3 * pieceBytes));
  outbox.open(carrier(), null);
  await clock.run();
  const places = names(taken).flatMap((name, index) => (name === "tensor 99" ? [index] : []));
  expect(places).toEqual([8, 17, 26]);
});

test("a tensor up to one piece goes whole, and pieces are views", async () => {
  const { clock, outbox, taken, carrier } = openOutbox();
  const whole = value(pieceBytes);
  const large = value(pieceBytes + 1);
  outbox.open(carrier(), null);
  void outbox.sendTensor(place(1), whole);
  void outbox.sendTensor(place(2), large);
  await clock.run();
  expect(taken.map(({ payload }) => payload.buffer)).toEqual(
    [whole, large, large].map(({ data }) => data.buffer),
  );
  expect(taken.map(({ header }) => "piece" in header)).toEqual([false, true, true]);
});

test("pieces are as large as a link takes in a moment, however it says so", async () => {
  const { clock, outbox, taken, carrier } = openOutbox();
  const sizesOf = async (bytes: number) => {
    const before = taken.length;
    void outbox.sendTensor(place(1), value(bytes));
    await clock.run();
    return taken.slice(before).map(({ payload }) => payload.byteLength);
  };
  outbox.pace(160e6);
  outbox.open(carrier(), null);
  expect(await sizesOf(1_000_000)).toEqual([400_000, 400_000, 200_000]);
  // The channel has taken a third of a megabyte a second: slower than what comes in at the other end.
  expect(await sizesOf(131_073)).toEqual([65_536, 65_536, 1]);
  expect(await sizesOf(65_537)).toEqual([65_536, 1]);
});

test("on a fast link a tensor goes whole", async () => {
  const outbox = new Outbox(createVirtualClock({ settle: () => setImmediate() }));
  const taken: Frame[] = [];
  outbox.open({ send: async (frame) => void taken.push(frame) }, null);
  outbox.pace(10e9);
  for (const request of [1, 2]) await outbox.sendTensor(place(request), value(900_000));
  await outbox.sendTensor(place(3), value(1_500_000));
  const sizes = taken.map(({ payload }) => payload.byteLength);
  expect(sizes).toEqual([900_000, 900_000, 1_048_576, 451_424]);
});

test("whatever breaks and however often, everything arrives once and in the order it was sent", async () => {
  const sizes = fc.array(fc.constantFrom(10, 100_000, pieceBytes + 5, 3 * pieceBytes), {
    minLength: 1,
    maxLength: 6,
  });
  const breaks = fc.array(fc.record({ after: fc.nat(5), lost: fc.nat(3) }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(sizes, breaks, async (all, channels) => {
      const { clock, outbox, taken, carrier } = openOutbox();
      const sending = all.map((bytes, request) => outbox.sendTensor(place(request), value(bytes)));
      let heard = 0;
      for (const { after, lost } of channels) {
        outbox.open(carrier(after), heard);
        await clock.run();
        // What the channel took last may never have come out of it.
        taken.length = Math.max(heard, taken.length - lost);
        heard = taken.length;
        outbox.pause();
      }
      outbox.open(carrier(), heard);
      await clock.run();
      await Promise.all(sending);
      const assembly = new Assembly();
      const whole = taken.flatMap((frame) => {
        const { message, payload } = decodeMessage(frame);
        if (message.type !== "tensor") return [];
        return assembly.accept({ message, payload }, { beganSeconds: 0, endedSeconds: 0 }) ?? [];
      });
      const came = whole.map(({ received }) => [
        received.message.request,
        received.payload.byteLength,
      ]);
      expect(came.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0))).toEqual(
        all.map((bytes, request) => [request, bytes]),
      );
      outbox.acknowledge(taken.length);
      expect([outbox.isEmpty, outbox.bytes]).toEqual([true, 0]);
    }),
    { numRuns: 60 },
  );
});

test("what is given up is refused, and what was never sent cannot be acknowledged", async () => {
  const { clock, outbox, carrier } = openOutbox();
  const stale = expect(outbox.sendTensor(place(1), value(10))).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  const kept = outbox.sendTensor(place(2), value(10));
  outbox.forget(({ request }) => request === 1);
  await stale;
  outbox.open(carrier(), null);
  await clock.run();
  expect((await kept).sendSeconds).toBe(1);
  expect(() => outbox.acknowledge(2)).toThrow("only 1 were sent");
  const late = expect(outbox.send(begin(1))).rejects.toMatchObject({ code: "DEVICE_LOST" });
  outbox.close(new CodedError("DEVICE_LOST", "gone"));
  await late;
});

test("a large tensor is pending until the other side says that it is there", async () => {
  const { clock, outbox, carrier } = openOutbox();
  outbox.open(carrier(), null);
  void outbox.sendTensor(place(1), value(2 * pieceBytes));
  await clock.advance(seconds(1.5));
  expect(outbox.pending()).toMatchObject({ bytes: 2 * pieceBytes, seconds: 1.5 });
  await clock.advance(seconds(2));
  // The channel has taken it after 2 s.
  expect(outbox.pending()).toEqual({ bytes: 2 * pieceBytes, passedSeconds: 3.5, seconds: 3.25 });
  outbox.acknowledge(1);
  expect(outbox.pending()?.seconds).toBe(3.25);
  outbox.acknowledge(2);
  expect(outbox.pending()).toBeNull();
});

test("a tensor that waits in the channel behind another one is pending since that one is there", async () => {
  const { clock, outbox } = openOutbox();
  // As a kernel does, it takes everything at once.
  outbox.open({ send: async () => undefined }, null);
  for (const request of [1, 2, 3]) void outbox.sendTensor(place(request), value(100_000 * request));
  await clock.advance(seconds(2));
  expect(outbox.pending()).toMatchObject({ bytes: 100_000, seconds: 1.75 });
  outbox.acknowledge(1);
  expect(outbox.pending()).toMatchObject({ bytes: 200_000, seconds: 0 });
  await clock.advance(seconds(1));
  expect(outbox.pending()).toMatchObject({ bytes: 200_000, seconds: 0.75 });
});

test("where the other side's word may be late nobody can tell of what the channel has taken", async () => {
  const { clock, outbox, carrier } = openOutbox();
  outbox.open(carrier(), null);
  void outbox.sendTensor(place(1), value(100_000));
  await clock.advance(seconds(0.5));
  expect(outbox.pending(false)).toMatchObject({ bytes: 100_000, seconds: 0.5 });
  await clock.advance(seconds(2));
  expect(outbox.pending(false)).toBeNull();
  expect(outbox.pending()).toMatchObject({ bytes: 100_000, seconds: 2.25 });
});

test("of a tensor that goes on over another channel the time without a channel is not counted", async () => {
  const { clock, outbox, carrier } = openOutbox();
  outbox.open(carrier(), null);
  void outbox.sendTensor(place(1), value(3 * pieceBytes));
  await clock.advance(seconds(0.5));
  outbox.pause();
  await clock.advance(seconds(8));
  outbox.open(carrier(), 1);
  await clock.advance(seconds(0.5));
  expect(outbox.pending()?.seconds).toBe(0.5);
});

test("what has to be said once more over another channel is pending since then", async () => {
  const { clock, outbox, carrier } = openOutbox();
  outbox.open(carrier(1), null);
  void outbox.sendTensor(place(1), value(2 * pieceBytes)).catch(() => undefined);
  await clock.advance(seconds(5));
  outbox.open(carrier(), 0);
  await clock.advance(seconds(1));
  expect(outbox.pending()?.seconds).toBe(1);
});
