/**
 * Requests that go through a model as one: behind one another along the first axis of its inputs.
 *
 * @module
 */
import { CodedError } from "../base/errors.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { describeShape, tensorInputs } from "./bind.ts";
import type { OnnxModel } from "./model.ts";

/** Shapes by input name. */
type Shapes = Readonly<Record<string, readonly number[]>>;

/**
 * Shapes of the graph inputs for so many requests as one. An input with further open dimensions is left
 * out where they are not given.
 *
 * @param given for one request; a first dimension may be left to this
 * @throws ONNX_UNSUPPORTED if an input has no open first dimension; TENSOR_SHAPE_MISMATCH if more than one
 * row is given for a request
 */
export function shapesOfBatch(model: OnnxModel, given: Shapes, requests: number): Shapes {
  const shapes = tensorInputs(model).flatMap(({ name, type }) => {
    const [first, ...declared] = type.shape ?? [];
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    if (type.shape !== null && typeof first !== "string") {
      throw unjoinable(
        `input '${name}' ${describeShape(type)} has ${first === undefined ? "no" : "a fixed"} first dimension; export the model with an open one ("dynamic axes")`,
      );
    }
    if (own !== undefined && own[0] !== 1) {
      throw new CodedError(
        "TENSOR_SHAPE_MISMATCH",
        `a request that is joined with others has one row, but the shape [${own.join(", ")}] is given for input '${name}'; give 1 as its first dimension`,
        { tensor: name, observed: own },
      );
    }
    const rest = own?.slice(1) ?? declared;
    const isBound = type.shape !== null || own !== undefined;
    const sizes = rest.filter((size) => typeof size === "number");
    return isBound && sizes.length === rest.length ? [[name, [requests, ...sizes]] as const] : [];
  });
  return { ...given, ...Object.fromEntries(shapes) };
}

/**
 * Along which axis each tensor grows with the number of requests; `null`: it does not.
 *
 * @param single the graph of one request
 * @param many the same of several
 * @returns in the order of `single.tensors`
 * @throws ONNX_UNSUPPORTED if an output has not a row for each request, or another tensor is neither as
 * many times as large nor of one size
 */
export function batchAxes(single: Graph, many: Graph, requests: number): (number | null)[] {
  const grown = new Map(many.tensors.map((tensor) => [tensor.name, tensor]));
  const axes = single.tensors.map((tensor) => axisOf(tensor, grown.get(tensor.name), requests));
  single.tensors.forEach((tensor, position) => {
    const isOutput = single.outputs.includes(tensor.name);
    if (!isOutput || (axes[position] === 0 && tensor.shape[0] === 1)) return;
    throw unjoinable(
      `output '${tensor.name}' has not a row for each request: for one it is [${tensor.shape.join(", ")}], for ${requests} [${grown.get(tensor.name)?.shape.join(", ")}]`,
    );
  });
  return axes;
}

function axisOf(one: Tensor, many: Tensor | undefined, requests: number): number | null {
  const axes = one.shape.flatMap((size, axis) => (size === many?.shape[axis] ? [] : [axis]));
  const [axis] = axes;
  if (axis === undefined) return null;
  const size = one.shape[axis] as number;
  const isSameRank = one.shape.length === many?.shape.length;
  if (isSameRank && axes.length === 1 && many.shape[axis] === size * requests) return axis;
  throw unjoinable(
    `tensor '${one.name}' does not grow with the number of requests: for one it is [${one.shape.join(", ")}], for ${requests} [${many?.shape.join(", ")}]`,
  );
}

export function unjoinable(reason: string): CodedError {
  return new CodedError("ONNX_UNSUPPORTED", `requests to this model cannot be joined: ${reason}`);
}
