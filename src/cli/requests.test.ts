import { expect, test } from "vitest";
import { steadyRate } from "./requests.ts";

test("the rate is told behind the answers that wait for the pipeline to fill", () => {
  // Four at once: the first answer comes late, then one each half second.
  const answeredAt = [5, 5.1, 5.2, 5.3, ...Array.from({ length: 20 }, (_, at) => 5.8 + at / 2)];
  expect(steadyRate(answeredAt, 4)).toBeCloseTo(2, 12);
});

test("a few answers tell no rate", () => {
  expect(steadyRate([], 4)).toBe(null);
  expect(steadyRate([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 1)).toBe(null);
  expect(steadyRate([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 1)).toBe(1);
});
