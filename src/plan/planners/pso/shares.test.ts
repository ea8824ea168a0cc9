import fc from "fast-check";
import { expect, test } from "vitest";
import { type Member, shareRows } from "./shares.ts";

interface Sketch {
  readonly idle: number;
  readonly pace: number;
  readonly halo: number;
}

/** Rows and a border on either side, as far as there are rows. */
function member({ idle, pace, halo }: Sketch, height: number): Member {
  const load = (from: number, to: number): number =>
    idle + pace * (Math.min(height, to + halo) - Math.max(0, from - halo));
  return { load, idle };
}

/** The least over all ways to end each member's rows. */
function leastOf(members: readonly Member[], height: number, from = 0): number {
  const [first, ...others] = members;
  if (first === undefined) return from === height ? 0 : Number.POSITIVE_INFINITY;
  let best = Number.POSITIVE_INFINITY;
  for (let to = from; to <= height; to++) {
    const own = to > from ? first.load(from, to) : first.idle;
    best = Math.min(best, Math.max(own, leastOf(others, height, to)));
  }
  return best;
}

const sketches = fc.array(
  fc.record({
    idle: fc.integer({ min: 0, max: 20 }),
    pace: fc.integer({ min: 1, max: 30 }),
    halo: fc.integer({ min: 0, max: 2 }),
  }),
  { minLength: 1, maxLength: 4 },
);

test("shares are the best of all shares in this order", () => {
  fc.assert(
    fc.property(sketches, fc.integer({ min: 1, max: 9 }), (drawn, height) => {
      const members = drawn.map((sketch) => member(sketch, height));
      const best = leastOf(members, height);
      const found = shareRows(members, height, 0, Number.POSITIVE_INFINITY);
      expect(found?.seconds).toBeLessThanOrEqual(best * (1 + 1e-5));
      expect(found?.seconds).toBeGreaterThanOrEqual(best * (1 - 1e-9));
      expect(found?.ends.at(-1)).toBe(height);
    }),
  );
});

test("a member that is twice as fast makes twice the rows", () => {
  const pace = (seconds: number) => member({ idle: 0, pace: seconds, halo: 0 }, 9);
  expect(shareRows([pace(1), pace(2)], 9, 0, Number.POSITIVE_INFINITY)).toEqual({
    seconds: 6,
    ends: [6, 9],
  });
});

test("nothing is found where nothing is below what is to be beaten", () => {
  const members = [member({ idle: 0, pace: 2, halo: 0 }, 4)];
  expect(shareRows(members, 4, 0, 8)).toBeNull();
  expect(shareRows(members, 4, 0, 8.1)?.seconds).toBe(8);
});

test("a member without room for more takes what it has room for", () => {
  const small: Member = {
    load: (from, to) => (to - from > 2 ? Number.POSITIVE_INFINITY : to - from),
    idle: 0,
  };
  const members = [small, member({ idle: 0, pace: 10, halo: 0 }, 6)];
  expect(shareRows(members, 6, 0, Number.POSITIVE_INFINITY)?.ends).toEqual([2, 6]);
  expect(shareRows([small], 6, 0, Number.POSITIVE_INFINITY)).toBeNull();
});
