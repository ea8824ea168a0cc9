import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Chunks } from "./chunks.ts";

/** Short ones, and such as are as long as what a socket gives at once. */
const pieces = fc.array(
  fc.oneof(fc.nat(40), fc.integer({ min: 4000, max: 5000 }), fc.nat(70_000)),
  { maxLength: 40 },
);

test("bytes between any two places are those of all pieces in a row", () => {
  fc.assert(
    fc.property(pieces, fc.nat(), fc.nat(), (lengths, one, other) => {
      const chunks = new Chunks();
      const all = lengths.map((length, index) =>
        Uint8Array.from({ length }, (_, at) => index + at * 7),
      );
      for (const piece of all) chunks.push(piece);
      const whole = Buffer.concat(all);
      expect(chunks.byteLength).toBe(whole.byteLength);
      const [start = 0, end = 0] = [one, other]
        .map((place) => place % (whole.byteLength + 1))
        .toSorted((a, b) => a - b);
      const copied = chunks.copy(start, end);
      expect(Buffer.compare(copied, whole.subarray(start, end))).toBe(0);
      expect(copied.buffer.byteLength).toBe(end - start);
    }),
    { numRuns: 60 },
  );
});

test("a body of single bytes is kept in blocks, not as so many objects", () => {
  const chunks = new Chunks();
  const before = usedMemory();
  for (let count = 0; count < 100_000; count++) chunks.push(Uint8Array.of(7));
  expect(usedMemory().heapUsed - before.heapUsed).toBeLessThan(2 ** 20);
  expect(chunks.byteLength).toBe(100_000);
});

test("a body of short and long pieces in turn takes no more than twice its size", () => {
  const chunks = new Chunks();
  const long = new Uint8Array(4096);
  const before = usedMemory();
  for (let count = 0; count < 2000; count++) {
    chunks.push(Uint8Array.of(7));
    chunks.push(long);
  }
  // The long ones are one and the same.
  const taken = usedMemory().arrayBuffers - before.arrayBuffers;
  expect(taken).toBeLessThan(1.1 * chunks.byteLength);
});

function usedMemory(): NodeJS.MemoryUsage {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage();
}
