/**
 * Which nodes make rows of their output from rows of their input, and how: by operator.
 *
 * @module
 */
import type { NodeProto } from "onnx-buf";
import type { Window } from "../graph/window.ts";
import { intOf, intsOf } from "./attributes.ts";
import type { NodeFacts } from "./node-facts.ts";
import { depthToSpaceWindow, padWindow, sliceWindow, spaceToDepthWindow } from "./window/moved.ts";
import { isPicture, pixelRules, type Rule } from "./window/pixels.ts";
import { resizeWindow } from "./window/resize.ts";
import { slidingWindow } from "./window/sliding.ts";
import { spreadsOf, transposedWindow } from "./window/transposed.ts";

/** The operators of which it is right that there are several outputs. */
const dividing: ReadonlySet<string> = new Set(["Split"]);

/**
 * The window of a node on tensors [batch, channels, height, width]. `null`: it needs all of its
 * inputs, or is of an operator that is not listed. ONNX operator specification, "Conv", "MaxPool".
 */
export function windowOf(node: NodeProto, facts: NodeFacts): Window | null {
  const operator =
    node.domain === "" || node.domain === "ai.onnx" ? node.opType : `${node.domain}:${node.opType}`;
  const rule = catalogue.get(operator);
  const [output = "", ...others] = node.output;
  if (rule === undefined || output === "") return null;
  if (others.some((name) => name !== "") && !dividing.has(operator)) return null;
  return isPicture(facts.shapeOf(output)) ? rule(node, facts) : null;
}

/** What is added to its result by fusion, a fourth input, has rows of its own. */
const convolution: Rule = (node, facts) => {
  const [picture = "", weight = "", bias = "", added = ""] = node.input;
  return added === "" ? slidingOver(node, facts, picture, [weight, bias]) : null;
};

/** Whole numbers: each tensor is followed by its scale, its zero, or both. */
function quantisedConvolution(weightAt: number): Rule {
  return (node, facts) => {
    const [picture = "", ...others] = node.input;
    const weight = node.input[weightAt] ?? "";
    return slidingOver(node, facts, picture, [weight, ...others]);
  };
}

/** @param parameters the first of them is the kernel's weight */
function slidingOver(
  node: NodeProto,
  facts: NodeFacts,
  picture: string,
  parameters: readonly string[],
): Window | null {
  if (parameters.some((name) => name !== "" && !facts.isConstant(name))) return null;
  const [weight = ""] = parameters;
  const input = facts.shapeOf(picture);
  if (facts.isConstant(picture) || !isPicture(input)) return null;
  return slidingWindow(node, input, facts.shapeOf(weight)?.slice(2) ?? []);
}

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
  const [, weight = "", bias = ""] = node.input;
  if ([weight, bias].some((name) => name !== "" && !facts.isConstant(name))) return null;
  const isStated = facts.isStored(weight) || intsOf(node, "kernel_shape", []).length > 0;
  if (!isStated || facts.isConstant(node.input[0] ?? "")) return null;
  return betweenPictures(node, facts, (input, output) => {
    const spreads = spreadsOf(node, facts.shapeOf(weight), input, output);
    return spreads === null ? null : transposedWindow(spreads, input, output);
  });
};

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

/** By alphabet; operators of one rule stand together at the end. */
const catalogue: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...pixelRules,
  ["Conv", convolution],
  ["ConvInteger", quantisedConvolution(1)],
  ["ConvTranspose", transposed],
  ["DepthToSpace", (node, facts) => betweenPictures(node, facts, () => depthToSpaceWindow(node))],
  ["Pad", (node, facts) => betweenPictures(node, facts, () => padWindow(node, facts))],
  ["QLinearConv", quantisedConvolution(3)],
  ["Slice", slicing],
  ["SpaceToDepth", (node, facts) => betweenPictures(node, facts, () => spaceToDepthWindow(node))],
  ["com.microsoft:FusedConv", convolution],
  ["AveragePool", pooling],
  ["LpPool", pooling],
  ["MaxPool", pooling],
  ["Resize", resizing],
  ["Upsample", resizing],
]);
