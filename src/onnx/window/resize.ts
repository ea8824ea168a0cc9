import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intOf, textOf } from "../attributes.ts";
import type { NodeFacts } from "../node-facts.ts";
import { scaled } from "./transposed.ts";

/** Every `from` positions of the input become `to` of the output; in lowest terms. */
export interface Ratio {
  readonly from: number;
  readonly to: number;
}

/** Blocks of a ratio are read whole; longer ones than this are no help. */
const longestBlock = 8;

/** By what a picture is enlarged along each axis. */
export function ratiosOf(input: readonly number[], output: readonly number[]): readonly Ratio[] {
  return [2, 3].map((axis) => {
    const [from, to] = [input[axis] as number, output[axis] as number];
    const divisor = greatestDivisor(from, to);
    return { from: from / divisor, to: to / divisor };
  });
}

/**
 * The window of a Resize or Upsample to the nearest position or linearly between two, where the
 * position that is asked for depends on the ratio alone. Whole blocks of a ratio are read, so that a
 * part can be resized by the same ratio. ONNX operator specification, "Resize", "Upsample".
 */
export function resizeWindow(
  node: NodeProto,
  facts: NodeFacts,
  input: readonly number[],
  output: readonly number[],
): Window | null {
  const mode = textOf(node, "mode", "nearest");
  const isNearest = mode === "nearest";
  if (!isNearest && mode !== "linear" && mode !== "bilinear") return null;
  if (intOf(node, "antialias", 0) !== 0 || input[0] !== output[0] || input[1] !== output[1]) {
    return null;
  }
  if (!["", "stretch"].includes(textOf(node, "keep_aspect_ratio_policy", ""))) return null;
  const ratios = ratiosOf(input, output);
  if (!hasRatios(node, facts, ratios)) return null;
  const position = positionOf(node);
  const axes = ratios.map((ratio, axis) =>
    alongAxis(ratio, position, output[axis + 2] as number, isNearest ? roundingOf(node) : null),
  );
  const [rows, columns] = axes;
  if (rows === null || rows === undefined || columns === null || columns === undefined) return null;
  const each = (of: (axis: Axis) => number) => [of(rows), of(columns)];
  return scaled(
    {
      kernel: each(({ kernel }) => kernel),
      stride: each(({ stride }) => stride),
      dilation: each(({ dilation }) => dilation),
      padBegin: each(({ padBegin }) => padBegin),
      padEnd: each(({ kernel, dilation, stride, padBegin }) =>
        withoutSign((kernel - 1) * dilation + 1 - stride - padBegin),
      ),
    },
    each(({ scale }) => scale),
  );
}

interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly scale: number;
}

/** @param rounding of the nearest position; `null`: linear */
function alongAxis(
  { from, to }: Ratio,
  position: string,
  made: number,
  rounding: string | null,
): Axis | null {
  if (from === to) return { kernel: 1, stride: 1, dilation: 1, padBegin: 0, scale: 1 };
  // Which of two positions is nearest must not hang on how a ratio is rounded.
  if (rounding !== null && Math.fround(to / from) !== to / from) return null;
  if (from > longestBlock) return null;
  switch (position) {
    case "asymmetric":
      if (from === 1 && (rounding === "floor" || rounding === "old")) {
        return { kernel: 1, stride: 1, dilation: 1, padBegin: 0, scale: to };
      }
      return { kernel: 2 * from, stride: from, dilation: to, padBegin: (from - 1) * to, scale: to };
    case "pytorch_half_pixel":
    case "half_pixel":
    case "half_pixel_symmetric": {
      if (position === "pytorch_half_pixel" && made === 1) return null;
      if (from === 1 && rounding?.startsWith("round_prefer") === true) {
        return { kernel: 1, stride: 1, dilation: 1, padBegin: 0, scale: to };
      }
      const padBegin = to - from + 2 * to * (from - 1);
      return { kernel: 2 * from, stride: 2 * from, dilation: 2 * to, padBegin, scale: 2 * to };
    }
    default:
      return null;
  }
}

/** Before version 11 there was one way. */
function positionOf(node: NodeProto): string {
  const isOld = node.opType === "Upsample" || node.input.length === 2;
  return textOf(node, "coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
}

function roundingOf(node: NodeProto): string {
  const isOld = node.opType === "Upsample" || node.input.length === 2;
  return isOld ? "old" : textOf(node, "nearest_mode", "round_prefer_floor");
}

/** Whether factors, where they are stated, are the ratios of the sizes and nothing else. */
function hasRatios(node: NodeProto, facts: NodeFacts, ratios: readonly Ratio[]): boolean {
  const sizes = node.input[3] ?? "";
  if (sizes !== "") return facts.isConstant(sizes);
  const name =
    node.opType === "Upsample" || node.input.length === 2 ? node.input[1] : node.input[2];
  const stated = node.attribute.find((attribute) => attribute.name === "scales")?.floats;
  const factors = stated ?? facts.valuesOf(name ?? "");
  return (
    factors !== null &&
    factors.length >= 2 &&
    ratios.every(({ from, to }, axis) => factors.at(axis - 2) === to / from)
  );
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}
