/**
 * Windows of nodes that make each position of a picture from that position of what they read.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intOf, intsOf } from "../attributes.ts";
import type { NodeFacts } from "../node-facts.ts";

/** The window of a node; `null`: it has none. */
export type Rule = (node: NodeProto, facts: NodeFacts) => Window | null;

export const pixel: Window = {
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  padBegin: [0, 0],
  padEnd: [0, 0],
};

/** Whether a tensor is [batch, channels, height, width], none of them 0. */
export function isPicture(shape: readonly number[] | null): shape is readonly number[] {
  return shape?.length === 4 && shape.every((size) => size > 0);
}

/** Operators whose parameters have rows and columns: those of the picture, or one that is repeated. */
const broadcastingOperators =
  "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor";

/** Operators of which parameters are cut like pictures, where they have more than one row or column. */
export const withPictureParameters: ReadonlySet<string> = new Set([
  ...broadcastingOperators.split(" "),
  "Concat",
]);

/** What is computed must have as many rows and columns as the result or one; parameters are for channels. */
export const elementWise: Rule = (node, facts) =>
  !facts.isConstant(node.input[0] ?? "") &&
  isMadeFrom(node, facts, (name) => isRepeated(name, node, facts))
    ? pixel
    : null;

/** The same, with parameters that may differ from position to position, if they can be cut. */
const broadcasting: Rule = (node, facts) => {
  // Before version 7 an attribute said where the axes of a parameter begin.
  if (intOf(node, "broadcast", 0) !== 0) return null;
  const isFit = (name: string): boolean => isRepeated(name, node, facts);
  const isFitParameter = (name: string): boolean => {
    const [made, shape] = [facts.shapeOf(node.output[0] ?? ""), facts.shapeOf(name)];
    if (shape === null) return false;
    const sizes = [-2, -1].map((axis) => shape.at(axis) ?? 1);
    if (sizes.every((size) => size === 1)) return true;
    return (
      facts.isStored(name) && sizes.every((size, axis) => [1, made?.at(axis - 2)].includes(size))
    );
  };
  return isMadeFrom(node, facts, isFit, isFitParameter) ? pixel : null;
};

/** A bias has one number for each column. */
const withoutBias: Rule = (node, facts) =>
  (node.input[1] ?? "") === "" ? elementWise(node, facts) : null;

/** While it trains it takes the mean of all rows; at first each position could have its own. */
const normalisation: Rule = (node, facts) =>
  intOf(node, "training_mode", 0) === 0 && intOf(node, "spatial", 1) === 1
    ? elementWise(node, facts)
    : null;

/** Along the channels; along rows the output would be no slice of the inputs' rows. */
const concatenation: Rule = (node, facts) => {
  if (!isChannel(intOf(node, "axis", 1))) return null;
  const isFit = (name: string): boolean => isAlike(name, node, facts);
  const isFitParameter = (name: string): boolean => facts.isStored(name) && isFit(name);
  return isMadeFrom(node, facts, isFit, isFitParameter) ? pixel : null;
};

/** Of one picture, along its channels: each output is one of as many rows and columns. */
function alongChannels(standardAxis: number, since = 1): Rule {
  return (node, facts) => {
    const isKept = isChannel(intOf(node, "axis", standardAxis)) && facts.opset >= since;
    return isKept && isCutFromFirst(node, facts) ? pixel : null;
  };
}

/** Over the channels, and the pictures of a batch, but over nothing else. */
const reduction: Rule = (node, facts) => {
  const [, name = ""] = node.input;
  const axes = name === "" ? intsOf(node, "axes", []) : facts.valuesOf(name);
  if (axes === null || axes.length === 0) return null;
  const isFlat = axes.every((axis) => isChannel(axis) || axis === 0 || axis === -4);
  return isFlat && isCutFromFirst(node, facts) ? pixel : null;
};

/** One scale, or one for each channel. */
const quantisation: Rule = (node, facts) => {
  const [, scale = ""] = node.input;
  const shape = facts.shapeOf(scale);
  if (shape === null || intOf(node, "block_size", 0) !== 0) return null;
  const isSingle = shape.every((size) => size === 1);
  const isPerChannel = shape.length === 1 && isChannel(intOf(node, "axis", 1));
  return isSingle || isPerChannel ? elementWise(node, facts) : null;
};

function isChannel(axis: number): boolean {
  return axis === 1 || axis === -3;
}

/** Whether all inputs that there are fit. */
function isMadeFrom(
  { input }: NodeProto,
  facts: NodeFacts,
  isFit: (name: string) => boolean,
  isFitParameter: (name: string) => boolean = (name) => facts.shapeOf(name) !== null,
): boolean {
  return input
    .filter((name) => name !== "")
    .every((name) => (facts.isConstant(name) ? isFitParameter(name) : isFit(name)));
}

function isRepeated(name: string, { output: [made = ""] }: NodeProto, facts: NodeFacts): boolean {
  const [shape, whole] = [facts.shapeOf(name), facts.shapeOf(made)];
  return isPicture(shape) && [2, 3].every((axis) => [1, whole?.[axis]].includes(shape[axis]));
}

function isAlike(name: string, { output: [made = ""] }: NodeProto, facts: NodeFacts): boolean {
  const [shape, whole] = [facts.shapeOf(name), facts.shapeOf(made)];
  return isPicture(shape) && [2, 3].every((axis) => whole?.[axis] === shape[axis]);
}

/** The first input is as high and wide as all that is made, the others are parameters. */
function isCutFromFirst({ input, output }: NodeProto, facts: NodeFacts): boolean {
  const [first = "", ...others] = input;
  const own = facts.shapeOf(first);
  return (
    isPicture(own) &&
    !facts.isConstant(first) &&
    others.every((name) => name === "" || facts.isConstant(name)) &&
    output.every((name) => {
      const shape = facts.shapeOf(name);
      return isPicture(shape) && shape[2] === own[2] && shape[3] === own[3];
    })
  );
}

/** By alphabet; operators of one rule stand together at the end. */
export const pixelRules: readonly (readonly [string, Rule])[] = [
  ["BatchNormalization", normalisation],
  ["Concat", concatenation],
  ["Gather", alongChannels(0)],
  ["LpNormalization", alongChannels(-1)],
  ["Split", alongChannels(0)],
  ["com.microsoft:FastGelu", withoutBias],
  ...each("ArgMax ArgMin", alongChannels(0)),
  ...each("DequantizeLinear QuantizeLinear", quantisation),
  // Before version 13 all axes behind were one.
  ...each("Hardmax LogSoftmax Softmax", alongChannels(-1, 13)),
  ...each(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare",
    reduction,
  ),
  ...each(broadcastingOperators, broadcasting),
  ...each(
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LRN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu com.microsoft:Gelu com.microsoft:QuickGelu",
    elementWise,
  ),
];

function each(operators: string, rule: Rule): [string, Rule][] {
  return operators.split(" ").map((operator) => [operator, rule]);
}
