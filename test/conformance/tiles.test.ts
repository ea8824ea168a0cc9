import fc from "fast-check";
import type { AttributeProto } from "onnx-buf";
import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import type { Shares } from "../../src/graph/grid.ts";
import { elementCount, type TensorValue } from "../../src/graph/tensor-value.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import { toGraph } from "../../src/onnx/graph.ts";
import { mainGraph } from "../../src/onnx/message.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import { eachKind, pictureModel, type Step, steps } from "../fixtures/picture-models.ts";
import { madeBy, runModel, tileAndCompare, withOutputs } from "../fixtures/tiling.ts";
import { longRun } from "./planner.ts";

const runs = longRun ? 5000 : 50;
/** Graphs of one kind of node each, in an uneven grid. */
const listed = eachKind(longRun ? 40 : 7).map(
  (written): [Step[], number, number, Shares, Shares, number, number] => [
    written,
    12,
    10,
    2,
    [2, 1],
    0,
    0,
  ],
);
const timeout = longRun ? 1_800_000 : 120_000;
/** Of more tiles than that some are run. */
const mostTiles = longRun ? 400 : 4;

function pictureOf(shape: readonly number[]): TensorValue {
  const random = createRandom(7);
  const numbers = Float32Array.from({ length: elementCount(shape) }, () => 2 * random.next() - 1);
  return { dataType: "float32", shape, data: new Uint8Array(numbers.buffer) };
}

/** The model run once as a whole, with everything that it makes. */
async function observe(written: readonly Step[], height: number, width: number) {
  const { model, input, nodes } = pictureModel(written, height, width);
  if (nodes === 0) return null;
  const fed = new Map([["picture", pictureOf(input)]]);
  const names = madeBy(model);
  const made = await runModel(withOutputs(model, names), fed);
  const values = new Map([...fed, ...made]);
  // What nobody reads is an answer.
  const read = new Set(mainGraph(model.proto).node.flatMap(({ input: inputs }) => inputs));
  const whole = withOutputs(
    model,
    names.filter((name) => !read.has(name)),
  );
  return { model: whole, graph: toGraph(whole, values), values };
}

const shares = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 }),
  // A tile for each position.
  fc.constant(64),
);

test(
  "tiles of any nodes, put together, are what the whole makes",
  async () => {
    const seen = new Set<string>();
    const extent = fc.integer({ min: 1, max: 19 });
    await fc.assert(
      fc.asyncProperty(
        steps,
        extent,
        extent,
        shares,
        shares,
        fc.nat(),
        fc.nat(),
        async (written, height, width, rows, columns, a, b) => {
          const tiling = await observe(written, height, width);
          if (tiling === null) return;
          const able = tiling.graph.nodes.filter(({ window }) => window !== undefined);
          if (able.length === 0) return;
          // All nodes half of the time, else some that follow one on the other.
          const first = a % 2 === 0 ? 0 : a % able.length;
          const end = a % 2 === 0 ? able.length : first + 1 + (b % (able.length - first));
          const names = able.slice(first, end).map(({ name }) => name);
          note(seen, tiling.model, new Set(names));
          const found = await tileAndCompare(tiling, names, rows, columns, mostTiles);
          expect(found.maxRelative).toBeLessThanOrEqual(1e-5);
          if (found.bitEqual) seen.add("the same bits");
        },
      ),
      { numRuns: runs + listed.length, seed: 6, examples: listed },
    );
    expect(features.filter((feature) => !seen.has(feature))).toEqual([]);
  },
  timeout,
);

/** What the graphs must have had among them; with seeds as they are, all of it. */
const features: readonly string[] = [
  ..."Add AveragePool BatchNormalization Clip Concat Conv ConvTranspose DepthToSpace LRN LpPool Max MaxPool Mul PRelu Pad ReduceMax ReduceMean Resize Slice Softmax SpaceToDepth Split".split(
    " ",
  ),
  ..."strides dilations group pads auto_pad=SAME_UPPER auto_pad=SAME_LOWER auto_pad=VALID"
    .split(" ")
    .map((attribute) => `Conv ${attribute}`),
  ..."strides dilations group pads output_padding output_shape auto_pad=SAME_UPPER auto_pad=SAME_LOWER"
    .split(" ")
    .map((attribute) => `ConvTranspose ${attribute}`),
  ..."strides dilations pads ceil_mode=1 count_include_pad=0 count_include_pad=1"
    .split(" ")
    .map((attribute) => `AveragePool ${attribute}`),
  ..."strides dilations pads ceil_mode=1".split(" ").map((attribute) => `MaxPool ${attribute}`),
  ..."nearest linear cubic".split(" ").map((mode) => `Resize mode=${mode}`),
  ..."half_pixel pytorch_half_pixel asymmetric align_corners"
    .split(" ")
    .map((way) => `Resize coordinate_transformation_mode=${way}`),
  ..."constant edge reflect".split(" ").map((mode) => `Pad mode=${mode}`),
  ..."DCR CRD".split(" ").map((mode) => `DepthToSpace mode=${mode}`),
  "uneven pads",
  "the same bits",
];

/** Operators, and attributes of those that are cut. */
function note(seen: Set<string>, { proto }: OnnxModel, names: ReadonlySet<string>): void {
  for (const { name, opType, attribute } of mainGraph(proto).node) {
    if (!names.has(name)) continue;
    seen.add(opType);
    for (const own of attribute) {
      const value = describe(own);
      if (value !== null) seen.add(`${opType} ${own.name}${value}`);
      const half = own.ints.length / 2;
      const isUneven = own.ints.some((pad, at) => pad !== own.ints[(at + half) % (2 * half)]);
      if (own.name === "pads" && isUneven) seen.add("uneven pads");
    }
  }
}

/** Texts and numbers after a sign; lists and groups are there or not; `null`: it changes nothing. */
function describe({ name, s, i, ints }: AttributeProto): string | null {
  const text = new TextDecoder().decode(s);
  if (text !== "") return `=${text}`;
  if (name === "group") return i > 1n ? "" : null;
  if (ints.length === 0) return `=${i}`;
  const plain = name.includes("pad") ? 0n : 1n;
  return ints.every((value) => value === plain) ? null : "";
}

/** Before version 10, bounds, pads and modes were attributes, and Upsample was an operator. */
test.each(["nearest", "linear"])("tiles of old operators, %s", async (mode) => {
  const builder = createBuilder({ name: "old", opset: 9 });
  const picture = builder.input("picture", "float32", [1, 4, 7, 6]);
  const scales = builder.weight("scales", [4], [1, 1, 2, 3]);
  const larger = builder.node("Upsample", [picture, scales], {
    output: "larger",
    attributes: { mode },
  });
  const padded = builder.node("Pad", [larger], {
    output: "padded",
    attributes: { mode: "edge", pads: [0, 0, 2, 0, 0, 0, 1, 3] },
  });
  const cut = builder.node("Slice", [padded], {
    output: "cut",
    attributes: { axes: [2, 3], starts: [1, 2], ends: [1000, -1] },
  });
  builder.node("Add", [cut, cut], { output: "sum" });
  const model = withOutputs(builder.build(), ["sum"]);
  const fed = new Map([["picture", pictureOf([1, 4, 7, 6])]]);
  const values = new Map([...fed, ...(await runModel(withOutputs(model, madeBy(model)), fed))]);
  const graph = toGraph(model, values);
  const nodes = graph.nodes.map(({ name }) => name);
  const found = await tileAndCompare({ model, graph, values }, nodes, 3, [2, 1]);
  expect(found).toMatchObject({ tiles: 6, bitEqual: mode === "nearest" });
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});
