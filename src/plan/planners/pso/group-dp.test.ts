import fc from "fast-check";
import { expect, test } from "vitest";
import type { Context } from "./context.ts";
import { splitOverGroups, type Times } from "./group-dp.ts";

const groups = (count: number): Context[] =>
  Array.from({ length: count }, (_, device) => ({
    members: [device],
    inward: [],
    outward: [],
    known: new Float64Array(0),
  }));

function solve(times: Times, count: number, pieces: number) {
  const steps = splitOverGroups(times, groups(count), pieces);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The least over all ways to end each group's run. */
function leastOf(costs: readonly number[][], pieces: number, group = 0, first = 0): number {
  if (group === costs.length) return first === pieces ? 0 : Number.POSITIVE_INFINITY;
  let best = leastOf(costs, pieces, group + 1, first);
  for (let end = first + 1; end <= pieces; end++) {
    const own = costs[group]?.[first * pieces + end - 1] as number;
    best = Math.min(best, Math.max(own, leastOf(costs, pieces, group + 1, end)));
  }
  return best;
}

test("the split is the best of all splits, whatever runs cost", () => {
  const drawn = fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }))
    .chain(([count, pieces]) =>
      fc.record({
        pieces: fc.constant(pieces),
        costs: fc.array(
          fc.array(fc.constantFrom(1, 2, 3, 5, 8, 13, Number.POSITIVE_INFINITY), {
            minLength: pieces * pieces,
            maxLength: pieces * pieces,
          }),
          { minLength: count, maxLength: count },
        ),
      }),
    );
  fc.assert(
    fc.property(drawn, ({ pieces, costs }) => {
      const seconds = ({ members }: Context, first: number, last: number): number =>
        costs[members[0] as number]?.[first * pieces + last] as number;
      const { seconds: found, ends } = solve({ seconds, atLeast: () => 0 }, costs.length, pieces);
      expect(found).toBe(leastOf(costs, pieces));
      if (found === Number.POSITIVE_INFINITY) return;
      const used = ends.map((end, group) => {
        const first = ends[group - 1] ?? 0;
        return end === first ? 0 : (costs[group]?.[first * pieces + end - 1] as number);
      });
      expect(Math.max(...used)).toBe(found);
      expect(ends.at(-1)).toBe(pieces);
    }),
  );
});
