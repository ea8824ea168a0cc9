import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema } from "onnx-buf";
import { expect, test } from "vitest";
import { type AttributeValue, attribute } from "./build-tensor.ts";
import { countFlop } from "./flop.ts";

type Shape = readonly number[] | null;

interface Case {
  readonly domain?: string;
  /** Input shapes; `null` is an absent input. */
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

function count(operator: string, { domain = "", inputs, output, attributes = {} }: Case) {
  const shapes = new Map(inputs.map((shape, position) => [`i${position}`, shape]));
  const node = create(NodeProtoSchema, {
    opType: operator,
    domain,
    input: inputs.map((shape, position) => (shape === null ? "" : `i${position}`)),
    output: ["y"],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
  return countFlop(node, (name) => (name === "y" ? output : (shapes.get(name) ?? null)));
}

const contrib = "com.microsoft";
const scalar: Shape = [];

test.each<[string, Case, number]>([
  // Every output element: 3 input channels × 3 × 3 products and sums.
  [
    "Conv",
    {
      inputs: [
        [1, 3, 8, 8],
        [4, 3, 3, 3],
      ],
      output: [1, 4, 8, 8],
    },
    2 * 256 * 27,
  ],
  // Two groups: each output channel sees half of the 4 input channels.
  [
    "Conv",
    {
      inputs: [
        [1, 4, 5, 5],
        [6, 2, 1, 1],
      ],
      output: [1, 6, 5, 5],
    },
    2 * 150 * 2,
  ],
  // Every one of 32 input elements is spread over 5 channels × 2 × 2.
  [
    "ConvTranspose",
    {
      inputs: [
        [1, 2, 4, 4],
        [2, 5, 2, 2],
      ],
      output: [1, 5, 8, 8],
    },
    2 * 32 * 20,
  ],
  ["Gemm", { inputs: [[2, 3], [3, 4], [4]], output: [2, 4] }, 2 * 8 * 3],
  [
    "Gemm",
    {
      inputs: [
        [3, 2],
        [3, 4],
      ],
      output: [2, 4],
      attributes: { transA: 1 },
    },
    2 * 8 * 3,
  ],
  [
    "MatMul",
    {
      inputs: [
        [7, 2, 3],
        [7, 3, 4],
      ],
      output: [7, 2, 4],
    },
    2 * 56 * 3,
  ],
  ["MatMul", { inputs: [[3], [3]], output: [] }, 2 * 3],
])("counts the products and sums of %s: %o", (operator, subject, expected) => {
  expect(count(operator, subject)).toBe(expected);
});

test.each<[string, Case, number]>([
  [
    "QLinearConv",
    {
      inputs: [[1, 3, 8, 8], scalar, scalar, [4, 3, 3, 3], scalar, scalar, scalar, scalar],
      output: [1, 4, 8, 8],
    },
    2 * 256 * 27,
  ],
  [
    "ConvInteger",
    {
      inputs: [
        [1, 3, 8, 8],
        [4, 3, 3, 3],
      ],
      output: [1, 4, 8, 8],
    },
    2 * 256 * 27,
  ],
  [
    "QLinearMatMul",
    { inputs: [[2, 3], scalar, scalar, [3, 4], scalar, scalar, scalar, scalar], output: [2, 4] },
    2 * 8 * 3,
  ],
  ["MatMulInteger", { inputs: [[2, 3], [3, 4], scalar], output: [2, 4] }, 2 * 8 * 3],
  [
    "QGemm",
    { domain: contrib, inputs: [[2, 3], scalar, scalar, [3, 4]], output: [2, 4] },
    2 * 8 * 3,
  ],
  // 4-bit weights, packed as [rows, blocks, bytes]: K says how long a row is.
  [
    "MatMulNBits",
    {
      domain: contrib,
      inputs: [
        [2, 64],
        [5, 2, 16],
      ],
      output: [2, 5],
      attributes: { K: 64 },
    },
    2 * 10 * 64,
  ],
  ["QuantizeLinear", { inputs: [[2, 3], scalar, scalar], output: [2, 3] }, 6],
  ["DequantizeLinear", { inputs: [[2, 3], scalar, scalar], output: [2, 3] }, 6],
])("finds the weight of the quantised %s", (operator, subject, expected) => {
  expect(count(operator, subject)).toBe(expected);
});

test("attention multiplies queries with keys and weights with values", () => {
  // 2 sequences, 4 heads of 8; 3 queries, 5 keys: 2·4·3·5 scores of 8 products, and as much again.
  const expected = 2 * (2 * 4 * 3 * 5 * 8) * 2;
  const heads: Case = {
    inputs: [
      [2, 4, 3, 8],
      [2, 4, 5, 8],
      [2, 4, 5, 8],
    ],
    output: [2, 4, 3, 8],
  };
  const flat: Case = {
    inputs: [
      [2, 3, 32],
      [2, 5, 32],
      [2, 5, 32],
    ],
    output: [2, 3, 32],
  };
  expect(count("Attention", heads)).toBe(expected);
  expect(count("Attention", flat)).toBe(expected);
  expect(count("MultiHeadAttention", { domain: contrib, ...flat })).toBe(expected);
});

test("keys of the past count as keys", () => {
  const past = [1, 1, 6, 8];
  const inputs = [[1, 1, 1, 8], [1, 1, 1, 8], [1, 1, 1, 8], null, past, past];
  expect(count("Attention", { inputs, output: [1, 1, 1, 8] })).toBe(2 * 7 * 8 * 2);
});

test("the attention that projects first counts its projections", () => {
  // 3 tokens of width 4 to queries, keys and values of 6 each; 9 scores of 6 products, twice.
  const subject: Case = { domain: contrib, inputs: [[1, 3, 4], [4, 18], [18]], output: [1, 3, 6] };
  expect(count("Attention", subject)).toBe(2 * 3 * 4 * 18 + 2 * 9 * 6 * 2);
});

test.each<[string, number]>([
  ["RNN", 1],
  ["GRU", 3],
  ["LSTM", 4],
])(
  "%s multiplies the weights of its gates with input and state in each step",
  (operator, gates) => {
    // 5 steps, batch 2, input 4, state 3, two directions.
    const inputs = [
      [5, 2, 4],
      [2, gates * 3, 4],
      [2, gates * 3, 3],
    ];
    const expected = 5 * 2 * 2 * gates * 3 * (4 + 3) * 2;
    expect(count(operator, { inputs, output: [5, 2, 2, 3] })).toBe(expected);
  },
);

test("pooling counts its window, global pooling its input, what moves data nothing", () => {
  const kernel: Case["attributes"] = { kernel_shape: [3, 2] };
  const pooled: Case = { inputs: [[1, 2, 8, 8]], output: [1, 2, 4, 4], attributes: kernel };
  expect(count("MaxPool", pooled)).toBe(32 * 6);
  expect(count("GlobalAveragePool", { inputs: [[1, 2, 8, 8]], output: [1, 2, 1, 1] })).toBe(128);
  expect(count("Transpose", { inputs: [[2, 3]], output: [3, 2] })).toBe(0);
});

test("an unknown operator, domain or shape counts as unknown, not as nothing", () => {
  expect(count("Loop", { inputs: [[4]], output: [4] })).toBeNull();
  expect(count("Conv", { domain: "my.own", inputs: [[1], [1]], output: [1] })).toBeNull();
  expect(
    count("Conv", {
      inputs: [
        [1, 3, 8, 8],
        [4, 3, 3, 3],
      ],
      output: null,
    }),
  ).toBeNull();
  expect(count("MatMul", { inputs: [[2, 3], null], output: [2, 4] })).toBeNull();
});
