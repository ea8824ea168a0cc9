import { expect, test } from "vitest";
import { createRandom } from "../../base/random.ts";
import { drawStarts } from "./random-draws.ts";

test("cuts are drawn between the limits of parts that are filled as far as they go", () => {
  const chain = { pieces: 10, fits: (start: number, end: number) => end - start <= 4 };
  const random = createRandom(1);
  const seen = new Set<string>();
  for (let draw = 0; draw < 400; draw++) {
    const starts = drawStarts(chain, random) ?? [];
    expect(starts).toHaveLength(3);
    const [first, second, third] = starts as [number, number, number];
    expect(first).toBe(0);
    expect(second).toBeGreaterThanOrEqual(1);
    expect(second).toBeLessThanOrEqual(4);
    expect(third).toBeGreaterThanOrEqual(5);
    expect(third).toBeLessThanOrEqual(8);
    seen.add(`${second} ${third}`);
  }
  expect(seen.size).toBe(16);
});

test("a piece that fits no part leaves nothing to draw", () => {
  const fits = (start: number, end: number): boolean => start > 1 || end <= 1;
  expect(drawStarts({ pieces: 3, fits }, createRandom(1))).toBeNull();
});
