import { expect, test } from "vitest";
import { createRandom } from "../src/base/random.ts";
import { memoryGrowth } from "./fixtures/memory-trend.ts";

const mebibyte = 2 ** 20;

/** Two minutes of a process that leaks so much a second, under a saw of garbage of up to 80 MiB. */
function sawOver(leak: number, burst: number) {
  const random = createRandom(5);
  return Array.from({ length: 120 }, (_, second) => {
    const garbage = ((second * 7) % 80) * mebibyte * random.next();
    const isBurst = second > 60 && second < 64;
    const bytes = 300 * mebibyte + leak * second + garbage + (isBurst ? burst : 0);
    return { seconds: second, bytes };
  });
}

test("a leak is seen under garbage that comes and goes", () => {
  const leak = 2 * mebibyte;
  const seen = memoryGrowth(sawOver(leak, 0), 10) / leak;
  expect(Math.abs(seen - 1)).toBeLessThan(0.15);
});

test("garbage and a burst are no growth", () => {
  expect(Math.abs(memoryGrowth(sawOver(0, 500 * mebibyte), 10))).toBeLessThan(0.05 * mebibyte);
});

test("one window is too little to say anything", () => {
  expect(() => memoryGrowth(sawOver(0, 0), 1000)).toThrow("1 windows have no slope");
});
