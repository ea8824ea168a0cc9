import { setImmediate as settle } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { seconds } from "../../src/base/units.ts";
import { createVirtualClock } from "../../src/base/virtual-clock.ts";
import { Network } from "../../src/sim/network.ts";
import type { Channel, Frame } from "../../src/transport/transport.ts";
import { transportConformance } from "../conformance/transport.ts";

const link = { latencySeconds: 0.01, bandwidthBitsPerSecond: 8e6 };

function simulated(seed = 1) {
  const clock = createVirtualClock({ settle: () => settle() });
  return { clock, network: new Network({ clock, random: createRandom(seed), link }) };
}

/** Lets virtual time flow by itself, as fast as it can. */
let flowing = true;
afterAll(() => {
  flowing = false;
});

transportConformance("the simulated network", () => {
  const { clock, network } = simulated();
  void (async () => {
    while (flowing) await clock.advance(seconds(0.1));
  })();
  return {
    transport: network.boot("alone").transport,
    anyAddress: "alone:0",
    deserted: "nowhere:1",
    rawDial: { impossible: "there are no bytes between its two sides that a stranger could write" },
  };
});

/** A channel from `a` to `b`, and everything that happens on it with its time. */
async function connected(seed = 1) {
  const { clock, network } = simulated(seed);
  const [a, b] = [network.boot("a"), network.boot("b")];
  const listener = await b.transport.listen("b:0");
  const dialling = a.transport.connect(listener.address);
  await clock.advance(seconds(1));
  const [dialled, accepted] = [await dialling, await first(listener)];
  return { clock, network, a, b, listener, dialled, accepted, heard: record(accepted, b.clock) };
}

async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new Error("nothing came");
}

/** `type` and time of what arrives; the end as `end` or its code. */
function record(channel: Channel, clock: { now(): number }): [string, number][] {
  const heard: [string, number][] = [];
  const at = () => Number(clock.now().toFixed(6));
  void (async () => {
    try {
      for await (const { header } of channel)
        heard.push([String(header["name"] ?? header.type), at()]);
      heard.push(["end", at()]);
    } catch (error) {
      heard.push([(error as { code: string }).code, at()]);
    }
  })();
  return heard;
}

const message = (type: string, bytes = 0, rest = {}): Frame => ({
  header: { type, ...rest },
  payload: new Uint8Array(bytes),
});

const names = (heard: readonly [string, number][]) => heard.map(([name]) => name);

test("a frame takes its bits over the bandwidth, behind those before it, and then the latency", async () => {
  const { clock, dialled, heard } = await connected();
  void dialled.send(message("x", 9917));
  void dialled.send(message("y", 9917));
  await clock.advance(seconds(1));
  // 16 bytes of prefix, 12 of header, 40 of TCP and IP: 9985 bytes at 1 MB/s.
  expect(heard).toEqual([
    ["x", 1.019985],
    ["y", 1.02997],
  ]);
});

test("what is sent while the link is down arrives in order when it is up again", async () => {
  const { clock, network, dialled, heard } = await connected();
  void dialled.send(message("under way"));
  network.cut("a", "b", "swallowed");
  void dialled.send(message("x"));
  await clock.advance(seconds(60));
  expect(heard).toEqual([]);
  network.heal("a", "b");
  void dialled.send(message("y"));
  await clock.advance(seconds(1));
  expect(names(heard)).toEqual(["under way", "x", "y"]);
});

test("the other direction of a link that is down works on", async () => {
  const { clock, network, a, dialled, accepted } = await connected();
  network.cut("a", "b", "swallowed");
  const heard = record(dialled, a.clock);
  void accepted.send(message("x"));
  await clock.advance(seconds(1));
  expect(names(heard)).toEqual(["x"]);
});

test("who dials over a link that swallows everything hangs until it is up, or gives up", async () => {
  const { clock, network, a, listener } = await connected();
  network.cut("a", "b", "swallowed");
  const events: string[] = [];
  const patience = new AbortController();
  void a.transport.connect(listener.address).then(() => events.push("connected"));
  void a.transport
    .connect(listener.address, { signal: patience.signal })
    .catch((reason) => events.push(String(reason)));
  await clock.advance(seconds(60));
  patience.abort("gave up");
  await clock.advance(seconds(1));
  expect(events).toEqual(["gave up"]);
  network.heal("a", "b");
  await clock.advance(seconds(1));
  expect(events).toEqual(["gave up", "connected"]);
});

test("a link that refuses ends its channels on both sides and refuses new ones until it heals", async () => {
  const { clock, network, a, b, listener, dialled, accepted } = await connected();
  network.cut("b", "a", "refused");
  await clock.advance(seconds(0.1));
  expect(await dialled.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect(await accepted.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  expect([a.sockets.size, b.sockets.size]).toEqual([0, 0]);
  const refused = expect(a.transport.connect(listener.address)).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  await clock.advance(seconds(1));
  await refused;
  network.heal("b", "a");
  const dialling = a.transport.connect(listener.address);
  await clock.advance(seconds(1));
  expect((await dialling).peer).toBe(listener.address);
});

test("a program that is killed ends its channels, and its address is refused until it starts again", async () => {
  const { clock, network, a, dialled, listener } = await connected();
  network.crash("b", "killed");
  const code = expect(a.transport.connect(listener.address)).rejects.toMatchObject({
    message: expect.stringContaining("nobody listens"),
  });
  await clock.advance(seconds(1));
  await code;
  expect(await dialled.ended).toMatchObject({ code: "CHANNEL_CLOSED" });
  const again = await network.boot("b").transport.listen(listener.address);
  const dialling = a.transport.connect(again.address);
  await clock.advance(seconds(1));
  expect((await dialling).peer).toBe(again.address);
});

test("a host without power is silent; when it is back, who still speaks to it learns that", async () => {
  const { clock, network, a, dialled, listener } = await connected();
  const heard = record(dialled, a.clock);
  network.crash("b", "unplugged");
  void dialled.send(message("x"));
  const events: string[] = [];
  const dialling = a.transport.connect(listener.address).catch(({ code }) => events.push(code));
  await clock.advance(seconds(60));
  expect([heard, events]).toEqual([[], []]);
  network.boot("b");
  await clock.advance(seconds(1));
  await dialling;
  expect([names(heard), events]).toEqual([["CHANNEL_CLOSED"], ["CHANNEL_CLOSED"]]);
});

test("a dead host's programs do nothing any more", async () => {
  const { clock, network, b, accepted, dialled, a } = await connected();
  const heard = record(dialled, a.clock);
  const events: string[] = [];
  void b.clock.sleep(seconds(1)).then(() => events.push("woke"));
  void accepted.ended.then(() => events.push("ended"));
  network.crash("b", "unplugged");
  void dialled.send(message("x"));
  await clock.advance(seconds(60));
  expect([events, heard]).toEqual([[], []]);
});

test.each([
  ["runs", 61],
  ["stands", 1],
] as const)(
  "a paused host hears and does nothing; its clock %s, and afterwards everything comes in order",
  async (kind, woken) => {
    const { clock, network, b, dialled, heard } = await connected();
    const events: [string, number][] = [];
    for (const duration of [0.5, 0.2, 5]) {
      void b.clock.sleep(seconds(duration)).then(() => events.push([`${duration}`, b.clock.now()]));
    }
    network.pause("b", kind);
    void dialled.send(message("x"));
    void dialled.send(message("y"));
    await clock.advance(seconds(60));
    expect([events, heard]).toEqual([[], []]);
    const resuming = network.resume("b", "timers");
    await clock.advance(seconds(0));
    await resuming;
    expect(b.clock.now()).toBe(woken);
    expect(names(heard)).toEqual(["x", "y"]);
    await clock.advance(seconds(10));
    const due = kind === "runs" ? [61, 61, 61] : [1.2, 1.5, 6];
    expect(events.map(([, at]) => Number(at.toFixed(9)))).toEqual(due);
    expect(b.clock.sleepers).toBe(0);
  },
);

test("a paused host still accepts channels, as a kernel does for a stopped program", async () => {
  const { clock, network, a, listener } = await connected();
  network.pause("b", "runs");
  const dialling = a.transport.connect(listener.address);
  await clock.advance(seconds(1));
  const heard = record(await dialling, a.clock);
  await clock.advance(seconds(60));
  expect(heard).toEqual([]);
  const resuming = network.resume("b", "frames");
  await clock.advance(seconds(0));
  await resuming;
  expect((await first(listener)).peer).toContain("a:");
});

test("who sends to a stopped program waits once its host holds a megabyte for it", async () => {
  const { clock, network, dialled, heard } = await connected();
  network.pause("b", "runs");
  let taken = 0;
  void (async () => {
    for (let sent = 0; sent < 50; sent++) {
      await dialled.send({ header: { type: "x" }, payload: new Uint8Array(100_000) });
      taken++;
    }
  })();
  await clock.advance(seconds(60));
  expect([taken, heard]).toEqual([10, []]);
  void network.resume("b", "frames");
  await clock.advance(seconds(60));
  expect([taken, heard.length]).toEqual([50, 50]);
});

test.each(["refused", "swallowed"] as const)(
  "a hidden host is %s to strangers only",
  async (how) => {
    const { clock, network, a, b, listener } = await connected();
    network.hide("b", how);
    const events: string[] = [];
    void a.transport.connect(listener.address).catch(({ code }) => events.push(code));
    void b.transport.connect(listener.address).then(() => events.push("own"));
    await clock.advance(seconds(60));
    expect(events.sort()).toEqual(how === "refused" ? ["CHANNEL_CLOSED", "own"] : ["own"]);
  },
);

test("frames that may come twice and late do, those that may not never do, and the seed says which", async () => {
  const run = async (seed: number) => {
    const { clock, network, dialled, heard } = await connected(seed);
    network.disorder = { duplicate: 0.3, overtake: 0.3, holdSeconds: 0.05 };
    void dialled.send(message("join", 0, { name: "join -1" }));
    for (let index = 0; index < 100; index++) {
      const type = index % 10 === 0 ? "deploy" : "blob";
      void dialled.send(message(type, 10, { name: `${type} ${index}`, request: index }));
    }
    void dialled.close();
    await clock.advance(seconds(10));
    return names(heard);
  };
  const heard = await run(7);
  expect(await run(7)).toEqual(heard);
  expect(await run(8)).not.toEqual(heard);
  const numbers = heard.slice(1, -1).map((name) => Number(name.split(" ")[1]));
  expect(heard.at(-1)).toBe("end");
  expect(new Set(numbers).size).toBe(100);
  expect(numbers.length).toBeGreaterThan(110);
  expect(numbers.some((number, index) => number < (numbers[index - 1] ?? 0))).toBe(true);
  // Between two barriers stand exactly the frames that were sent between them.
  expect(numbers.map((number) => Math.floor(number / 10))).toEqual(
    numbers.map((number) => Math.floor(number / 10)).sort((x, y) => x - y),
  );
  expect(heard.filter((name) => name.startsWith("deploy"))).toHaveLength(10);
});

test("a loss and the return behind it keep their order", async () => {
  const { clock, network, dialled, heard } = await connected(3);
  network.disorder = { duplicate: 0, overtake: 0.5, holdSeconds: 0.05 };
  void dialled.send(message("join"));
  for (let index = 0; index < 50; index++) {
    void dialled.send(message("lost", 0, { name: `d${index} lost`, device: `d${index}` }));
    void dialled.send(message("reached", 0, { name: `d${index} then`, device: `d${index}` }));
  }
  await clock.advance(seconds(10));
  const order = names(heard);
  const early = Array.from({ length: 50 }, (_, index) => `d${index}`).filter(
    (device) => order.indexOf(`${device} then`) < order.indexOf(`${device} lost`),
  );
  expect(early).toEqual([]);
  expect(order.slice(1)).not.toEqual(order.slice(1).sort());
  expect(order).toHaveLength(101);
});

test("channels other than a control channel keep their order", async () => {
  const { clock, network, dialled, heard } = await connected(3);
  network.disorder = { duplicate: 0.5, overtake: 0.5, holdSeconds: 0.05 };
  void dialled.send(message("attach"));
  for (let index = 0; index < 50; index++)
    void dialled.send(message("ping", 0, { name: `${index}` }));
  await clock.advance(seconds(10));
  expect(names(heard)).toEqual(["attach", ...Array.from({ length: 50 }, (_, index) => `${index}`)]);
});
