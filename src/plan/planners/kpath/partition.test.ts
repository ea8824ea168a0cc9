import fc from "fast-check";
import { expect, test } from "vitest";
import { leastSumParts } from "./partition.ts";

test("the cheapest cuts are taken, and no more than are needed", () => {
  const costs = [0, 5, 1, 5, 1];
  const atMostThree = (start: number, end: number): boolean => end - start <= 3;
  expect(leastSumParts(5, (start) => costs[start] as number, atMostThree)).toEqual([0, 2]);
  expect(
    leastSumParts(
      5,
      (start) => costs[start] as number,
      () => true,
    ),
  ).toEqual([0]);
});

test("what fits no part cannot be divided", () => {
  expect(
    leastSumParts(
      3,
      () => 1,
      (start, end) => !(start <= 1 && end > 1),
    ),
  ).toBeNull();
});

test("no division has a smaller sum", () => {
  const costs = fc.array(fc.nat(9), { minLength: 6, maxLength: 6 });
  const weights = fc.array(fc.nat(9), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(costs, weights, fc.integer({ min: 3, max: 30 }), (costs, weights, room) => {
      const fits = (start: number, end: number): boolean =>
        weights.slice(start, end).reduce((sum, weight) => sum + weight, 0) <= room;
      const sumOf = (starts: readonly number[]): number =>
        starts.slice(1).reduce((sum, start) => sum + (costs[start] as number), 0);
      const sums = Array.from({ length: 32 }, (_, set) => [
        0,
        ...[1, 2, 3, 4, 5].filter((start) => ((set >> (start - 1)) & 1) === 1),
      ])
        .filter((starts) => starts.every((start, part) => fits(start, starts[part + 1] ?? 6)))
        .map(sumOf);
      const found = leastSumParts(6, (start) => costs[start] as number, fits);
      expect(found === null ? Number.POSITIVE_INFINITY : sumOf(found)).toBe(Math.min(...sums));
    }),
  );
});
