/**
 * The axis along which one request may hold several: the first one, where every input and output of a
 * model leaves it open, as Triton sees it, too.
 *
 * @module
 */
import { bytesPerElement, elementCount } from "../../graph/tensor-value.ts";
import type { TensorValues } from "../../runtime/runtime.ts";
import type { DeclaredTensor, Signature } from "../../runtime/signature.ts";
import type { RequestLimits } from "./limits.ts";

/** Whether a model has it. */
function hasBatchAxis({ inputs, outputs }: Signature): boolean {
  const isOpen = ({ shape: [first, ...rest] }: DeclaredTensor) =>
    typeof first === "string" && rest.length > 0;
  return inputs.length > 0 && [...inputs, ...outputs].every(isOpen);
}

/** Inferences that a request asks for at once. */
export function rowsOf(model: Signature, inputs: TensorValues): number {
  const [first] = model.inputs;
  if (first === undefined || !hasBatchAxis(model)) return 1;
  return inputs[first.name]?.shape[0] ?? 1;
}

/** As many rows as there is room for in a request; 0: the model has no such axis. */
export function mostRows(model: Signature, { bodyBytes }: RequestLimits): number {
  if (!hasBatchAxis(model)) return 0;
  const rowBytes = model.inputs.reduce((bytes, { shape, dataType }) => {
    const least = shape.slice(1).map((size) => (typeof size === "number" ? size : 1));
    return bytes + elementCount(least) * (bytesPerElement(dataType) ?? textBytes);
  }, 0);
  return Math.max(1, Math.floor(bodyBytes / Math.max(1, rowBytes)));
}

/** Of an empty text in binary form. */
const textBytes = 4;
