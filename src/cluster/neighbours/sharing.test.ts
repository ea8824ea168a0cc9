import { expect, test } from "vitest";
import { openChannels, Town } from "../../../test/fixtures/town.ts";
import { seconds } from "../../base/units.ts";
import { encodeMessage, type Received } from "../protocol.ts";
import { Link } from "./link.ts";
import { probeLink } from "./probe.ts";

const place = (request: number, tensor = "x") => ({ generation: 1, request, tensor });
const value = (bytes: number) => ({
  dataType: "uint8",
  shape: [bytes],
  data: new Uint8Array(bytes),
});
const requests = (heard: readonly Received[]) =>
  heard.map(({ message }) => ("request" in message ? message.request : null));

/** A link of 1 MB/s, without latency. */
const linkTo = (to: string, latencySeconds = 0) => ({
  to,
  bandwidthBitsPerSecond: 8e6,
  latencySeconds,
  medium: null,
  beyond: null,
});

test("on the one channel a small tensor is not stuck behind a large one of another request", async () => {
  const town = new Town();
  const [a, b] = [await town.add("a"), await town.add("b")];
  await town.connect("hop", "a", "b");
  expect(await openChannels([...a.dialled, ...b.dialled])).toBe(1);
  a.neighbours.emulate({ speed: 1, links: [linkTo("b")] }, () => undefined);
  // Ten seconds' worth.
  const large = a.neighbours.sendTensor("hop", "b", place(1), value(10_000_000));
  await town.advance(1);
  const small = a.neighbours.sendTensor("hop", "b", place(3), value(1000));
  const older = a.neighbours.sendTensor("hop", "b", place(0), value(1_000_000));
  // The piece that was on its way: 0.26 s. Behind it the small one, and that of the oldest request.
  await town.advance(0.3);
  expect(requests(b.heard)).toEqual([3]);
  await town.advance(1.1);
  expect(requests(b.heard)).toEqual([3, 0]);
  await town.advance(8.7);
  expect(requests(b.heard)).toEqual([3, 0, 1]);
  expect((await small).queueSeconds).toBeLessThan(0.27);
  expect((await older).queueSeconds).toBeLessThan(0.27);
  expect((await large).sendSeconds).toBeCloseTo(10, 6);
  await Promise.all([a.close(), b.close()]);
});

test("a link is measured even if it is said that nobody needs it while it is being opened", async () => {
  const town = new Town();
  const a = await town.add("a");
  const b = await town.add("b");
  town.dialSeconds = 0.5;
  const probing = a.neighbours.probe("b", 1000);
  await town.advance(0.2);
  a.neighbours.drop("hop", "b");
  await town.advance(1);
  expect(await probing).toMatchObject({ address: "b" });
  await town.advance(12);
  expect(await openChannels(a.dialled)).toBe(0);
  await Promise.all([a.close(), b.close()]);
});

test("both sides measure a link at once over a channel that nobody needs, and it is closed behind both", async () => {
  const town = new Town();
  const [a, b] = [await town.add("a"), await town.add("b")];
  a.neighbours.emulate({ speed: 1, links: [linkTo("b", 0.05)] }, () => undefined);
  b.neighbours.emulate({ speed: 1, links: [linkTo("a", 0.05)] }, () => undefined);
  const probing = Promise.all([
    a.neighbours.probe("b", 100_000),
    b.neighbours.probe("a", 200_000),
    b.neighbours.probe("a", 1_000_000),
  ]);
  await town.advance(4);
  for (const { goodputBitsPerSecond } of await probing) {
    expect(goodputBitsPerSecond).toBeLessThan(8.1e6);
  }
  await town.advance(61);
  expect(await openChannels([...a.dialled, ...b.dialled])).toBe(0);
  expect([...a.events, ...b.events]).toEqual([]);
  await Promise.all([a.close(), b.close()]);
});

test.each([
  {
    what: "an answer that waits behind others does not make a link slower than it was seen to be",
    seen: 0.1,
    sendSeconds: 0,
    rate: 8e6,
  },
  {
    what: "bytes that came at once behind a lost packet tell nothing",
    seen: 0.004,
    sendSeconds: 0,
    rate: null,
  },
  {
    what: "bytes that were seen in one go took what the echo says, not what a busy sender took",
    seen: 1e-3,
    sendSeconds: 0.02,
    rate: expect.closeTo(8e5 / 2.01, 0),
  },
])("$what", async ({ seen, sendSeconds, rate }) => {
  const town = new Town();
  const { clock, transport } = town;
  const listener = await transport.listen("b");
  const channel = await transport.connect("b");
  const link = new Link({
    channel,
    clock,
    isTunnelled: false,
    carrier: {
      send: async (frame) => {
        if (frame.payload.byteLength > 0) await clock.sleep(seconds(sendSeconds));
        await channel.send(frame);
      },
    },
    liveness: () => ({ heartbeatSeconds: 10, missedHeartbeats: 5 }),
    onFrame: () => undefined,
    onBeat: () => undefined,
    onEnd: () => undefined,
  });
  link.start();
  const far = await (async () => {
    for await (const accepted of listener) return accepted;
    return expect.fail("nobody came");
  })();
  void (async () => {
    for await (const { header, payload } of far) {
      const pong = { type: "pong", probe: Number(header["probe"]) } as const;
      const isLoad = payload.byteLength > 0;
      await clock.sleep(seconds(isLoad ? 2 : 0.01));
      await far.send(encodeMessage(isLoad ? { ...pong, seconds: seen } : pong));
    }
  })();
  const probing = probeLink(link, 100_000);
  await town.advance(5);
  expect(await probing).toMatchObject({ goodputBitsPerSecond: rate });
  expect((await probing).roundTripSeconds).toBeCloseTo(0.01, 9);
  await Promise.all([link.close(), far.close(), listener.close()]);
});
