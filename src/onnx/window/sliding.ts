import type { NodeProto } from "onnx-buf";
import type { Window } from "../../graph/window.ts";
import { intsOf, textOf } from "../attributes.ts";

/**
 * The window of a kernel that slides over pictures, as the attributes say. ONNX operator
 * specification, "Conv", "MaxPool".
 *
 * @param input shape of what it slides over
 * @param shape of the kernel, where the node does not say it
 * @returns `null` where padding cannot be told
 */
export function slidingWindow(
  node: NodeProto,
  input: readonly number[] | null,
  shape: readonly number[],
): Window | null {
  const kernel = intsOf(node, "kernel_shape", shape);
  if (input?.length !== 4 || kernel.length !== 2) return null;
  const [stride, dilation] = [intsOf(node, "strides", [1, 1]), intsOf(node, "dilations", [1, 1])];
  const pads = intsOf(node, "pads", [0, 0, 0, 0]);
  if (pads.some((pad) => pad < 0)) return null;
  const window = { kernel, stride, dilation };
  const auto = textOf(node, "auto_pad", "NOTSET");
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
