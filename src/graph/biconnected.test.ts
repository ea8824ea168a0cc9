import fc from "fast-check";
import { expect, test } from "vitest";
import { biconnectedComponents } from "./biconnected.ts";

test("tells a diamond from the edges before and behind it", () => {
  const components = biconnectedComponents([[], [0], [1], [1], [2, 3], [4]]);
  expect(components.map(String).sort()).toEqual(["0,1", "1,2,3,4", "4,5"]);
});

test("finds nothing where no two nodes are connected", () => {
  expect(biconnectedComponents([[], []])).toEqual([]);
});

test("puts two edges into one component exactly if they are on one circle", () => {
  const dags = fc
    .integer({ min: 2, max: 7 })
    .chain((count) =>
      fc.tuple(
        ...Array.from({ length: count }, (_, node) =>
          fc.uniqueArray(fc.nat(Math.max(0, node - 1)), { maxLength: Math.min(2, node) }),
        ),
      ),
    );
  fc.assert(
    fc.property(dags, (predecessors) => {
      const components = biconnectedComponents(predecessors).map((nodes) => new Set(nodes));
      const edges = predecessors.flatMap((before, node) => before.map((other) => [other, node]));
      for (const [a, b] of edges) {
        const holding = components.filter(
          (nodes) => nodes.has(a as number) && nodes.has(b as number),
        );
        expect(holding.length).toBe(1);
        for (const [c, d] of edges) {
          const isTogether = holding[0]?.has(c as number) === true && holding[0].has(d as number);
          const isSame = a === c && b === d;
          if (isSame) continue;
          const isOnCircle = circles(predecessors).some(
            (circle) => circle.has(`${a} ${b}`) && circle.has(`${c} ${d}`),
          );
          expect(isTogether).toBe(isOnCircle);
        }
      }
    }),
    { numRuns: 50 },
  );
});

/** Every circle, directions aside, as the edges on it. */
function circles(predecessors: readonly (readonly number[])[]): Set<string>[] {
  const found: Set<string>[] = [];
  const steps = predecessors.flatMap((before, node) =>
    before.flatMap((other) => [
      { from: other, to: node, name: `${other} ${node}` },
      { from: node, to: other, name: `${other} ${node}` },
    ]),
  );
  const walk = (
    start: number,
    at: number,
    seen: readonly number[],
    used: readonly string[],
  ): void => {
    for (const { from, to, name } of steps) {
      if (from !== at || used.includes(name)) continue;
      if (to === start && used.length >= 2) found.push(new Set([...used, name]));
      if (to <= start || seen.includes(to)) continue;
      walk(start, to, [...seen, to], [...used, name]);
    }
  };
  for (const start of predecessors.keys()) walk(start, start, [start], []);
  return found;
}
