import { expect, test } from "vitest";
import { quantiles } from "./quantiles.ts";

test("takes values that occurred, by nearest rank", () => {
  const values = Float64Array.from({ length: 100 }, (_, position) => 100 - position);
  expect(quantiles(values, [0.5, 0.9, 0.99, 1])).toEqual([50, 90, 99, 100]);
  expect(quantiles(Float64Array.of(7), [0.01, 1])).toEqual([7, 7]);
  expect(values[0]).toBe(100);
});

test("has none where nothing was measured", () => {
  expect(quantiles(new Float64Array(0), [0.5])).toEqual([null]);
});
