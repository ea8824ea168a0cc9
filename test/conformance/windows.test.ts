import { expect, test } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import type { TensorType, TensorValue } from "../../src/graph/tensor-value.ts";
import {
  fitsWindow,
  neededRows,
  type Rows,
  rowCount,
  type Window,
} from "../../src/graph/window.ts";
import { createBuilder, type ModelBuilder } from "../../src/onnx/build.ts";
import { type AttributeValue, float } from "../../src/onnx/build-tensor.ts";
import { toGraph } from "../../src/onnx/graph.ts";
import { createOnnxRuntime } from "../../src/runtime/onnxruntime.node.ts";
import type { TensorValues } from "../../src/runtime/runtime.ts";

type Shape = readonly number[];

/** One node: its pictures, then its parameters. */
interface Case {
  readonly operator: string;
  readonly inputs: readonly Shape[];
  readonly constants?: readonly (Shape | { readonly shape: Shape; readonly value: number })[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly noWindow?: boolean;
}

const picture: Shape = [1, 4, 13, 9];

function conv(channels: number, groups: number, kernel: Shape): readonly Shape[] {
  return [[channels, 4 / groups, ...kernel], [channels]];
}

const elementWise: readonly Case[] = [
  ..."Abs Ceil Celu Elu Erf Exp Floor HardSigmoid HardSwish Identity LeakyRelu Log Mish Neg Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Tanh ThresholdedRelu Dropout com.microsoft:FastGelu com.microsoft:Gelu com.microsoft:QuickGelu"
    .split(" ")
    .map((operator) => ({ operator, inputs: [picture] })),
  { operator: "Cast", inputs: [picture], attributes: { to: 1 } },
  { operator: "LRN", inputs: [picture], attributes: { size: 3, alpha: float(0.5) } },
  { operator: "Clip", inputs: [picture], constants: [one([], 0.2), one([], 0.7)] },
  { operator: "BatchNormalization", inputs: [picture], constants: [[4], [4], [4], [4]] },
  ...[[4, 1, 1], [1, 4, 1, 1], [], [1], [9], [1, 9]].flatMap((shape) => [
    { operator: "Mul", inputs: [picture], constants: [shape] },
    { operator: "Add", inputs: [picture], constants: [shape] },
  ]),
  { operator: "PRelu", inputs: [picture], constants: [[4, 1, 1]] },
  { operator: "Pow", inputs: [picture], constants: [one([], 2)] },
  { operator: "Concat", inputs: [picture, [1, 2, 13, 9]], attributes: { axis: 1 } },
  { operator: "Concat", inputs: [picture, picture], attributes: { axis: -3 } },
  ..."Add Div Max Mean Min Mul Sub Sum".split(" ").map((operator) => ({
    operator,
    inputs: [picture, [1, 1, 13, 1]],
  })),
];

/** Rows of what these make are no slices, or are made from all rows. */
const others: readonly Case[] = [
  { operator: "Mul", inputs: [picture, [1, 4, 1, 1]] },
  { operator: "Mul", inputs: [picture], constants: [[13, 1]] },
  { operator: "Add", inputs: [picture], constants: [[13, 9]] },
  { operator: "Add", inputs: [picture], constants: [[1, 4, 13, 1]] },
  { operator: "Add", inputs: [picture, [13, 9]] },
  {
    operator: "Add",
    inputs: [
      [4, 13, 9],
      [4, 13, 9],
    ],
  },
  { operator: "Concat", inputs: [picture, picture], attributes: { axis: 2 } },
  { operator: "Concat", inputs: [picture, picture], attributes: { axis: -2 } },
  { operator: "Concat", inputs: [picture, picture], attributes: { axis: 0 } },
  { operator: "Concat", inputs: [picture, picture], attributes: { axis: 3 } },
  { operator: "Softmax", inputs: [picture], attributes: { axis: 2 } },
  { operator: "Transpose", inputs: [picture], attributes: { perm: [0, 1, 3, 2] } },
  { operator: "GlobalAveragePool", inputs: [picture] },
  { operator: "InstanceNormalization", inputs: [picture], constants: [[4], [4]] },
  {
    operator: "AveragePool",
    inputs: [picture],
    attributes: { kernel_shape: [3, 3], dilations: [2, 1], auto_pad: "SAME_LOWER" },
  },
  { operator: "MaxPool", inputs: [[1, 4, 13]], attributes: { kernel_shape: [2] } },
  { operator: "Flatten", inputs: [picture] },
].map((given) => ({ ...given, noWindow: true }));

/** Seeded convolutions and pools of all sorts. */
const sliding: readonly Case[] = Array.from({ length: 120 }, (_, seed) => slidingCase(seed + 1));

function slidingCase(seed: number): Case {
  const random = createRandom(seed);
  const draw = (most: number): number => 1 + random.integer(most);
  const operator = random.pick(["Conv", "Conv", "AveragePool", "MaxPool", "LpPool"]);
  const kernel = [draw(4), draw(3)];
  const pad = (axis: number): number => random.integer(kernel[axis] as number);
  const auto = random.pick(["", "", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
  const isSame = auto.startsWith("SAME");
  const isExplicit = auto === "" || auto === "NOTSET";
  const inputs = [[1, 4, 9 + random.integer(8), 9]];
  const dilations = !isSame && random.next() < 0.4 ? { dilations: [draw(2), draw(2)] } : {};
  const attributes = {
    strides: isSame && operator !== "Conv" ? [...kernel] : [draw(4), draw(2)],
    ...dilations,
    ...(auto === "" ? {} : { auto_pad: auto }),
    ...(isExplicit ? { pads: [pad(0), pad(1), pad(0), pad(1)] } : {}),
  };
  if (operator === "Conv") {
    const groups = random.pick([1, 2, 4]);
    return {
      operator,
      inputs,
      constants: conv(4, groups, kernel),
      attributes: { ...attributes, group: groups },
    };
  }
  const ceil = isExplicit && random.next() < 0.5 ? { ceil_mode: 1 } : {};
  const count = operator === "AveragePool" && random.next() < 0.5 ? { count_include_pad: 1 } : {};
  return {
    operator,
    inputs,
    attributes: { kernel_shape: kernel, ...attributes, ...ceil, ...count },
  };
}

function one(shape: Shape, value: number): { shape: Shape; value: number } {
  return { shape, value };
}

const runtime = createOnnxRuntime();

interface Named {
  readonly given: Case;
  readonly id: number;
  /** The case whose parameters it has; default: its own. */
  readonly from?: number;
}

function model(cases: readonly Named[]) {
  const builder = createBuilder({ name: "windows", opset: 20, domains: { "com.microsoft": 1 } });
  for (const named of cases) addCase(builder, named);
  return builder.build();
}

function addCase(builder: ModelBuilder, { given, id, from = id }: Named): void {
  const { operator: written, inputs, constants = [], attributes = {} } = given;
  const [operator = "", domain = ""] = written.split(":").reverse();
  const random = createRandom(from);
  const tensors = inputs.map((shape, at) => builder.input(`x${id}_${at}`, "float32", shape));
  const parameters = constants.map((constant, at) => {
    const { shape, value } = "shape" in constant ? constant : { shape: constant, value: null };
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => value ?? 0.1 + random.next());
    return builder.weight(`w${id}_${at}`, shape, values);
  });
  const options = { name: `n${id}`, output: `y${id}`, domain, attributes };
  builder.output(builder.node(operator, [...tensors, ...parameters], options));
}

function valuesOf({ inputs }: Case, id: number): Record<string, TensorValue> {
  const random = createRandom(id + 1000);
  return Object.fromEntries(
    inputs.map((shape, at) => {
      const count = shape.reduce((product, size) => product * size, 1);
      const numbers = Float32Array.from({ length: count }, () => 0.05 + random.next());
      return [`x${id}_${at}`, { dataType: "float32", shape, data: bytesOf(numbers) }];
    }),
  );
}

function bytesOf(numbers: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function rowsOf({ shape, data }: TensorValue, { from, to }: Rows): TensorValue {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const numbers = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const planes = Array.from({ length: batch * channels }, (_, plane) =>
    numbers.slice((plane * height + from) * width, (plane * height + to) * width),
  );
  const kept = Float32Array.from(planes.flatMap((plane) => [...plane]));
  return { dataType: "float32", shape: [batch, channels, to - from, width], data: bytesOf(kept) };
}

async function run(cases: readonly Named[], inputs: TensorValues) {
  const session = await runtime.load(model(cases), { threads: 1 });
  const { outputs } = await session.run(structuredClone(inputs));
  await session.release();
  return outputs;
}

/** The case for some rows, padded where its input ends or begins. */
function partOf(given: Case, window: Window, rows: Rows, extent: number): Case {
  const needed = neededRows(window, rows, extent);
  const inputs = given.inputs.map(([batch = 1, channels = 1, , width = 1]) => [
    batch,
    channels,
    rowCount(needed),
    width,
  ]);
  const { auto_pad: _, ...attributes } = given.attributes ?? {};
  if (!("strides" in attributes)) return { ...given, inputs };
  const [step = 1] = window.stride;
  const [before = 0, left = 0] = window.padBegin;
  const [after = 0, right = 0] = window.padEnd;
  const reach = (window.dilation[0] as number) * ((window.kernel[0] as number) - 1) + 1;
  const top = Math.max(0, before - rows.from * step);
  const bottom = Math.max(0, (rows.to - 1) * step - before + reach - extent);
  // What a pool rounded up reads behind its padding counts as none.
  const pads = [top, left, Math.min(bottom, after), right];
  return { ...given, inputs, attributes: { ...attributes, pads } };
}

function float32sOf({ data }: TensorValue): number[] {
  return [...new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)];
}

const cases = [...elementWise, ...others, ...sliding].map((given, id) => ({ given, id }));
const inputs: TensorValues = Object.assign(
  {},
  ...cases.map(({ given, id }) => valuesOf(given, id)),
);

function graphOf(outputs: TensorValues): Graph {
  const types = new Map<string, TensorType>(Object.entries({ ...inputs, ...outputs }));
  return toGraph(model(cases), types);
}

test("rows made from the rows that a window names are those of the whole, in ONNX Runtime", async () => {
  const whole = await run(cases, inputs);
  const { nodes } = graphOf(whole);
  const windows = nodes.map(({ window }: Node) => window);
  const described = cases.map(
    ({ given }) => `${given.operator} ${JSON.stringify(given.attributes ?? {})}`,
  );
  expect(described.filter((_, id) => windows[id] === undefined)).toEqual(
    described.filter((_, id) => cases[id]?.given.noWindow === true),
  );
  const random = createRandom(1);
  const tiles = cases.flatMap(({ given, id }) => {
    const window = windows[id];
    const height = whole[`y${id}`]?.shape[2] ?? 1;
    if (window === undefined) return [];
    const extent = given.inputs[0]?.[2] as number;
    expect(fitsWindow(window, extent, height), described[id]).toBe(true);
    const cut = random.integer(height);
    const pieces = [
      { from: 0, to: cut },
      { from: cut, to: height },
      { from: height >> 1, to: (height >> 1) + 1 },
    ].filter((rows) => rowCount(rows) > 0 && rowCount(neededRows(window, rows, extent)) > 0);
    return pieces.map((rows, piece) => ({
      given: partOf(given, window, rows, extent),
      id: id * 10 + piece,
      from: id,
      rows,
      needed: neededRows(window, rows, extent),
    }));
  });
  const sliced = Object.fromEntries(
    tiles.flatMap(({ given, id, from, needed }) =>
      given.inputs.map((_, at) => [
        `x${id}_${at}`,
        rowsOf(inputs[`x${from}_${at}`] as TensorValue, needed),
      ]),
    ),
  );
  const made = await run(tiles, sliced);
  for (const { id, from, rows, given } of tiles) {
    const expected = rowsOf(whole[`y${from}`] as TensorValue, rows);
    const found = made[`y${id}`] as TensorValue;
    const where = `${described[from]} rows ${rows.from} to ${rows.to} of ${JSON.stringify(given)}`;
    expect(found.shape, where).toEqual(expected.shape);
    const wanted = float32sOf(expected);
    const worst = float32sOf(found).reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (wanted[at] as number))),
      0,
    );
    expect(worst, where).toBeLessThan(1e-4);
  }
});
