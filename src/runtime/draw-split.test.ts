import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { bytes } from "../base/units.ts";
import { type GraphIndex, indexGraph } from "../graph/graph.ts";
import { drawSplit } from "./draw-split.ts";

/** A chain; nodes of one group share a letter, a dot stands alone. */
function chain(groups: string): GraphIndex {
  const names = [...groups].map((_, position) => `t${position}`);
  const tensor = (name: string) => ({ name, dataType: "uint8", shape: [1], bytes: bytes(1) });
  return indexGraph({
    name: "chain",
    inputs: ["x"],
    outputs: names.slice(-1),
    tensors: [tensor("x"), ...names.map(tensor)],
    nodes: [...groups].map((group, position) => ({
      name: `n${position}`,
      operator: "Any",
      inputs: [position === 0 ? "x" : `t${position - 1}`],
      outputs: [`t${position}`],
      flop: null,
      parameterBytes: bytes(0),
      ...(group === "." ? {} : { colocation: group }),
    })),
  });
}

test("the pieces are the graph order, cut where no group is parted, none of them tiny", () => {
  const cases = fc.record({
    groups: fc.constantFrom("........", "..aaa...", "a.ab.b..", "......cc"),
    parts: fc.constantFrom(2, 3),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(cases, ({ groups, parts, seed }) => {
      const index = chain(groups);
      const pieces = drawSplit(index, Array(8).fill(1), parts, createRandom(seed));
      expect(pieces.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(pieces.length).toBeGreaterThanOrEqual(2);
      for (const letter of new Set(groups.replaceAll(".", ""))) {
        const holding = pieces.filter((nodes) => nodes.some((node) => groups[node] === letter));
        expect(holding).toHaveLength(1);
      }
    }),
  );
});

test("a piece below 4 % of the time is not drawn", () => {
  const index = chain("....");
  for (let seed = 0; seed < 20; seed++) {
    const [first] = drawSplit(index, [1, 1, 49, 49], 2, createRandom(seed));
    expect(first).toEqual([0, 1, 2]);
  }
});

test("a graph that cannot be cut stays whole", () => {
  expect(drawSplit(chain("."), [1], 3, createRandom(1))).toEqual([[0]]);
  expect(drawSplit(chain("aaaa"), [1, 1, 1, 1], 2, createRandom(1))).toEqual([[0, 1, 2, 3]]);
});
