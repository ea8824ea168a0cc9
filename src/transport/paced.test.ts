import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { bitsPerSecond, type Seconds, seconds } from "../base/units.ts";
import { createVirtualClock, type VirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "./memory.ts";
import { type PaceOptions, paceChannel } from "./paced.ts";
import { createPacer } from "./pacer.ts";
import type { Channel, Frame } from "./transport.ts";

const virtualClock = (): VirtualClock => createVirtualClock({ settle: () => setImmediate() });

async function openPaced(options: PaceOptions): Promise<{ near: Channel; far: Channel }> {
  const transport = createMemoryTransport({ items: 1, bytes: 1000 });
  const listener = await transport.listen("far");
  const near = await transport.connect("far");
  for await (const far of listener) return { near: paceChannel(near, options), far };
  throw new Error("nobody came");
}

const frame = (type: string, bytes: number): Frame => ({
  header: { type },
  payload: new Uint8Array(bytes),
});

/** When each frame arrives. */
async function arrivals(channel: Channel, clock: Clock): Promise<[string, number][]> {
  const seen: [string, number][] = [];
  for await (const { header } of channel) seen.push([header.type, round(clock.now())]);
  return seen;
}

const round = (value: number): number => Math.round(value * 1e9) / 1e9;

test("frames go through one by one, latencies overlap, and send ends with serialisation", async () => {
  const clock = virtualClock();
  const { near, far } = await openPaced({
    clock,
    bandwidthBitsPerSecond: bitsPerSecond(8000),
    latencySeconds: seconds(5),
  });
  const arriving = arrivals(far, clock);
  const sent: number[] = [];
  const sending = (async () => {
    for (const type of ["a", "b", "c"]) {
      await near.send(frame(type, 1000));
      sent.push(clock.now());
    }
    await near.close();
  })();
  await clock.run();
  await sending;
  expect(sent).toEqual([1, 2, 3]);
  expect(await arriving).toEqual([
    ["a", 6],
    ["b", 7],
    ["c", 8],
  ]);
});

test("a frame without payload takes the latency only, yet overtakes nothing", async () => {
  const clock = virtualClock();
  const { near, far } = await openPaced({
    clock,
    bandwidthBitsPerSecond: bitsPerSecond(8000),
    latencySeconds: seconds(0.5),
  });
  const arriving = arrivals(far, clock);
  const first = near.send(frame("alone", 0));
  await clock.advance(seconds(1));
  const rest = [near.send(frame("data", 2000)), near.send(frame("behind", 0)), near.close()];
  await clock.run();
  await Promise.all([first, ...rest]);
  expect(await arriving).toEqual([
    ["alone", 0.5],
    ["data", 3.5],
    ["behind", 3.5],
  ]);
});

test("channels on one medium take turns, each with the bandwidth of its own link", async () => {
  const clock = virtualClock();
  const medium = createPacer({ clock, bandwidthBitsPerSecond: bitsPerSecond(8000) });
  const slow = await openPaced({ clock, medium });
  const fast = await openPaced({ clock, medium, bandwidthBitsPerSecond: bitsPerSecond(80_000) });
  const seen = Promise.all([arrivals(slow.far, clock), arrivals(fast.far, clock)]);
  const sends = [
    slow.near.send(frame("a", 1000)),
    fast.near.send(frame("b", 1000)),
    slow.near.send(frame("c", 1000)),
    slow.near.close(),
    fast.near.close(),
  ];
  await clock.run();
  await Promise.all(sends);
  expect(await seen).toEqual([
    [
      ["a", 1],
      ["c", 2.1],
    ],
    [["b", 1.1]],
  ]);
});

test("the payload may be overwritten as soon as send resolves", async () => {
  const clock = virtualClock();
  const { near, far } = await openPaced({ clock, latencySeconds: seconds(1) });
  const payload = new Uint8Array([1, 2, 3]);
  await near.send({ header: { type: "a" }, payload });
  payload.fill(9);
  await clock.run();
  for await (const received of far) {
    expect([...received.payload]).toEqual([1, 2, 3]);
    break;
  }
});

test("a receiver that does not read stops the sender", async () => {
  const clock = virtualClock();
  const { near, far } = await openPaced({ clock, bandwidthBitsPerSecond: bitsPerSecond(8e6) });
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await near.send(frame("flood", 1000));
    await near.close();
  })();
  await clock.advance(seconds(1000));
  expect(sent).toBeLessThan(20);
  const arriving = arrivals(far, clock);
  await clock.advance(seconds(1000));
  await sending;
  expect(await arriving).toHaveLength(100);
});

test("when the other side closes, every wait ends with CHANNEL_CLOSED and no time passes", async () => {
  const clock = virtualClock();
  const medium = createPacer({ clock, bandwidthBitsPerSecond: bitsPerSecond(8) });
  const dying = await openPaced({ clock, medium });
  const living = await openPaced({ clock, medium });
  const refused = [dying.near.send(frame("a", 1000)), dying.near.send(frame("b", 1000))].map(
    (sending) => expect(sending).rejects.toMatchObject({ code: "CHANNEL_CLOSED" }),
  );
  await clock.advance(seconds(10));
  await dying.far.close();
  await Promise.all(refused);
  await expect(dying.near.send(frame("c", 0))).rejects.toMatchObject({ code: "CHANNEL_CLOSED" });
  const delivered = living.near.send(frame("other", 1));
  await clock.run();
  await delivered;
  expect(clock.now()).toBe(11);
});

/** As coarse as the timers of Node: whole milliseconds, cut, and late by up to one and a half. */
function coarseClock(clock: VirtualClock, jitter: () => number): Clock {
  return {
    now: () => clock.now(),
    sleep: (duration) => {
      const cut = Math.max(1, Math.trunc(duration * 1000)) / 1000;
      return clock.sleep(seconds(cut + jitter()));
    },
  };
}

test("coarse timers do not slow the link down: many frames end as late as one timer", async () => {
  const sizes = fc.constantFrom(1000, 12_500, 100_000);
  const jitters = fc.array(fc.double({ min: 0, max: 0.0015, noNaN: true }), { minLength: 5 });
  await fc.assert(
    fc.asyncProperty(sizes, jitters, async (bytes, late) => {
      const virtual = virtualClock();
      let turn = 0;
      const clock = coarseClock(virtual, () => late[turn++ % late.length] ?? 0);
      const pacer = createPacer({ clock, bandwidthBitsPerSecond: bitsPerSecond(100e6) });
      const count = Math.ceil(3e6 / bytes);
      let end: Seconds = seconds(0);
      const sending = (async () => {
        for (let sent = 0; sent < count; sent++) {
          await pacer.take(bytes);
          end = clock.now();
        }
      })();
      await virtual.run();
      await sending;
      const ideal = (8 * bytes * count) / 100e6;
      // A timer may be cut by 1 ms and asked again, and then be late by 1.5 ms.
      expect(Math.abs(end - ideal)).toBeLessThan(0.0026);
    }),
    { numRuns: 20 },
  );
});
