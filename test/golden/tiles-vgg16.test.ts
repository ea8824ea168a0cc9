import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readProfile } from "../../src/cost/profile.ts";
import { indexGraph } from "../../src/graph/graph.ts";
import { gridRegions, tileFigures } from "../../src/graph/grid.ts";
import { extentsOf, leavingRegions, tileOf } from "../../src/graph/tile.ts";
import { regionSize } from "../../src/graph/window.ts";

const url = new URL("../../bench/profiles/vgg16.profile.json", import.meta.url);
const { graph } = readProfile(readFileSync(url, "utf8"));
/** Of convolutions only. */
const index = indexGraph({
  ...graph,
  nodes: graph.nodes.map((node) => ({
    ...node,
    flop: node.operator.includes("Conv") ? node.flop : null,
  })),
});
const poolings = index.graph.nodes.flatMap(({ operator }, node) =>
  operator === "MaxPool" ? [node] : [],
);

/** What the tiles of everything up to a pooling cost. */
function cut(pooling: number, rows: number, columns: number) {
  const nodes = [...Array((poolings[pooling - 1] as number) + 1).keys()];
  const output = index.nodeOutputs[nodes.at(-1) as number]?.[0];
  const tiles = gridRegions(extentsOf(index, output), rows, columns).map((region) =>
    tileOf(index, nodes, leavingRegions(index, nodes, output, region)),
  );
  const { flop, wholeFlop, redundancy } = tileFigures(index, nodes, tiles);
  const inputs = tiles.map(({ tensors }) => tensors.get(index.inputs[0] as number) ?? []);
  return {
    work: 1 + redundancy,
    gain: wholeFlop / Math.max(...flop),
    input: inputs.reduce((sum, region) => sum + regionSize(region), 0) / 224 ** 2,
    first: inputs[0]?.[0],
  };
}

/** Found apart from this code, with another programme. Each line: a pooling, then work, gain, input. */
test.each([
  [2, 1, 1, 1.0004, 1.999, 1.018],
  [2, 1, 2, 1.0184, 1.964, 1.054],
  [2, 1, 3, 1.0775, 1.856, 1.161],
  [2, 1, 4, 1.214, 1.647, 1.375],
  [2, 1, 5, 1.5974, 1.149, 1.804],
  [4, 1, 1, 1.0012, 3.994, 1.054],
  [4, 1, 2, 1.0551, 3.726, 1.161],
  [4, 1, 3, 1.2324, 3.054, 1.482],
  [4, 1, 4, 1.6421, 2.001, 2.125],
  [4, 1, 5, 2.5847, 1.194, 3.036],
  [2, 2, 1, 1.0008, 3.997, 1.036],
  [2, 2, 2, 1.0373, 3.856, 1.11],
  [2, 2, 3, 1.1638, 3.437, 1.347],
  [2, 2, 4, 1.4889, 2.686, 1.891],
  [2, 2, 5, 2.5873, 1.305, 3.253],
])(
  "a grid of %i by %i over VGG-16 up to pooling %i: work %f, gain %f, input %f",
  (rows, columns, pooling, ...figures) => {
    const [work, gain, input] = figures;
    const found = cut(pooling, rows, columns);
    expect(found.work.toFixed(4)).toBe((work as number).toFixed(4));
    expect(found.gain.toFixed(3)).toBe((gain as number).toFixed(3));
    expect(found.input.toFixed(3)).toBe((input as number).toFixed(3));
  },
);

test("three strips gain less than three times, nine tiles work up to five times as much", () => {
  const poolings = [1, 2, 3, 4, 5];
  const gains = poolings.map((pooling) => cut(pooling, 3, 1).gain.toFixed(3));
  expect(gains).toEqual(["2.946", "2.796", "2.507", "1.751", "1.194"]);
  const works = poolings.map((pooling) => cut(pooling, 3, 3).work.toFixed(4));
  expect(works).toEqual(["1.0016", "1.0758", "1.3453", "2.0996", "4.7386"]);
});

test("the first half of VGG-16's rows is made from more than half of the picture", () => {
  const ends = [1, 2, 3, 4, 5].map((pooling) => cut(pooling, 2, 1).first);
  expect(ends).toEqual([114, 118, 130, 154, 186].map((to) => ({ from: 0, to })));
});
