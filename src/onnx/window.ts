/**
 * Which nodes make rows of their output from rows of their input, and how: by operator.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import type { Window } from "../graph/window.ts";

/** What is known of a node's tensors. */
export interface WindowFacts {
  /** Shape of a tensor, parameters included; `null` if it is not known. */
  shapeOf(tensor: string): readonly number[] | null;
  /** Whether a tensor is a parameter. */
  isConstant(tensor: string): boolean;
}

type Rule = (node: NodeProto, facts: WindowFacts) => Window | null;

/**
 * The window of a node on tensors [batch, channels, height, width]. `null`: it needs all of its
 * inputs, or is of an operator that is not listed. ONNX operator specification, "Conv", "MaxPool".
 */
export function windowOf(node: NodeProto, facts: WindowFacts): Window | null {
  const domain = node.domain === "ai.onnx" ? "" : node.domain;
  const rule = catalogue.get(domain === "" ? node.opType : `${domain}:${node.opType}`);
  const [output = "", ...others] = node.output;
  if (rule === undefined || output === "" || others.some((name) => name !== "")) return null;
  return isPicture(facts.shapeOf(output)) ? rule(node, facts) : null;
}

const pixel: Window = {
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  padBegin: [0, 0],
  padEnd: [0, 0],
};

/** What is added to its result by fusion, a fourth input, has rows of its own. */
const convolution: Rule = (node, facts) => {
  const [input = "", weight = "", bias = "", added = ""] = node.input;
  const areFixed = [weight, bias].every((name) => name === "" || facts.isConstant(name));
  const shape = facts.shapeOf(weight)?.slice(2) ?? [];
  return areFixed && added === "" ? sliding(node, facts.shapeOf(input), shape) : null;
};

const pooling: Rule = (node, facts) => sliding(node, facts.shapeOf(node.input[0] ?? ""), []);

/** @param shape of the kernel, where the node does not say it */
function sliding(
  node: NodeProto,
  input: readonly number[] | null,
  shape: readonly number[],
): Window | null {
  const ints = (name: string, standard: readonly number[]): readonly number[] => {
    const stated = node.attribute.find((attribute) => attribute.name === name)?.ints ?? [];
    return stated.length === 0 ? standard : stated.map(Number);
  };
  const kernel = ints("kernel_shape", shape);
  if (!isPicture(input) || kernel.length !== 2) return null;
  const [stride, dilation] = [ints("strides", [1, 1]), ints("dilations", [1, 1])];
  const pads = ints("pads", [0, 0, 0, 0]);
  if (pads.some((pad) => pad < 0)) return null;
  const window = { kernel, stride, dilation };
  const auto = new TextDecoder().decode(
    node.attribute.find(({ name }) => name === "auto_pad")?.s ?? new Uint8Array(),
  );
  switch (auto) {
    case "":
    case "NOTSET":
      return { ...window, padBegin: pads.slice(0, 2), padEnd: pads.slice(2) };
    case "VALID":
      return { ...window, padBegin: [0, 0], padEnd: [0, 0] };
    case "SAME_UPPER":
    case "SAME_LOWER":
      // ONNX Runtime pads pools as if their kernels were not dilated, and refuses convolutions.
      if (dilation.some((step) => step !== 1)) return null;
      return padSame(window, input, auto === "SAME_UPPER");
    default:
      return null;
  }
}

/** Pads a kernel that is not dilated so that the output is the input ÷ stride, rounded up; an odd row goes to the end or the begin. */
function padSame(
  { kernel, stride, dilation }: Pick<Window, "kernel" | "stride" | "dilation">,
  input: readonly number[],
  oddAtEnd: boolean,
): Window {
  const totals = [0, 1].map((axis) => {
    const [extent, step] = [input[axis + 2] as number, stride[axis] as number];
    const reach = (Math.ceil(extent / step) - 1) * step + (kernel[axis] as number);
    return Math.max(0, reach - extent);
  });
  const less = totals.map((total) => Math.floor(total / 2));
  const more = totals.map((total) => Math.ceil(total / 2));
  const [padBegin, padEnd] = oddAtEnd ? [less, more] : [more, less];
  return { kernel, stride, dilation, padBegin, padEnd };
}

/** Tensors must have the height of the result, and parameters the same values in every row. */
const elementWise: Rule = (node, facts) => {
  const height = facts.shapeOf(node.output[0] as string)?.[2];
  const isFit = (name: string): boolean => {
    const shape = facts.shapeOf(name);
    if (shape === null) return false;
    if (facts.isConstant(name)) return (shape.at(-2) ?? 1) === 1 || shape.length < 2;
    return isPicture(shape) && shape[2] === height;
  };
  return node.input.filter((name) => name !== "").every(isFit) ? pixel : null;
};

/** While it trains it takes the mean of all rows. */
const normalisation: Rule = (node, facts) => {
  const mode = node.attribute.find(({ name }) => name === "training_mode")?.i ?? 0n;
  return mode === 0n ? elementWise(node, facts) : null;
};

/** Along the channels; along rows the output would be no slice of the inputs' rows. */
const concatenation: Rule = (node, facts) => {
  const axis = Number(node.attribute.find(({ name }) => name === "axis")?.i ?? 0n);
  if (axis !== 1 && axis !== -3) return null;
  return node.input.some((name) => facts.isConstant(name)) ? null : elementWise(node, facts);
};

function isPicture(shape: readonly number[] | null): shape is readonly number[] {
  return shape?.length === 4;
}

/** By alphabet; operators of one rule stand together at the end. */
const catalogue: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    BatchNormalization: normalisation,
    Concat: concatenation,
    Conv: convolution,
    "com.microsoft:FusedConv": convolution,
    ...each("AveragePool LpPool MaxPool", pooling),
    ...each(
      "Abs Add Cast Ceil Celu Clip Div Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LRN LeakyRelu Log Max Mean Min Mish Mul Neg PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu com.microsoft:FastGelu com.microsoft:Gelu com.microsoft:QuickGelu",
      elementWise,
    ),
  }),
);

function each(operators: string, rule: Rule): Record<string, Rule> {
  return Object.fromEntries(operators.split(" ").map((operator) => [operator, rule]));
}
