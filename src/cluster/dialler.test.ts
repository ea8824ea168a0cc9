import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { sampleMessages } from "../../test/fixtures/messages.ts";
import { CodedError } from "../base/errors.ts";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { Channel, Transport } from "../transport/transport.ts";
import { raceAddresses } from "./dialler.ts";
import { introduce } from "./handshake.ts";
import { encodeMessage } from "./protocol.ts";

/** After how long a ping is answered, and how much longer each byte of it takes; `null`: connecting never ends. */
type Delay = number | readonly [seconds: number, secondsPerByte: number] | null;

async function street(delays: Readonly<Record<string, Delay>>) {
  const clock = createVirtualClock({ settle: () => setImmediate() });
  const memory = createMemoryTransport();
  const dialled: Channel[] = [];
  for (const [address, delay] of Object.entries(delays)) {
    if (delay === null) continue;
    const listener = await memory.listen(address);
    const [each, perByte] = typeof delay === "number" ? [delay, 0] : delay;
    const answer = async (channel: Channel): Promise<void> => {
      for await (const { header, payload } of channel) {
        await clock.sleep(seconds(each + perByte * payload.byteLength));
        const reply = header.type === "ping" ? sampleMessages.pong : sampleMessages.attached;
        await channel.send(encodeMessage(reply)).catch(() => undefined);
      }
    };
    void (async () => {
      for await (const channel of listener) void answer(channel);
    })();
  }
  const transport: Transport = {
    ...memory,
    connect: async (address) => {
      if (delays[address] === null) await new Promise(() => undefined);
      const channel = await memory.connect(address);
      dialled.push(channel);
      return channel;
    },
  };
  return { clock, transport, dialled };
}

async function race(
  delays: Readonly<Record<string, Delay>>,
  addresses: readonly string[] = Object.keys(delays),
  check?: (channel: Channel) => CodedError | null,
) {
  const { clock, transport, dialled } = await street(delays);
  const over = new AbortController();
  const { signal } = over;
  const form = check === undefined ? {} : { check };
  const racing = raceAddresses({ transport, clock, addresses, signal, ...form });
  const outcome = racing.then(
    ({ address }) => address,
    (error: CodedError) => `${error.code}: ${error.message}`,
  );
  const since = clock.now();
  let lastedSeconds = 0;
  void outcome.then(() => {
    lastedSeconds = clock.now() - since;
  });
  await clock.advance(seconds(2));
  over.abort(new CodedError("CHANNEL_CLOSED", "too late"));
  await clock.run();
  const winner = await racing.catch(() => null);
  const states = dialled.map((channel) =>
    channel === winner?.channel
      ? null
      : Promise.race([channel.ended.then(() => 0), setImmediate().then(() => 1)]),
  );
  const open = (await Promise.all(states)).reduce<number>((total, one) => total + (one ?? 0), 0);
  return { outcome: await outcome, seconds: lastedSeconds, stillOpen: open };
}

test("the nearest address wins, and the channels to others are closed", async () => {
  const { outcome, stillOpen } = await race({ far: 0.05, near: 0.01, middle: 0.03 });
  expect([outcome, stillOpen]).toEqual(["near", 0]);
});

test("of two that are about as near the first is kept", async () => {
  expect((await race({ first: 0.0115, second: 0.01 })).outcome).toBe("first");
  expect((await race({ first: 0.013, second: 0.01 })).outcome).toBe("second");
});

test("of those that are about as near the one with the highest goodput is kept", async () => {
  const slow = 1e-6;
  const fast = 1e-8;
  // The larger of 20 % and 1 ms is about as near.
  const cases: readonly (readonly [number, number, string])[] = [
    [0.01, 0.0115, "second"],
    [0.01, 0.013, "first"],
    [0.0001, 0.0009, "second"],
    [0.0001, 0.0012, "first"],
  ];
  for (const [near, far, expected] of cases) {
    const result = await race({ first: [near, slow], second: [far, fast] });
    expect(result).toMatchObject({ outcome: expected, stillOpen: 0 });
  }
});

test("goodputs that differ little say nothing; whoever breaks off or hangs under the load does not win", async () => {
  const alike = await race({ first: [0.01, 1.1e-6], second: [0.01, 1e-6] });
  expect(alike.outcome).toBe("first");
  const stuck = await race({ first: [0.01, 1e6], second: [0.01, 1e-6] });
  expect(stuck).toMatchObject({ outcome: "second", stillOpen: 0 });
  expect(stuck.seconds).toBeLessThan(0.4);
  const slow = await race({ first: [0.01, 1e-4], second: [0.01, 5e-5] });
  expect(slow).toMatchObject({ outcome: "first", stillOpen: 0 });
  expect(slow.seconds).toBeLessThan(0.6);
});

test("a channel that is kept before its load is through is heard from what comes behind that", async () => {
  const { clock, transport } = await street({ first: [0.01, 1e-4], second: [0.01, 1e-4] });
  const { signal } = new AbortController();
  const racing = raceAddresses({ transport, clock, addresses: ["first", "second"], signal });
  await clock.advance(seconds(1));
  const { channel } = await racing;
  const replied = introduce(channel, clock, sampleMessages.attach, "attached");
  await clock.advance(seconds(9));
  expect(await replied).toEqual(sampleMessages.attached);
});

test("addresses that hang or refuse cost nothing but the grace", async () => {
  const result = await race({ hanging: null, good: 0.01 }, ["hanging", "deserted", "good"]);
  expect(result).toMatchObject({ outcome: "good", stillOpen: 0 });
  expect(result.seconds).toBeLessThan(0.5);
});

test("a single address is taken as soon as it stands", async () => {
  expect(await race({ only: 1 })).toEqual({ outcome: "only", seconds: 0, stillOpen: 0 });
});

test("where nobody answers, every address is named", async () => {
  const { outcome } = await race({ hanging: null }, ["hanging", "deserted"]);
  expect(outcome).toMatch(/^CHANNEL_CLOSED: nobody answers:.*deserted/);
  expect((await race({}, [])).outcome).toContain("no address is known");
  expect((await race({ hanging: null })).outcome).toContain("hanging did not answer in time");
});

test("an address that leads to somebody else does not win", async () => {
  const check = ({ peer }: Channel) =>
    peer === "wrong" ? new CodedError("IDENTITY_REFUSED", "somebody else") : null;
  const { outcome, stillOpen } = await race(
    { wrong: 0.001, right: 0.05 },
    ["wrong", "right"],
    check,
  );
  expect([outcome, stillOpen]).toEqual(["right", 0]);
});
