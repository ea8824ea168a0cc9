import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intsOf, textOf } from "../attributes.ts";

/** A transposed convolution along one axis: input i adds to outputs i·stride − pad to i·stride − pad + reach − 1. */
export interface Spread {
  readonly stride: number;
  readonly pad: number;
  readonly reach: number;
}

/**
 * How a transposed convolution spreads its inputs, by axis; `null` where padding is negative. ONNX
 * operator specification, "ConvTranspose"; of an odd padding that follows from the size of the output
 * the larger half is in front, but for SAME_UPPER.
 *
 * @param weight its shape
 * @param input shape
 * @param output shape
 */
export function spreadsOf(
  node: NodeProto,
  weight: readonly number[] | null,
  input: readonly number[],
  output: readonly number[],
): Spread[] | null {
  const kernel = intsOf(node, "kernel_shape", weight?.slice(2) ?? []);
  if (kernel.length !== 2) return null;
  const [strides, dilations] = [intsOf(node, "strides", [1, 1]), intsOf(node, "dilations", [1, 1])];
  const extra = intsOf(node, "output_padding", [0, 0]);
  const stated = intsOf(node, "pads", [0, 0, 0, 0]);
  if (stated.some((pad) => pad < 0)) return null;
  const auto = textOf(node, "auto_pad", "NOTSET");
  const followsSize = auto.startsWith("SAME") || intsOf(node, "output_shape", []).length > 0;
  return kernel.map((size, axis) => {
    const stride = strides[axis] as number;
    const reach = (size - 1) * (dilations[axis] as number) + 1;
    const [extent, made] = [input[axis + 2] as number, output[axis + 2] as number];
    const all = (extent - 1) * stride + (extra[axis] as number) + reach;
    const half = Math.max(0, all - made) / 2;
    const following = auto === "SAME_UPPER" ? Math.floor(half) : Math.ceil(half);
    const pad = auto === "VALID" ? 0 : (stated[axis] as number);
    return { stride, pad: followsSize ? following : pad, reach };
  });
}

/**
 * The window of a transposed convolution. Output o is made from the inputs i with
 * o + pad − reach < i·stride ≤ o + pad; where kernels leave gaps, the last before it.
 *
 * @param input shape
 * @param output shape
 */
export function transposedWindow(
  spreads: readonly Spread[],
  input: readonly number[],
  output: readonly number[],
): Window {
  const kernel = spreads.map(({ reach, stride }) => Math.max(1, reach - stride + 1));
  const padBegin = spreads.map(({ reach, stride, pad }) => Math.max(0, reach - stride) - pad);
  const scale = spreads.map(({ stride }) => stride);
  const padEnd = kernel.map((size, axis) => {
    const [extent, made] = [input[axis + 2] as number, output[axis + 2] as number];
    return made - 1 + size - extent * (scale[axis] as number) - (padBegin[axis] as number);
  });
  return scaled({ kernel, stride: [1, 1], dilation: [1, 1], padBegin, padEnd }, scale);
}

/** Leaves out a scale that changes nothing. */
export function scaled(window: Window, scale: readonly number[]): Window {
  return scale.every((part) => part === 1) ? window : { ...window, scale };
}
