import fc from "fast-check";
import { expect, test } from "vitest";
import { enumerateIdeals, Ideals, idealsAlong } from "./ideals.ts";

/** A DAG as the predecessors of each node. */
const dags = fc
  .integer({ min: 1, max: 7 })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, node) =>
        fc.uniqueArray(fc.nat(Math.max(0, node - 1)), { maxLength: Math.min(2, node) }),
      ),
    ),
  );

test("finds the ideals of a diamond", () => {
  const ideals = enumerateIdeals([[], [0], [0], [1, 2]], 100) as Ideals;
  const members = Array.from({ length: ideals.count }, (_, ideal) =>
    [0, 1, 2, 3].filter((node) => ideals.has(ideal, node)),
  );
  expect(members).toEqual([[], [0], [0, 1], [0, 2], [0, 1, 2], [0, 1, 2, 3]]);
  expect(ideals.whole).toBe(5);
  expect(ideals.isSubset(2, 4)).toBe(true);
  expect(ideals.isSubset(2, 3)).toBe(false);
});

test("finds exactly the sets that are closed under predecessors", () => {
  fc.assert(
    fc.property(dags, (predecessors) => {
      let closed = 0;
      for (let set = 0; set < 2 ** predecessors.length; set++) {
        const isClosed = predecessors.every(
          (before, node) =>
            ((set >> node) & 1) === 0 || before.every((other) => ((set >> other) & 1) === 1),
        );
        if (isClosed) closed++;
      }
      expect(enumerateIdeals(predecessors, 1000)?.count).toBe(closed);
    }),
  );
});

test("gives up when there are too many, and not one earlier", () => {
  const apart = [[], [], []];
  expect(enumerateIdeals(apart, 7)).toBeNull();
  expect(enumerateIdeals(apart, 8)?.count).toBe(8);
});

test("holds an ideal once, by whichever order it is reached", () => {
  const ideals = idealsAlong([
    [0, 1, 2],
    [1, 0, 2],
  ]);
  expect(ideals.count).toBe(5);
  expect(ideals.whole).toBe(3);
});

test("knows the sets of more nodes than a word has bits", () => {
  const order = Array.from({ length: 70 }, (_, node) => node);
  const ideals = idealsAlong([order]);
  expect(ideals.count).toBe(71);
  expect([ideals.has(40, 39), ideals.has(40, 40), ideals.isSubset(40, 41)]).toEqual([
    true,
    false,
    true,
  ]);
  expect([ideals.parent(70), ideals.added(70)]).toEqual([69, 69]);
});

test("holds nothing but the empty ideal of no nodes, which is whole", () => {
  expect(new Ideals(0).whole).toBe(0);
});
