import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { type AttributeValue, attribute } from "./build-tensor.ts";
import { windowOf } from "./window.ts";

type Shape = readonly number[] | null;

interface Case {
  /** Shapes of inputs that are tensors; `null` is an absent one. */
  readonly inputs: readonly Shape[];
  /** Shapes of inputs that are parameters, behind the others. */
  readonly constants?: readonly Shape[];
  readonly outputs?: readonly Shape[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

function found(written: string, { inputs, constants = [], outputs, attributes = {} }: Case) {
  const [operator = "", domain = ""] = written.split(":").reverse();
  const shapes = new Map<string, Shape>();
  const name = (kind: string, list: readonly Shape[]): string[] =>
    list.map((shape, position) => {
      shapes.set(`${kind}${position}`, shape);
      return shape === null ? "" : `${kind}${position}`;
    });
  const node = create(NodeProtoSchema, {
    opType: operator,
    domain,
    input: [...name("tensor", inputs), ...name("constant", constants)],
    output: name("result", outputs ?? [inputs[0] ?? null]),
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  });
  return windowOf(node, {
    opset: 20,
    dataTypeOf: () => "float32",
    shapeOf: (tensor) => shapes.get(tensor) ?? null,
    isConstant: (tensor) => tensor.startsWith("constant"),
    isStored: (tensor) => tensor.startsWith("constant"),
    valuesOf: () => null,
  });
}

const picture: Shape = [1, 8, 20, 30];
const weight: Shape = [8, 8, 3, 5];
const pixel = {
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  padBegin: [0, 0],
  padEnd: [0, 0],
};

test("a convolution says its kernel, or takes it from its weight", () => {
  const standard = { ...pixel, kernel: [3, 5] };
  expect(found("Conv", { inputs: [picture], constants: [weight] })).toEqual(standard);
  const attributes = {
    kernel_shape: [3, 5],
    strides: [2, 3],
    dilations: [2, 1],
    pads: [1, 2, 0, 4],
  };
  const whole = {
    kernel: [3, 5],
    stride: [2, 3],
    dilation: [2, 1],
    padBegin: [1, 2],
    padEnd: [0, 4],
  };
  const outputs = [[1, 8, 9, 11]];
  for (const operator of ["Conv", "ai.onnx:Conv", "com.microsoft:FusedConv"]) {
    expect(
      found(operator, { inputs: [picture], constants: [weight, [8]], attributes, outputs }),
    ).toEqual(whole);
  }
});

test("padding that keeps the size is worked out from it", () => {
  const attributes = { kernel_shape: [3, 4], strides: [2, 1] };
  const at = (mode: string) =>
    found("MaxPool", { inputs: [[1, 8, 20, 30]], attributes: { ...attributes, auto_pad: mode } });
  // Rows: (10 − 1) · 2 + 3 − 20 = 1; columns: 29 + 4 − 30 = 3.
  expect(at("SAME_UPPER")).toMatchObject({ padBegin: [0, 1], padEnd: [1, 2] });
  expect(at("SAME_LOWER")).toMatchObject({ padBegin: [1, 2], padEnd: [0, 1] });
  expect(at("VALID")).toMatchObject({ padBegin: [0, 0], padEnd: [0, 0] });
  expect(at("NOTSET")).toMatchObject({ padBegin: [0, 0], padEnd: [0, 0] });
  expect(at("ANYTHING")).toBeNull();
});

test("a pool that is rounded up has no window where its last step begins behind the input", () => {
  const attributes = { kernel_shape: [1, 1], strides: [3, 1], ceil_mode: 1 };
  const at = (rows: number) =>
    found("AveragePool", { inputs: [[1, 8, 20, 30]], outputs: [[1, 8, rows, 30]], attributes });
  expect(at(7)).toEqual({ ...pixel, stride: [3, 1] });
  expect(at(8)).toBeNull();
});

test("what works on elements keeps rows where they are", () => {
  const list = ["Relu", "LRN", "Clip", "HardSwish", "Dropout", "com.microsoft:QuickGelu"];
  for (const operator of list) expect(found(operator, { inputs: [picture] })).toEqual(pixel);
  expect(
    found("BatchNormalization", { inputs: [picture], constants: [[8], [8], [8], [8]] }),
  ).toEqual(pixel);
  expect(found("Add", { inputs: [picture, picture] })).toEqual(pixel);
  expect(found("Mul", { inputs: [picture], constants: [[8, 1, 1]] })).toEqual(pixel);
  expect(found("Mul", { inputs: [picture], constants: [[]] })).toEqual(pixel);
  expect(found("Mul", { inputs: [picture], constants: [[30]] })).toEqual(pixel);
  expect(found("Mul", { inputs: [picture], constants: [[20, 1]] })).toEqual(pixel);
  expect(found("Mul", { inputs: [picture, [1, 8, 1, 1]] })).toEqual(pixel);
  expect(found("Concat", { inputs: [picture, picture], attributes: { axis: 1 } })).toEqual(pixel);
  expect(
    found("Concat", { inputs: [picture], constants: [picture], attributes: { axis: 1 } }),
  ).toEqual(pixel);
  expect(
    found("Split", { inputs: [picture], outputs: [picture, picture], attributes: { axis: 1 } }),
  ).toEqual(pixel);
});

test.each<[string, string, Case]>([
  ["a picture without its batch", "Mul", { inputs: [picture, [8, 20, 30]] }],
  ["no rows at all", "Relu", { inputs: [[1, 8, 0, 30]] }],
  [
    "a parameter from before there was broadcasting",
    "Add",
    {
      inputs: [picture],
      constants: [[8]],
      attributes: { broadcast: 1, axis: 1 },
    },
  ],
  ["joining rows", "Concat", { inputs: [picture, picture], attributes: { axis: 2 } }],
  ["a weight that is computed", "Conv", { inputs: [picture, weight] }],
  [
    "a sum that is fused in",
    "com.microsoft:FusedConv",
    { inputs: [picture, null, null, picture], constants: [] },
  ],
  [
    "a parameter that is fused in",
    "com.microsoft:FusedConv",
    { inputs: [picture], constants: [weight, [8], [1, 8, 20, 30]] },
  ],
  [
    "a dilated kernel padded to keep the size",
    "MaxPool",
    {
      inputs: [picture],
      attributes: { kernel_shape: [3, 3], dilations: [2, 1], auto_pad: "SAME_LOWER" },
    },
  ],
  [
    "a normalisation that trains",
    "BatchNormalization",
    {
      inputs: [picture],
      constants: [[8], [8], [8], [8]],
      attributes: { training_mode: 1 },
    },
  ],
  ["an average of all", "GlobalAveragePool", { inputs: [picture], outputs: [[1, 8, 1, 1]] }],
  ["a vector", "Relu", { inputs: [[1, 8]] }],
  ["one axis", "MaxPool", { inputs: [[1, 8, 20]], attributes: { kernel_shape: [2] } }],
  [
    "places of the largest",
    "MaxPool",
    { inputs: [picture], outputs: [picture, picture], attributes: { kernel_shape: [1, 1] } },
  ],
  [
    "places of the largest alone",
    "MaxPool",
    { inputs: [picture], outputs: [null, picture], attributes: { kernel_shape: [1, 1] } },
  ],
  ["a size that is computed", "Resize", { inputs: [picture, null, null, [4]] }],
  ["another domain's operator", "com.microsoft.nchwc:Conv", { inputs: [picture] }],
])("%s needs all of its inputs", (_, operator, situation) => {
  expect(found(operator, situation)).toBeNull();
});

test("a transposed convolution makes several rows of one", () => {
  const attributes = { strides: [2, 3], pads: [1, 0, 1, 0] };
  const given = { inputs: [picture], constants: [[8, 4, 4, 2]], outputs: [[1, 4, 40, 89]] };
  expect(found("ConvTranspose", { ...given, attributes })).toEqual({
    kernel: [3, 1],
    stride: [1, 1],
    dilation: [1, 1],
    padBegin: [1, 0],
    padEnd: [1, -1],
    scale: [2, 3],
  });
  // 19 · 2 + 4 rows are two too many for 40, 29 · 3 + 2 columns one too few for 90.
  const padOf = (more: Readonly<Record<string, AttributeValue>>) =>
    found("ConvTranspose", {
      ...given,
      outputs: [[1, 4, 39, 90]],
      attributes: { strides: [2, 3], ...more },
    })?.padBegin;
  expect(padOf({ auto_pad: "SAME_UPPER" })).toEqual([1, 0]);
  expect(padOf({ auto_pad: "SAME_LOWER" })).toEqual([0, 0]);
  expect(padOf({ output_shape: [39, 90] })).toEqual([0, 0]);
});

test("blocks that move between depth and space", () => {
  const attributes = { blocksize: 2 };
  const outputs = [[1, 2, 40, 60]];
  expect(found("DepthToSpace", { inputs: [picture], outputs, attributes })).toEqual({
    ...pixel,
    scale: [2, 2],
  });
  expect(
    found("SpaceToDepth", { inputs: [picture], outputs: [[1, 32, 10, 15]], attributes }),
  ).toEqual({ ...pixel, kernel: [2, 2], stride: [2, 2] });
});

test("a Resize reads the row that is nearest, or those between which it lies", () => {
  const doubled = [[1, 8, 40, 60]];
  const at = (mode: string, outputs: readonly Shape[], position = "half_pixel") =>
    found("Resize", {
      inputs: [picture, null, null],
      constants: [[4]],
      outputs,
      attributes: { mode, coordinate_transformation_mode: position },
    });
  expect(at("nearest", doubled)).toEqual({ ...pixel, scale: [2, 2] });
  expect(at("linear", doubled)).toEqual({
    kernel: [2, 2],
    stride: [2, 2],
    dilation: [4, 4],
    padBegin: [1, 1],
    padEnd: [2, 2],
    scale: [4, 4],
  });
  expect(at("linear", [[1, 8, 20, 60]])?.scale).toEqual([1, 4]);
  expect(at("cubic", doubled)).toMatchObject({ kernel: [4, 4], padBegin: [5, 5] });
  // Corners on corners: 19 steps become 39.
  expect(at("linear", doubled, "align_corners")).toMatchObject({
    stride: [19, 29],
    scale: [39, 59],
    padBegin: [0, 0],
  });
  // A third has no exact binary fraction, and 20 rows of 21 are no block: single positions.
  expect(at("nearest", [[1, 8, 20, 10]])).toMatchObject({ kernel: [1, 2], dilation: [1, 2] });
  expect(at("linear", [[1, 8, 21, 30]])).toMatchObject({ kernel: [2, 1], stride: [40, 1] });
  expect(at("linear", doubled, "tf_crop_and_resize")).toBeNull();
});

test("pads and slices move rows, where they are parameters", () => {
  const attributes = { mode: "constant", pads: [0, 0, 2, -1, 0, 0, 1, 0] };
  const outputs = [[1, 8, 23, 29]];
  expect(found("Pad", { inputs: [picture], outputs, attributes })).toEqual({
    ...pixel,
    padBegin: [2, -1],
    padEnd: [1, 0],
  });
  const at = (mode: string, pads: readonly number[]) =>
    found("Pad", { inputs: [picture], outputs, attributes: { mode, pads } });
  expect(at("reflect", [0, 0, 2, 0, 0, 0, 1, 0])).toEqual({
    ...pixel,
    kernel: [7, 1],
    padBegin: [4, 0],
    padEnd: [5, 0],
  });
  expect(at("reflect", attributes.pads)).toBeNull();
  expect(at("wrap", [0, 0, 2, 0, 0, 0, 1, 0])).toBeNull();
  const bounds = { axes: [2, 1], starts: [-15, 0], ends: [1000, 4] };
  expect(
    found("Slice", { inputs: [picture], outputs: [[1, 4, 15, 30]], attributes: bounds }),
  ).toEqual({ ...pixel, padBegin: [-5, 0] });
  expect(found("Slice", { inputs: [picture, [2], [2]], outputs: [picture] })).toBeNull();
});

test("what has a number for each column beside its picture, or makes one of a parameter, has none", () => {
  const bias = { inputs: [picture], constants: [[30]] };
  expect(found("com.microsoft:FastGelu", bias)).toBeNull();
  expect(found("com.microsoft:FastGelu", { inputs: [picture] })).toEqual(pixel);
  const turned = create(NodeProtoSchema, {
    opType: "CastLike",
    input: ["constant0", "tensor0"],
    output: ["result0"],
  });
  const facts = {
    opset: 20,
    dataTypeOf: () => "float32",
    shapeOf: () => picture,
    isConstant: (tensor: string) => tensor === "constant0",
    isStored: () => true,
    valuesOf: () => null,
  };
  expect(windowOf(turned, facts)).toBeNull();
});
