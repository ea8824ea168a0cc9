import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intOf, textOf } from "../attributes.ts";
import type { NodeFacts } from "../node-facts.ts";
import { greatestDivisor, type Sampling, type Step, stepOf } from "./samples.ts";
import { scaled } from "./transposed.ts";

/** Every `from` positions of the input become `to` of the output; in lowest terms. */
export interface Ratio {
  readonly from: number;
  readonly to: number;
}

/** Blocks of a ratio are read whole; longer ones than this are no help. */
const longestBlock = 8;

const { fround } = Math;

/** By what a picture is enlarged along each axis. */
export function ratiosOf(input: readonly number[], output: readonly number[]): readonly Ratio[] {
  return [2, 3].map((axis) => {
    const [from, to] = [input[axis] as number, output[axis] as number];
    const divisor = greatestDivisor(from, to);
    return { from: from / divisor, to: to / divisor };
  });
}

/** How a Resize of a part is written: by the same ratio on whole blocks, or from single positions. */
export type Resizing =
  | { readonly type: "blocks"; readonly steps: readonly Step[] }
  | { readonly type: "samples"; readonly steps: readonly Step[]; readonly sampling: Sampling };

/**
 * The window of a Resize or Upsample. ONNX operator specification, "Resize", "Upsample".
 */
export function resizeWindow(
  node: NodeProto,
  facts: NodeFacts,
  input: readonly number[],
  output: readonly number[],
): Window | null {
  const steps = resizingOf(node, facts, input, output)?.steps;
  if (steps === undefined) return null;
  const each = (of: (step: Step, axis: number) => number): number[] => steps.map(of);
  return scaled(
    {
      kernel: each(({ kernel }) => kernel),
      stride: each(({ stride }) => stride),
      dilation: each(({ dilation }) => dilation),
      padBegin: each(({ padBegin }) => padBegin),
      padEnd: each(({ kernel, dilation, stride, padBegin, scale }, axis) => {
        const [extent, made] = [input[axis + 2] as number, output[axis + 2] as number];
        const behind = (made - 1) * stride + (kernel - 1) * dilation + 1;
        return withoutSign(behind - extent * scale - padBegin);
      }),
    },
    each(({ scale }) => scale),
  );
}

/**
 * Whole blocks of a ratio are resized by the same ratio where the position that is asked for depends on
 * the ratio alone; else single positions are read and weighed, for 32-bit floats or without weights.
 * `null`: what is made from a part cannot be told.
 */
export function resizingOf(
  node: NodeProto,
  facts: NodeFacts,
  input: readonly number[],
  output: readonly number[],
): Resizing | null {
  const sampling = samplingOf(node);
  if (sampling === null || input[0] !== output[0] || input[1] !== output[1]) return null;
  if (!["", "stretch"].includes(textOf(node, "keep_aspect_ratio_policy", ""))) return null;
  const ratios = ratiosOf(input, output);
  const stated = statedFactors(node, facts, ratios);
  if (stated === "others") return null;
  const blocks = ratios.map((ratio, axis) => {
    // A factor that is rounded may make a position less of a block.
    const isExact = stated === "sizes" || fround(ratio.to / ratio.from) === ratio.to / ratio.from;
    return isExact ? alongBlocks(ratio, sampling, output[axis + 2] as number) : null;
  });
  if (isWhole(blocks)) return { type: "blocks", steps: blocks };
  if (sampling.mode !== "nearest" && facts.dataTypeOf(node.input[0] ?? "") !== "float32")
    return null;
  const steps = ratios.map((ratio, axis) =>
    ratio.from === ratio.to
      ? single
      : stepOf(sampling, { from: input[axis + 2] as number, to: output[axis + 2] as number }),
  );
  return isWhole(steps) ? { type: "samples", steps, sampling } : null;
}

const single: Step = { kernel: 1, stride: 1, dilation: 1, padBegin: 0, scale: 1 };

function isWhole(steps: readonly (Step | null)[]): steps is readonly Step[] {
  return steps.every((step) => step !== null);
}

function samplingOf(node: NodeProto): Sampling | null {
  const stated = textOf(node, "mode", "nearest");
  const mode = stated === "bilinear" ? "linear" : stated;
  if (mode !== "nearest" && mode !== "linear" && mode !== "cubic") return null;
  if (intOf(node, "antialias", 0) !== 0) return null;
  const sharpness = node.attribute.find(({ name }) => name === "cubic_coeff_a")?.f ?? -0.75;
  const excludesOutside = intOf(node, "exclude_outside", 0) !== 0;
  return {
    mode,
    position: positionOf(node),
    rounding: roundingOf(node),
    sharpness,
    excludesOutside,
  };
}

/** `null` where blocks are of no help. */
function alongBlocks(
  { from, to }: Ratio,
  { mode, position, rounding }: Sampling,
  made: number,
): Step | null {
  if (from === to) return single;
  if (mode === "cubic") return null;
  const isNearest = mode === "nearest";
  // Which of two positions is nearest must not hang on how a ratio is rounded.
  if (isNearest && fround(to / from) !== to / from) return null;
  if (from > longestBlock) return null;
  switch (position) {
    case "asymmetric":
      if (from === 1 && isNearest && (rounding === "floor" || rounding === "old")) {
        return { ...single, scale: to };
      }
      return { kernel: 2 * from, stride: from, dilation: to, padBegin: (from - 1) * to, scale: to };
    case "pytorch_half_pixel":
    case "half_pixel":
    case "half_pixel_symmetric": {
      if (position === "pytorch_half_pixel" && made === 1) return null;
      if (from === 1 && isNearest && rounding.startsWith("round_prefer")) {
        return { ...single, scale: to };
      }
      const padBegin = to - from + 2 * to * (from - 1);
      return { kernel: 2 * from, stride: 2 * from, dilation: 2 * to, padBegin, scale: 2 * to };
    }
    default:
      return null;
  }
}

/** Before version 11 there was one way. */
function isOld({ opType, input }: NodeProto): boolean {
  return opType === "Upsample" || input.length === 2;
}

function positionOf(node: NodeProto): string {
  const standard = isOld(node) ? "asymmetric" : "half_pixel";
  return textOf(node, "coordinate_transformation_mode", standard);
}

function roundingOf(node: NodeProto): string {
  return isOld(node) ? "old" : textOf(node, "nearest_mode", "round_prefer_floor");
}

/** Where the ratios come from; `others` where factors are not those of the sizes, or computed. */
function statedFactors(
  node: NodeProto,
  facts: NodeFacts,
  ratios: readonly Ratio[],
): "sizes" | "factors" | "others" {
  const sizes = node.input[3] ?? "";
  if (sizes !== "") return facts.isConstant(sizes) ? "sizes" : "others";
  const name = isOld(node) ? node.input[1] : node.input[2];
  const stated = node.attribute.find((attribute) => attribute.name === "scales")?.floats;
  const factors = stated ?? facts.valuesOf(name ?? "");
  const isTrue =
    factors !== null &&
    factors.length >= 2 &&
    ratios.every(({ from, to }, axis) => factors.at(axis - 2) === fround(to / from));
  return isTrue ? "factors" : "others";
}

function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}
