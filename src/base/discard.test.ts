import { expect, test } from "vitest";
import { discard } from "./discard.ts";

test("gives back memory at once, without a collection", () => {
  const size = 1 << 24;
  const used = () => process.memoryUsage().arrayBuffers;
  const before = used();
  for (let round = 0; round < 100; round++) {
    const bytes = new Uint8Array(size);
    bytes.fill(1);
    discard(bytes);
    expect(bytes.byteLength).toBe(0);
    expect(used()).toBeLessThan(before + size);
  }
});

test("bytes that were given back, and none at all, may be given back again", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const none = new Uint8Array(0);
  for (const _ of [1, 2]) {
    discard(bytes);
    discard(none);
  }
  expect(bytes.byteLength).toBe(0);
  expect(none.subarray(0)).toEqual(new Uint8Array(0));
});

test("leaves a buffer alone of which the bytes are a part", () => {
  const buffer = Uint8Array.of(1, 2, 3);
  discard(buffer.subarray(1));
  expect([...buffer]).toEqual([1, 2, 3]);
});
