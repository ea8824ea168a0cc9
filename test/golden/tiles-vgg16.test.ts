import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readProfile } from "../../src/cost/profile.ts";
import { indexGraph } from "../../src/graph/graph.ts";
import { heightOf, shareOfNode, type Tile, tileOf } from "../../src/graph/tile.ts";
import { type Rows, rowCount } from "../../src/graph/window.ts";

const url = new URL("../../bench/profiles/vgg16.profile.json", import.meta.url);
const index = indexGraph(readProfile(readFileSync(url, "utf8")).graph);
const poolings = index.graph.nodes.flatMap(({ operator }, node) =>
  operator === "MaxPool" ? [node] : [],
);

/** What the strips of everything up to a pooling cost, of convolutions only. */
function cut(pooling: number, strips: number) {
  const nodes = [...Array((poolings[pooling - 1] as number) + 1).keys()];
  const height = heightOf(index, index.nodeOutputs[nodes.at(-1) as number]?.[0]);
  const bounds = Array.from({ length: strips + 1 }, (_, i) => Math.floor((i * height) / strips));
  const tiles = bounds
    .slice(1)
    .map((to, strip) => tileOf(index, nodes, { from: bounds[strip] as number, to }));
  const flopOf = ({ nodes: made }: Tile): number =>
    nodes.reduce((sum, node) => {
      const { operator, flop } = index.graph.nodes[node] as { operator: string; flop: number };
      const isConvolution = operator.includes("Conv");
      return sum + (isConvolution ? flop * shareOfNode(index, node, made.get(node) as Rows) : 0);
    }, 0);
  const whole = flopOf(tileOf(index, nodes, { from: 0, to: height }));
  const inputs = tiles.map(({ tensors }) => tensors.get(index.inputs[0] as number) as Rows);
  return {
    work: tiles.reduce((sum, tile) => sum + flopOf(tile), 0) / whole,
    gain: whole / Math.max(...tiles.map(flopOf)),
    input: inputs.reduce((sum, rows) => sum + rowCount(rows), 0) / 224,
    first: inputs[0],
  };
}

/** Found apart from this code, with another programme. Each line: a pooling, then work, gain, input. */
test.each([
  [2, 1, 1.0004, 1.999, 1.018],
  [2, 2, 1.0184, 1.964, 1.054],
  [2, 3, 1.0775, 1.856, 1.161],
  [2, 4, 1.214, 1.647, 1.375],
  [2, 5, 1.5974, 1.149, 1.804],
  [4, 1, 1.0012, 3.994, 1.054],
  [4, 2, 1.0551, 3.726, 1.161],
  [4, 3, 1.2324, 3.054, 1.482],
  [4, 4, 1.6421, 2.001, 2.125],
  [4, 5, 2.5847, 1.194, 3.036],
])(
  "%i strips of VGG-16 up to pooling %i: work %f, gain %f, input %f",
  (strips, pooling, ...figures) => {
    const [work, gain, input] = figures;
    const found = cut(pooling, strips);
    expect(found.work.toFixed(4)).toBe((work as number).toFixed(4));
    expect(found.gain.toFixed(3)).toBe((gain as number).toFixed(3));
    expect(found.input.toFixed(3)).toBe((input as number).toFixed(3));
  },
);

test("three strips gain less than three times", () => {
  const gains = [1, 2, 3, 4, 5].map((pooling) => cut(pooling, 3).gain.toFixed(3));
  expect(gains).toEqual(["2.946", "2.796", "2.507", "1.751", "1.194"]);
});

test("the first half of VGG-16's rows is made from more than half of the picture", () => {
  const ends = [1, 2, 3, 4, 5].map((pooling) => cut(pooling, 2).first);
  expect(ends).toEqual([114, 118, 130, 154, 186].map((to) => ({ from: 0, to })));
});
