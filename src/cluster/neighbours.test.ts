import { expect, test } from "vitest";
import { openChannels, type Side, Town, token } from "../../test/fixtures/town.ts";
import { protocolVersion } from "./greeting.ts";

const empty = new Uint8Array(0);
const place = (request: number, tensor: string) => ({ generation: 1, request, tensor });
const value = (bytes: number, fill = 7) => ({
  dataType: "uint8",
  shape: [bytes],
  data: new Uint8Array(bytes).fill(fill),
});
const requestsOf = (side: Side): number[] =>
  side.heard.flatMap(({ message }) => (message.type === "begin" ? [message.request] : []));
const begin = (request: number) =>
  ({ type: "begin", generation: 1, request, resume: null }) as const;

/** @param closed whether the first (`toA`) or the second (`toB`) cannot dial the other, as long as it says so */
async function pair(
  closed = { toA: false, toB: false },
): Promise<{ town: Town; a: Side; b: Side }> {
  const town = new Town();
  void town.coordinate();
  const a = await town.add("a", (address) => closed.toA && address === "b");
  const b = await town.add("b", (address) => closed.toB && address === "a");
  await town.connect("hop", "a", "b");
  return { town, a, b };
}

async function expectBothWays({ town, a, b }: { town: Town; a: Side; b: Side }): Promise<void> {
  await Promise.all([
    a.neighbours.sendTensor("hop", "b", place(1, "x"), value(1_000_000)),
    b.neighbours.sendTensor("hop", "a", place(1, "y"), value(10)),
  ]);
  await town.advance(0.05);
  expect(b.heard.at(-1)).toMatchObject({ message: { tensor: "x" } });
  expect(Buffer.compare(b.heard.at(-1)?.payload ?? empty, value(1_000_000).data)).toBe(0);
  expect(a.heard.at(-1)).toMatchObject({ message: { tensor: "y" } });
}

test("two devices that dial each other at once end with one channel, the first one's", async () => {
  const { town, a, b } = await pair();
  await expectBothWays({ town, a, b });
  expect(await openChannels(a.dialled)).toBe(1);
  expect(await openChannels(b.dialled)).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test.each([
  ["the second", true, false],
  ["the first", false, true],
])("a device that only %s can dial is reached without a tunnel", async (_, toA, toB) => {
  const { town, a, b } = await pair({ toA, toB });
  await expectBothWays({ town, a, b });
  expect(a.neighbours.isTunnelled("b")).toBe(false);
  expect((await openChannels(a.dialled)) + (await openChannels(b.dialled))).toBe(1);
  await Promise.all([a.close(), b.close()]);
});

test("asks to be dialled if it cannot dial, although the other side has not asked for it", async () => {
  const town = new Town();
  void town.coordinate();
  const a = await town.add("a", (address) => address === "b");
  const b = await town.add("b");
  const opening = a.neighbours.connect("hop", "b");
  await town.advance(1);
  await opening;
  await expectBothWays({ town, a, b });
  expect(town.tunnels).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test("two devices that cannot dial each other talk through the coordinator, until they can", async () => {
  const closed = { toA: true, toB: true };
  const { town, a, b } = await pair(closed);
  expect([a, b].map((side, at) => side.neighbours.isTunnelled("ba"[at] ?? ""))).toEqual([
    true,
    true,
  ]);
  expect(town.tunnels).toBe(1);
  await expectBothWays({ town, a, b });
  Object.assign(closed, { toA: false, toB: false });
  await town.advance(31);
  expect(a.neighbours.isTunnelled("b")).toBe(false);
  expect(town.tunnels).toBe(0);
  await expectBothWays({ town, a, b });
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("a channel that the other side ends while it is needed again is not lost if dialling takes long", async () => {
  const { town, a, b } = await pair();
  town.dialSeconds = 0.8;
  b.neighbours.drop("hop", "a");
  await town.advance(5.95);
  a.neighbours.drop("hop", "b");
  await a.neighbours.connect("hop", "b");
  await town.advance(0.5);
  expect(a.neighbours.stands("hop", "b")).toBe(false);
  await town.advance(1);
  expect(a.neighbours.stands("hop", "b")).toBe(true);
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("gives up after 5 s when there is no way at all", async () => {
  const town = new Town();
  const a = await town.add("a", () => true);
  const refused = expect(a.neighbours.connect("gateway", "b")).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
    details: { device: "b" },
  });
  await town.advance(8);
  await refused;
  await expect(a.neighbours.send("gateway", "b", begin(1))).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  await a.close();
});

test("a channel that breaks is opened again, and nothing is lost or told twice", async () => {
  const { town, a, b } = await pair();
  const sent: Promise<unknown>[] = [];
  for (let request = 1; request <= 60; request++) {
    sent.push(a.neighbours.send("hop", "b", begin(request)));
    sent.push(a.neighbours.sendTensor("hop", "b", place(request, "x"), value(300_000, request)));
    if (request % 20 === 0) {
      for (const channel of [...a.dialled, ...b.dialled]) await channel.close();
    }
    if (request % 7 === 0) await town.advance(0.01);
  }
  await town.advance(2);
  await Promise.all(sent);
  const all = Array.from({ length: 60 }, (_, index) => index + 1);
  expect(requestsOf(b)).toEqual(all);
  const tensors = b.heard.flatMap(({ message, payload }) =>
    message.type === "tensor" ? [[message.request, payload[299_999]]] : [],
  );
  expect(tensors).toHaveLength(60);
  for (const [request, last] of tensors) expect(last).toBe(request);
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("a device that is gone is lost, and what was for it arrives when it is reached again", async () => {
  let isClosed = false;
  const town = new Town();
  const a = await town.add("a", () => isClosed);
  const b = await town.add("b", () => isClosed);
  await town.connect("hop", "a", "b");
  isClosed = true;
  for (const channel of a.dialled) await channel.close();
  await town.advance(0.3);
  expect([a.events, b.events]).toEqual([["lost b"], ["lost a"]]);
  const sending = a.neighbours.send("hop", "b", begin(9));
  await town.advance(10);
  isClosed = false;
  await town.advance(3);
  await sending;
  expect([a.events, b.events]).toEqual([
    ["lost b", "reached b"],
    ["lost a", "reached a"],
  ]);
  expect(requestsOf(b)).toEqual([9]);
  await Promise.all([a.close(), b.close()]);
});

test("a channel that swallows everything is given up, and what it swallowed goes again", async () => {
  let swallows = false;
  const town = new Town();
  const a = await town.add("a", undefined, () => swallows);
  const b = await town.add("b", undefined, () => swallows);
  await town.connect("hop", "a", "b");
  swallows = true;
  const sent = [1, 2, 3].map((request) => a.neighbours.send("hop", "b", begin(request)));
  await town.advance(0.45);
  await Promise.all(sent);
  expect([requestsOf(b), ...a.events]).toEqual([[]]);
  await town.advance(0.6);
  expect([a.events, b.events]).toEqual([["lost b"], ["lost a"]]);
  swallows = false;
  await town.advance(20);
  expect(requestsOf(b)).toEqual([1, 2, 3]);
  expect(a.events).toEqual(["lost b", "reached b"]);
  await Promise.all([a.close(), b.close()]);
});

test("a process that starts again is met anew, and old frames do not confuse it", async () => {
  const { town, a, b } = await pair();
  await a.neighbours.send("hop", "b", begin(1));
  await town.advance(1);
  town.transport.cut("b");
  await b.close();
  await town.advance(3);
  town.sides.delete("b");
  const again = await town.add("b");
  await town.advance(3);
  await a.neighbours.send("hop", "b", begin(2));
  await town.advance(0.1);
  expect(requestsOf(b)).toEqual([1]);
  expect(requestsOf(again)).toEqual([2]);
  expect(a.events).toEqual(["lost b", "reached b"]);
  await Promise.all([a.close(), again.close()]);
});

test("channels that both sides drop are there for another while, and end without a word", async () => {
  const { town, a, b } = await pair();
  const { length } = [...a.dialled, ...b.dialled];
  for (const again of [true, false]) {
    a.neighbours.drop("hop", "b");
    await town.advance(0.05);
    b.neighbours.drop("hop", "a");
    await town.advance(3);
    expect(await openChannels([...a.dialled, ...b.dialled])).toBe(1);
    if (again) await town.connect("hop", "a", "b");
    expect([...a.dialled, ...b.dialled]).toHaveLength(length);
  }
  await town.advance(60);
  expect(await openChannels([...a.dialled, ...b.dialled])).toBe(0);
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("being told again that nobody needs a channel does not keep it", async () => {
  const { town, a, b } = await pair();
  for (let turn = 0; turn < 40; turn++) {
    a.neighbours.drop("hop", "b");
    b.neighbours.drop("hop", "a");
    await town.advance(1);
  }
  expect(await openChannels([...a.dialled, ...b.dialled])).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test("what takes the place of a channel that nobody needs ends as it would have", async () => {
  const closed = { toA: true, toB: true };
  const { town, a, b } = await pair(closed);
  await town.advance(24);
  Object.assign(closed, { toA: false, toB: false });
  a.neighbours.drop("hop", "b");
  b.neighbours.drop("hop", "a");
  await town.advance(2);
  expect(a.neighbours.stands("hop", "b")).toBe(true);
  expect(a.neighbours.isTunnelled("b")).toBe(false);
  await town.advance(60);
  expect(await openChannels([...a.dialled, ...b.dialled])).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test("whoever means another device, or calls itself the same, is refused", async () => {
  const { town, a, b } = await pair();
  for (const [device, to] of [
    ["c", "b"],
    ["a", "a"],
  ] as const) {
    const channel = await town.transport.connect("a");
    const standing = { life: "x", heardOf: null, heard: 0, turn: 1 };
    const opening = { type: "attach", protocol: protocolVersion, token, kind: "hop" };
    const attach = { ...opening, device, to, standing };
    await channel.send({ header: attach, payload: empty });
    for await (const { header } of channel) {
      expect(header).toMatchObject({ type: "refused", error: { code: "USAGE_INVALID" } });
    }
  }
  await expectBothWays({ town, a, b });
  await Promise.all([a.close(), b.close()]);
});

test("imitated links hold tensors up, and no message or other kind of channel", async () => {
  const { town, a, b } = await pair();
  await town.connect("gateway", "a", "b");
  const link = {
    to: "b",
    bandwidthBitsPerSecond: 8e6,
    latencySeconds: 0.5,
    medium: null,
    beyond: null,
  };
  a.neighbours.emulate({ speed: 1, links: [link] }, (_, tensor) =>
    tensor === "light" ? 1000 : undefined,
  );
  const heavy = a.neighbours.sendTensor("hop", "b", place(1, "heavy"), value(1_000_000));
  const other = a.neighbours.sendTensor("gateway", "b", place(1, "answer"), value(1_000_000));
  await town.advance(0.01);
  await other;
  await town.advance(1.45);
  expect(b.heard.map(({ message }) => message.type === "tensor" && message.tensor)).toEqual([
    "answer",
  ]);
  await town.advance(0.05);
  expect((await heavy).sendSeconds).toBeCloseTo(1, 6);
  expect(b.heard).toHaveLength(2);
  const light = a.neighbours.sendTensor("hop", "b", place(2, "light"), value(1_000_000));
  await town.advance(0.6);
  expect((await light).sendSeconds).toBeCloseTo(0.001, 6);
  a.neighbours.emulate(
    { speed: 1, links: [{ ...link, bandwidthBitsPerSecond: 8e7 }] },
    () => undefined,
  );
  const faster = a.neighbours.sendTensor("hop", "b", place(3, "heavy"), value(1_000_000));
  await town.advance(1);
  expect((await faster).sendSeconds).toBeCloseTo(0.1, 6);
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("an imitated way over the relay is as long as both its links, of which all share the first", async () => {
  const town = new Town();
  const a = await town.add("a");
  const others = [await town.add("b"), await town.add("c")];
  for (const to of ["b", "c"]) await town.connect("hop", "a", to);
  const leg = { bandwidthBitsPerSecond: 8e5, latencySeconds: 0.1, medium: "a - hub" };
  const beyond = { bandwidthBitsPerSecond: 4e5, latencySeconds: 0.2, medium: null };
  const links = ["b", "c"].map((to) => ({ to, ...leg, beyond }));
  a.neighbours.emulate({ speed: 1, links }, () => undefined);
  for (const to of ["b", "c"]) {
    void a.neighbours.sendTensor("hop", to, place(1, "x"), value(10_000));
  }
  const heard = () => others.map((side) => side.heard.length);
  // 0.1 s and 0.2 s on the links, 0.3 s of latency; the second waits 0.1 s for the first link.
  await town.advance(0.59);
  expect(heard()).toEqual([0, 0]);
  await town.advance(0.02);
  expect(heard()).toEqual([1, 0]);
  await town.advance(0.08);
  expect(heard()).toEqual([1, 0]);
  await town.advance(0.02);
  expect(heard()).toEqual([1, 1]);
  await Promise.all([a, ...others].map((side) => side.close()));
});

test("a probe measures an imitated link, opened for it and closed behind it", async () => {
  const town = new Town();
  const a = await town.add("a");
  const b = await town.add("b");
  const linkTo = (to: string) => ({
    to,
    bandwidthBitsPerSecond: 8e6,
    latencySeconds: 0.05,
    medium: null,
    beyond: null,
  });
  a.neighbours.emulate({ speed: 1, links: [linkTo("b")] }, () => undefined);
  b.neighbours.emulate({ speed: 1, links: [linkTo("a")] }, () => undefined);
  const probing = a.neighbours.probe("b", 100_000);
  await town.advance(1);
  const probed = await probing;
  expect(probed).toMatchObject({ address: "b", tunnelled: false });
  expect(probed.roundTripSeconds).toBeCloseTo(0.1, 6);
  expect(probed.goodputBitsPerSecond).toBeCloseTo(8e6, -2);
  await town.advance(1);
  expect(await openChannels(a.dialled)).toBe(1);
  await town.advance(60);
  expect(await openChannels(a.dialled)).toBe(0);
  const failing = expect(a.neighbours.probe("c", 10)).rejects.toMatchObject({
    code: "CHANNEL_CLOSED",
  });
  await town.advance(8);
  await failing;
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test("tells how long a large tensor has been on its way", async () => {
  const { town, a, b } = await pair();
  const link = {
    to: "b",
    bandwidthBitsPerSecond: 8e5,
    latencySeconds: 0,
    medium: null,
    beyond: null,
  };
  a.neighbours.emulate({ speed: 1, links: [link] }, () => undefined);
  expect(a.neighbours.pending("b")).toBeNull();
  const sending = a.neighbours.sendTensor("hop", "b", place(1, "x"), value(1_000_000));
  await town.advance(4);
  expect(a.neighbours.pending("b")).toMatchObject({ bytes: 1_000_000, seconds: 4 });
  await town.advance(7);
  await sending;
  expect(a.neighbours.pending("b")).toBeNull();
  await Promise.all([a.close(), b.close()]);
});
