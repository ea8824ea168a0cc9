import { expect, test } from "vitest";
import { createVirtualClock } from "../../base/virtual-clock.ts";
import { encodeMessage } from "../protocol.ts";
import { Traffic } from "./traffic.ts";

test.each([
  { what: "waits for", isExpected: true },
  { what: "does not wait for", isExpected: false },
])("the other side is told at once that a large tensor is there that somebody $what", (setting) => {
  const heard: string[] = [];
  const traffic = new Traffic({
    clock: createVirtualClock({ settle: () => Promise.resolve() }),
    life: "b",
    assembly: { isExpected: () => setting.isExpected },
    onMessage: ({ message }) => heard.push(message.type),
  });
  const receive = (bytes: number, offset: number, length: number) => {
    const value = { dataType: "uint8", shape: [bytes] };
    const place = { type: "tensor", tensor: "x", generation: 1, request: bytes } as const;
    const piece = { offset, bytes };
    return traffic.receive(encodeMessage({ ...place, ...value, piece }, new Uint8Array(length)));
  };
  expect([receive(100_000, 0, 50_000), receive(100_000, 50_000, 50_000)]).toEqual([false, true]);
  expect([receive(60_000, 0, 40_000), receive(60_000, 40_000, 20_000)]).toEqual([false, false]);
  expect(heard).toEqual(setting.isExpected ? ["tensor", "tensor"] : []);
});
