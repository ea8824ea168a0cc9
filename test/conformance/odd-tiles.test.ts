import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { gridRegions } from "../../src/graph/grid.ts";
import { elementCount, type TensorValue } from "../../src/graph/tensor-value.ts";
import type { Region } from "../../src/graph/window.ts";
import { createBuilder, type ModelBuilder } from "../../src/onnx/build.ts";
import { type AttributeValue, float, tensor } from "../../src/onnx/build-tensor.ts";
import { toGraph } from "../../src/onnx/graph.ts";
import { extractTile } from "../../src/onnx/tile.ts";
import { extractTiles } from "../../src/onnx/tiles.ts";
import { prepareGraph } from "../../src/runtime/prepare.node.ts";
import {
  cutOut,
  madeBy,
  runModel,
  type Tiling,
  tileAndCompare,
  withOutputs,
} from "../fixtures/tiling.ts";

function seededValue(dataType: string, shape: readonly number[]): TensorValue {
  const random = createRandom(3);
  const count = elementCount(shape);
  // Halves between 1 and 2: the exponent of 1 and any fraction.
  const halves = Uint16Array.from({ length: count }, () => 0x3c00 + random.integer(1024));
  if (dataType === "float16") return { dataType, shape, data: new Uint8Array(halves.buffer) };
  const numbers = Array.from({ length: count }, () => 2 * random.next() - 1);
  return { dataType, shape, data: Uint8Array.from(tensor(shape, numbers, dataType).rawData) };
}

interface Whole {
  readonly opset?: number;
  readonly input: readonly number[];
  readonly dataType?: string;
  /** Tensors that the graph returns, of those that others read, too. */
  readonly answers?: readonly string[];
}

/** A model run as a whole. */
async function wholeOf(
  { opset = 17, input, dataType = "float32", answers = [] }: Whole,
  write: (builder: ModelBuilder) => void,
): Promise<Tiling> {
  const builder = createBuilder({ name: "odd", opset });
  builder.input("x", dataType, input);
  write(builder);
  const model = builder.build();
  const made = madeBy(model);
  const fed = new Map([["x", seededValue(dataType, input)]]);
  const found = await runModel(withOutputs(model, made), fed);
  const values = new Map([...fed, ...found]);
  const whole = withOutputs(model, [...answers, made.at(-1) ?? ""]);
  return { model: whole, graph: toGraph(whole, values), values };
}

function convolve(
  builder: ModelBuilder,
  input: string,
  output: string,
  attributes: Readonly<Record<string, AttributeValue>> = { pads: [1, 1, 1, 1] },
  dataType = "float32",
): void {
  const { data } = seededValue(dataType, [4, 4, 3, 3]);
  const weight = builder.weight(`${output}.weight`, [4, 4, 3, 3], data, dataType);
  builder.node("Conv", [input, weight], { name: output, output, attributes });
}

const chain = (builder: ModelBuilder): void => {
  convolve(builder, "x", "a");
  convolve(builder, "a", "b", { strides: [2, 2], pads: [1, 1, 1, 1] });
};

function region(from: number, to: number, left: number, right: number): Region {
  return [
    { from, to },
    { from: left, to: right },
  ];
}

test("more tiles than rows are as many as there are rows", async () => {
  const whole = await wholeOf({ input: [1, 4, 5, 6] }, chain);
  const found = await tileAndCompare(whole, ["a", "b"], 8, 7);
  expect(found).toMatchObject({ tiles: 9 });
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});

test("a tile of nothing is no part, and one beside others is left out", async () => {
  const { model, graph } = await wholeOf({ input: [1, 4, 8, 8] }, chain);
  const nothing = region(2, 2, 0, 4);
  expect(extractTiles(model, graph, ["a", "b"], [nothing]).tiles).toEqual([]);
  expect(extractTiles(model, graph, ["a", "b"], [nothing, region(0, 4, 0, 4)]).tiles).toHaveLength(
    1,
  );
  for (const empty of [nothing, region(3, 1, 0, 4)]) {
    expect(() => extractTile(model, graph, ["a", "b"], new Map([["b", empty]]))).toThrow(
      expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" }),
    );
  }
});

test.each<[string, Region]>([
  ["behind the last row", region(0, 5, 0, 4)],
  ["before the first column", region(0, 4, -1, 4)],
  ["between rows", region(0.5, 2, 0, 4)],
  ["along one axis alone", [{ from: 0, to: 4 }]],
])("a region that lies %s is refused", async (_, wanted) => {
  const { model, graph } = await wholeOf({ input: [1, 4, 8, 8] }, chain);
  expect(() => extractTile(model, graph, ["a", "b"], new Map([["b", wanted]]))).toThrow(
    expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" }),
  );
});

test("answers that are read inside, too, and are of other sizes than the last one", async () => {
  const whole = await wholeOf({ input: [1, 4, 11, 9], answers: ["a", "c"] }, (builder) => {
    chain(builder);
    convolve(builder, "b", "c", { strides: [3, 2], pads: [2, 1, 0, 1] });
    builder.node("MaxPool", ["b"], {
      name: "d",
      output: "d",
      attributes: { kernel_shape: [2, 2] },
    });
  });
  const found = await tileAndCompare(whole, ["a", "b", "c", "d"], 3, [1, 2]);
  expect(found.tiles).toBe(6);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});

test.each([
  ["floor", [6, 39]],
  ["ceil", [6, 19]],
])("rows and columns that the last bit of a ratio moves, to the %s", async (rounding, size) => {
  const whole = await wholeOf({ input: [1, 2, 10, 7] }, (builder) => {
    const sizes = builder.weight("sizes", [4], [1, 2, ...size], "int64");
    const attributes = { mode: "nearest", nearest_mode: rounding };
    builder.node("Resize", ["x", "", "", sizes], { name: "y", output: "y", attributes });
  });
  for (const [rows, columns] of [
    [6, 1],
    [1, 39],
  ] as const) {
    expect(await tileAndCompare(whole, ["y"], rows, columns)).toMatchObject({ bitEqual: true });
  }
});

test("an input that two branches step over in other strides", async () => {
  const whole = await wholeOf({ input: [1, 4, 13, 13] }, (builder) => {
    convolve(builder, "x", "near", { strides: [2, 2], pads: [1, 1, 1, 1] });
    const attributes = { kernel_shape: [1, 1], strides: [3, 3] };
    builder.node("MaxPool", ["x"], { name: "far", output: "far", attributes });
    const sizes = builder.weight("sizes", [4], [1, 4, 7, 7], "int64");
    builder.node("Resize", ["far", "", "", sizes], {
      name: "up",
      output: "up",
      attributes: { mode: "linear", coordinate_transformation_mode: "align_corners" },
    });
    builder.node("Concat", ["near", "up"], { name: "all", output: "all", attributes: { axis: 1 } });
  });
  const found = await tileAndCompare(whole, ["near", "far", "up", "all"], 3, [1, 3]);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});

test.each([7, 9, 11, 13, 18, 22])("tiles of operators of version %i", async (opset) => {
  const whole = await wholeOf({ opset, input: [2, 4, 9, 10] }, (builder) => {
    chain(builder);
    builder.node("Add", ["b", "b"], { name: "c", output: "c" });
    builder.node("Softmax", ["c"], { name: "d", output: "d", attributes: { axis: 1 } });
    const pool = { kernel_shape: [2, 2], pads: [1, 0, 1, 1], count_include_pad: 1 };
    builder.node("AveragePool", ["d"], { name: "e", output: "e", attributes: pool });
  });
  const able = whole.graph.nodes.filter(({ window }) => window !== undefined);
  const names = able.map(({ name }) => name);
  // Before version 13 the axes behind the channels were one with them.
  expect(names).toEqual(["a", "b", "c", ...(opset < 13 ? [] : ["d"]), "e"]);
  const found = await tileAndCompare(whole, names, 2, [1, 2]);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});

test("tiles of half floats", async () => {
  const whole = await wholeOf({ input: [1, 4, 9, 8], dataType: "float16" }, (builder) => {
    convolve(builder, "x", "a", { pads: [1, 1, 1, 1] }, "float16");
    builder.node("Relu", ["a"], { name: "b", output: "b" });
    const pool = { kernel_shape: [2, 2], strides: [2, 2] };
    builder.node("MaxPool", ["b"], { name: "c", output: "c", attributes: pool });
  });
  const found = await tileAndCompare(whole, ["a", "b", "c"], 2, 2);
  // Sums of 16 bits: a unit in the last place of what is largest.
  expect(found.maxRelative).toBeLessThanOrEqual(2 ** -10);
});

test.each<[string, readonly number[], readonly number[]]>([
  ["one axis", [1, 4, 20], [4, 4, 3]],
  ["three axes", [1, 4, 5, 6, 7], [4, 4, 3, 3, 3]],
])("convolutions along %s are whole, and say so", async (_, input, shape) => {
  const { model, graph } = await wholeOf({ input }, (builder) => {
    const weight = builder.weight("weight", shape, seededValue("float32", shape).data, "float32");
    builder.node("Conv", ["x", weight], { name: "a", output: "a" });
    builder.node("Relu", ["a"], { name: "b", output: "b" });
  });
  expect(graph.nodes.map(({ window }) => window)).toEqual([undefined, undefined]);
  expect(() => extractTile(model, graph, ["a"], new Map([["a", region(0, 1, 0, 1)]]))).toThrow(
    expect.objectContaining({
      code: "ONNX_UNSUPPORTED",
      message: expect.stringContaining("[batch, channels, height, width]"),
    }),
  );
});

test("a batch that is open is bound before anything is cut", async () => {
  const builder = createBuilder({ name: "open", opset: 17 });
  builder.input("x", "float32", ["batch", 4, 9, 9]);
  chain(builder);
  builder.output("b");
  const open = builder.build();
  await expect(prepareGraph(open, { level: "basic" })).rejects.toMatchObject({
    code: "SHAPE_UNBOUND",
  });
});

test("tensors with the names that crops would have", async () => {
  const whole = await wholeOf({ input: [1, 4, 8, 8] }, (builder) => {
    convolve(builder, "x", "x/[0:5,0:8]");
    convolve(builder, "x/[0:5,0:8]", "x/[0:6,0:8]");
    builder.node("Add", ["x", "x/[0:6,0:8]"], { name: "tile/2", output: "tile/2" });
  });
  const nodes = whole.graph.nodes.map(({ name }) => name);
  const found = await tileAndCompare(whole, nodes, [1, 1], 1);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});

test("a region around a node that needs all: its input leaves, its output enters whole", async () => {
  const whole = await wholeOf({ input: [2, 4, 9, 7] }, (builder) => {
    convolve(builder, "x", "a");
    builder.node("GlobalAveragePool", ["a"], { name: "pool", output: "pool" });
    builder.node("HardSigmoid", ["pool"], { name: "gate", output: "gate" });
    builder.node("Mul", ["a", "gate"], { name: "scaled", output: "scaled" });
    convolve(builder, "scaled", "b", { pads: [1, 1, 1, 1], strides: [2, 1] });
  });
  expect(whole.graph.nodes.map(({ window }) => window !== undefined)).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
  const nodes = ["gate", "scaled", "b"];
  const found = await tileAndCompare(whole, nodes, 3, [2, 1]);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
  const regions = gridRegions([5, 7], 3, 1);
  const { tiles } = extractTiles(whole.model, whole.graph, nodes, regions);
  expect(tiles.map(({ inputs }) => inputs.get("pool"))).toEqual(
    tiles.map(() => region(0, 1, 0, 1)),
  );
  expect(cutOut(whole.values.get("pool") as TensorValue, region(0, 1, 0, 1)).shape).toEqual([
    2, 4, 1, 1,
  ]);
});

test("parameters with rows and columns that the model computes, or writes as a node", async () => {
  const whole = await wholeOf({ input: [1, 4, 5, 6] }, (builder) => {
    const { data } = seededValue("float32", [1, 1, 5, 6]);
    const stored = builder.weight("stored", [1, 1, 5, 6], data, "float32");
    const turned = builder.node("Neg", [stored], { name: "turned", output: "turned" });
    builder.node("Add", ["x", turned], { name: "a", output: "a" });
    const columns = float([1, 2, 3, 4, 5, 6]);
    builder.node("Constant", [], {
      name: "columns",
      output: "columns",
      attributes: { value_floats: columns },
    });
    builder.node("Mul", ["a", "columns"], { name: "b", output: "b" });
    const number = builder.node("Neg", [builder.weight("one", [1], [1], "float32")]);
    builder.node("Mul", ["b", number], { name: "c", output: "c" });
  });
  const able = whole.graph.nodes.filter(({ window }) => window !== undefined);
  expect(able.map(({ name }) => name)).toEqual(["b", "c"]);
  const found = await tileAndCompare(whole, ["b", "c"], 2, [1, 2]);
  expect(found).toMatchObject({ tiles: 4, bitEqual: true });
});

test("channels turned around, from as far behind as numbers go", async () => {
  const whole = await wholeOf({ input: [1, 4, 6, 6] }, (builder) => {
    const integers = (name: string, value: bigint): string =>
      builder.weight(name, [1], [value], "int64");
    const last = 2n ** 63n - 1n;
    const bounds = [integers("start", last), integers("end", -last), integers("axis", 1n)];
    const step = integers("step", -1n);
    builder.node("Slice", ["x", ...bounds, step], { name: "a", output: "a" });
    convolve(builder, "a", "b");
  });
  const found = await tileAndCompare(whole, ["a", "b"], 2, 1);
  expect(found.maxRelative).toBeLessThanOrEqual(1e-6);
});
