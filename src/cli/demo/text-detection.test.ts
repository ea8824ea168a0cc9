import { expect, test } from "vitest";
import { findRegions } from "./text-detection.ts";

/** A map of 20 columns with a bright rectangle. */
function mapWith(
  left: number,
  top: number,
  width: number,
  height: number,
  value: number,
): Float32Array {
  const map = new Float32Array(20 * 10);
  for (let row = top; row < top + height; row++) {
    map.fill(value, row * 20 + left, row * 20 + left + width);
  }
  return map;
}

test("boxes a bright region, exclusive at the right and the bottom", () => {
  expect(findRegions(mapWith(2, 3, 10, 4, 0.9), 20)).toEqual([
    { left: 2, top: 3, right: 12, bottom: 7 },
  ]);
});

test("does not join regions over the edge of a row", () => {
  const map = mapWith(14, 0, 6, 9, 0.9);
  map.set(mapWith(0, 1, 6, 9, 0.9).map((value, pixel) => Math.max(value, map[pixel] ?? 0)));
  expect(findRegions(map, 20)).toHaveLength(2);
});

test("leaves out specks and faint regions", () => {
  expect(findRegions(mapWith(2, 3, 4, 4, 0.9), 20)).toEqual([]);
  expect(findRegions(mapWith(2, 3, 10, 4, 0.4), 20)).toEqual([]);
});
