import fc from "fast-check";
import { expect, test } from "vitest";
import { divide, gridRegions } from "./grid.ts";
import { regionSize, rowCount } from "./window.ts";

test("equal parts end where rounding down says, unequal ones in proportion", () => {
  expect(divide(7, 3)).toEqual([
    { from: 0, to: 2 },
    { from: 2, to: 4 },
    { from: 4, to: 7 },
  ]);
  expect(divide(9, [2, 1]).map(rowCount)).toEqual([6, 3]);
  expect(divide(10, [1, 0, 1]).map(rowCount)).toEqual([5, 5]);
  expect(divide(4, [100, 1, 1]).map(rowCount)).toEqual([2, 1, 1]);
});

test("there are no more parts than positions, none is empty, and together they are all", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), weights, (extent, shares) => {
      const parts = divide(extent, shares);
      expect(parts).toHaveLength(Math.min(extent, shares.length));
      parts.forEach((part, position) => {
        expect(part.from).toBe(parts[position - 1]?.to ?? 0);
        expect(part.to).toBeGreaterThan(part.from);
      });
      expect(parts.at(-1)?.to).toBe(extent);
    }),
  );
});

test("a grid has a region for each row and column of it", () => {
  const regions = gridRegions([6, 4], [1, 2], 2);
  expect(regions.map(regionSize)).toEqual([4, 4, 8, 8]);
  expect(regions[2]).toEqual([
    { from: 2, to: 6 },
    { from: 0, to: 2 },
  ]);
});
