import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { seconds } from "../base/units.ts";
import { createVirtualClock } from "../base/virtual-clock.ts";
import { createMemoryTransport } from "../transport/memory.ts";
import type { Channel } from "../transport/transport.ts";
import { protocolVersion } from "./greeting.ts";
import { Switchboard } from "./switchboard.ts";

const settle = () => setImmediate();

async function open() {
  const clock = createVirtualClock({ settle });
  const transport = createMemoryTransport({ items: 2, bytes: 1000 });
  const asked: string[] = [];
  const ask = (device: string, kind: string, from: string) =>
    asked.push(`${device}: ${kind} to ${from}`);
  const switchboard = new Switchboard({ clock, ask });
  const listener = await transport.listen("coordinator");
  const accepting = listener[Symbol.asyncIterator]();
  const dial = async (device: string, to: string): Promise<Channel> => {
    const near = await transport.connect("coordinator");
    const { value: far } = await accepting.next();
    const opening = { protocol: protocolVersion, token: "", device, to };
    void switchboard.accept(far, { type: "tunnel", kind: "hop", ...opening });
    return near;
  };
  return { clock, switchboard, asked, dial };
}

async function next(channel: Channel): Promise<unknown> {
  const { done, value } = await channel[Symbol.asyncIterator]().next();
  return done === true ? "end" : value.header;
}

test("asks for the other device, and passes frames on both ways until one side ends", async () => {
  const { switchboard, asked, dial } = await open();
  const a = await dial("a", "b");
  expect(asked).toEqual(["b: hop to a"]);
  const b = await dial("b", "a");
  expect(asked).toHaveLength(1);
  expect([await next(a), await next(b)]).toEqual([{ type: "tunnelled" }, { type: "tunnelled" }]);
  const payload = new Uint8Array(100);
  await a.send({ header: { type: "there" }, payload });
  await b.send({ header: { type: "back" }, payload });
  expect([await next(b), await next(a)]).toEqual([{ type: "there" }, { type: "back" }]);
  await settle();
  expect(switchboard.tunnels).toEqual([{ kind: "hop", devices: ["a", "b"], bytes: 200 }]);
  await a.close();
  expect(await next(b)).toBe("end");
  await settle();
  expect(switchboard.tunnels).toEqual([]);
});

test("devices whose names have spaces are not taken for others", async () => {
  const { switchboard, asked, dial } = await open();
  await dial("a b", "c");
  await dial("a", "b c");
  expect(asked).toEqual(["c: hop to a b", "b c: hop to a"]);
  expect(switchboard.tunnels).toEqual([]);
});

test("a side that does not read stops the other", async () => {
  const { dial } = await open();
  const [a, b] = [await dial("a", "b"), await dial("b", "a")];
  let sent = 0;
  const flood = (async () => {
    for (; sent < 50; sent++)
      await a.send({ header: { type: "flood" }, payload: new Uint8Array(500) });
  })();
  for (let turn = 0; turn < 100; turn++) await settle();
  expect(sent).toBeLessThan(20);
  for (let count = 0; count < 51; count++) await next(b);
  await flood;
  expect(sent).toBe(50);
});

test("who waits in vain is told so, and who dials again is not asked for twice", async () => {
  const { clock, asked, dial } = await open();
  const first = await dial("a", "b");
  const second = await dial("a", "b");
  expect(await next(first)).toBe("end");
  expect(asked).toHaveLength(1);
  await clock.advance(seconds(5));
  expect(await next(second)).toMatchObject({ type: "refused", error: { code: "DEVICE_LOST" } });
  await dial("c", "d");
  expect(asked).toEqual(["b: hop to a", "d: hop to c"]);
});

test("closing it ends tunnels and those who wait", async () => {
  const { switchboard, dial } = await open();
  const sides = [await dial("a", "b"), await dial("b", "a"), await dial("c", "d")];
  await settle();
  await switchboard.close();
  expect(await Promise.all(sides.map(({ ended }) => ended))).toEqual([null, null, null]);
});
