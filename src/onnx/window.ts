/**
 * Which nodes make rows of their output from rows of their input, and how: by operator.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import type { Window } from "../graph/window.ts";
import { intOf } from "./attributes.ts";
import type { NodeFacts } from "./node-facts.ts";
import { depthToSpaceWindow, padWindow, sliceWindow, spaceToDepthWindow } from "./window/moved.ts";
import { resizeWindow } from "./window/resize.ts";
import { slidingWindow } from "./window/sliding.ts";
import { spreadsOf, transposedWindow } from "./window/transposed.ts";

type Rule = (node: NodeProto, facts: NodeFacts) => Window | null;

/**
 * The window of a node on tensors [batch, channels, height, width]. `null`: it needs all of its
 * inputs, or is of an operator that is not listed. ONNX operator specification, "Conv", "MaxPool".
 */
export function windowOf(node: NodeProto, facts: NodeFacts): Window | null {
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
  const shape = facts.shapeOf(node.input[1] ?? "")?.slice(2) ?? [];
  const input = facts.shapeOf(node.input[0] ?? "");
  return hasFixedWeights(node, facts) ? slidingWindow(node, input, shape) : null;
};

const pooling: Rule = (node, facts) =>
  betweenPictures(node, facts, (input, output) => {
    const window = slidingWindow(node, input, []);
    const isRounded = intOf(node, "ceil_mode", 0) !== 0;
    return window === null || (isRounded && endsBehind(window, input, output)) ? null : window;
  });

/** A last step that begins behind the input: shapes that ONNX Runtime infers have it, what it makes does not. */
function endsBehind(
  { stride, padBegin }: Window,
  input: readonly number[],
  output: readonly number[],
): boolean {
  return stride.some(
    (step, axis) =>
      ((output[axis + 2] as number) - 1) * step >=
      (input[axis + 2] as number) + (padBegin[axis] as number),
  );
}

const transposed: Rule = (node, facts) => {
  if (!hasFixedWeights(node, facts)) return null;
  const spreads = spreadsOf(node, facts.shapeOf(node.input[1] ?? ""));
  return spreads === null
    ? null
    : betweenPictures(node, facts, (input, output) => transposedWindow(spreads, input, output));
};

function hasFixedWeights({ input }: NodeProto, facts: NodeFacts): boolean {
  const [, weight = "", bias = "", added = ""] = input;
  return [weight, bias].every((name) => name === "" || facts.isConstant(name)) && added === "";
}

/** From its first input to its output. */
function betweenPictures(
  { input: [first = ""], output: [made = ""] }: NodeProto,
  facts: NodeFacts,
  window: (input: readonly number[], output: readonly number[]) => Window | null,
): Window | null {
  const [input, output] = [facts.shapeOf(first), facts.shapeOf(made)];
  return isPicture(input) && isPicture(output) ? window(input, output) : null;
}

const resizing: Rule = (node, facts) =>
  betweenPictures(node, facts, (input, output) => resizeWindow(node, facts, input, output));

const slicing: Rule = (node, facts) =>
  betweenPictures(node, facts, (input) => sliceWindow(node, facts, input));

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
    ConvTranspose: transposed,
    DepthToSpace: (node, facts) => betweenPictures(node, facts, () => depthToSpaceWindow(node)),
    Pad: (node, facts) => betweenPictures(node, facts, () => padWindow(node, facts)),
    Slice: slicing,
    SpaceToDepth: (node, facts) => betweenPictures(node, facts, () => spaceToDepthWindow(node)),
    "com.microsoft:FusedConv": convolution,
    ...each("AveragePool LpPool MaxPool", pooling),
    ...each("Resize Upsample", resizing),
    ...each(
      "Abs Add Cast Ceil Celu Clip Div Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LRN LeakyRelu Log Max Mean Min Mish Mul Neg PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu com.microsoft:FastGelu com.microsoft:Gelu com.microsoft:QuickGelu",
      elementWise,
    ),
  }),
);

function each(operators: string, rule: Rule): Record<string, Rule> {
  return Object.fromEntries(operators.split(" ").map((operator) => [operator, rule]));
}
