import fc from "fast-check";
import { expect, test } from "vitest";
import { keepUseful, sampleOf } from "./codec-cost.ts";

const cost = (ratio: number, encodeSecondsPerByte: number, decodeSecondsPerByte: number) => ({
  ratio,
  encodeSecondsPerByte,
  decodeSecondsPerByte,
});

test("keeps what is fastest and what is smallest, not what another one beats in everything", () => {
  const fast = cost(1.6, 1e-9, 1e-9);
  const small = cost(2.25, 3e-9, 2e-9);
  const beaten = cost(1.5, 2e-9, 1e-9);
  expect(keepUseful({ fast, beaten, small })).toEqual({ fast, small });
});

test("keeps one of two equal codecs, and none that hardly saves anything", () => {
  const one = cost(1.6, 1e-9, 1e-9);
  expect(Object.keys(keepUseful({ one, other: one, idle: cost(1.04, 0, 0) }))).toEqual(["one"]);
});

test("rounds ratios down, and never leaves all useful codecs out", () => {
  const amount = fc.double({ min: 1e-10, max: 1e-8, noNaN: true });
  const codec = fc.tuple(fc.double({ min: 1.05, max: 50, noNaN: true }), amount, amount);
  fc.assert(
    fc.property(fc.array(codec, { minLength: 1, maxLength: 5 }), (measured) => {
      const all = Object.fromEntries(measured.map((values, at) => [`c${at}`, cost(...values)]));
      const kept = Object.entries(keepUseful(all));
      expect(kept.length).toBeGreaterThan(0);
      for (const [name, { ratio }] of kept) {
        expect(ratio).toBeLessThanOrEqual(all[name]?.ratio ?? 0);
        expect(ratio).toBeGreaterThan((all[name]?.ratio ?? 0) - 0.0101);
      }
    }),
  );
});

test("a sample of a large tensor has pieces of its beginning and its end", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at & 255);
  const sample = sampleOf(bytes, 64);
  expect(sample).toHaveLength(64);
  expect(sample.subarray(0, 16)).toEqual(bytes.subarray(0, 16));
  expect(sample.subarray(48)).toEqual(bytes.subarray(984));
  expect(sampleOf(bytes, 1008)).toBe(bytes);
});
