import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { createBuilder } from "../../src/onnx/build.ts";
import { toGraph } from "../../src/onnx/graph.ts";
import { mainGraph } from "../../src/onnx/message.ts";
import { pictureModel, type Step, steps } from "../fixtures/picture-models.ts";
import { madeBy, type Picture, runModel, tileAndCompare, withOutputs } from "../fixtures/tiling.ts";
import { longRun } from "./planner.ts";

const runs = longRun ? 5000 : 200;

function pictureOf(shape: readonly number[]): Picture {
  const random = createRandom(7);
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Float32Array.from({ length: count }, () => 2 * random.next() - 1) };
}

/** The model run once as a whole, with everything that it makes. */
async function observe(written: readonly Step[], height: number, width: number) {
  const { model, input, nodes } = pictureModel(written, height, width);
  if (nodes === 0) return null;
  const fed = new Map([["picture", pictureOf(input)]]);
  const names = madeBy(model);
  const made = await runModel(withOutputs(model, names), fed);
  const values = new Map([...fed, ...made]);
  const types = new Map(
    [...values].map(([name, { shape }]) => [name, { dataType: "float32", shape }]),
  );
  // What nobody reads is an answer.
  const read = new Set(mainGraph(model.proto).node.flatMap(({ input: inputs }) => inputs));
  const whole = withOutputs(
    model,
    names.filter((name) => !read.has(name)),
  );
  return { model: whole, graph: toGraph(whole, types), values };
}

const shares = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 }),
  // A tile for each position.
  fc.constant(64),
);

test("tiles of any nodes, put together, are what the whole makes", async () => {
  const seen = new Map<string, number>();
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
        const nodes = able.slice(first, end);
        for (const { operator } of nodes) seen.set(operator, (seen.get(operator) ?? 0) + 1);
        const found = await tileAndCompare(
          tiling,
          nodes.map(({ name }) => name),
          rows,
          columns,
        );
        expect(found.maxRelative).toBeLessThanOrEqual(1e-5);
      },
    ),
    { numRuns: runs, seed: 6 },
  );
  const operators =
    "Add AveragePool BatchNormalization Clip Concat Conv ConvTranspose DepthToSpace LRN LpPool Max MaxPool Mul Pad PRelu Relu Resize Slice SpaceToDepth";
  expect(operators.split(" ").filter((operator) => !seen.has(operator))).toEqual([]);
});

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
  const types = new Map(
    [...values].map(([name, { shape }]) => [name, { dataType: "float32", shape }]),
  );
  const graph = toGraph(model, types);
  const nodes = graph.nodes.map(({ name }) => name);
  const found = await tileAndCompare({ model, graph, values }, nodes, 3, [2, 1]);
  expect(found).toMatchObject({ tiles: 6, bitEqual: mode === "nearest" });
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});
