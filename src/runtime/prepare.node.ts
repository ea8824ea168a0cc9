import { CodedError } from "../base/errors.ts";
import type { OptimisationLevel } from "../cost/profile.ts";
import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor-value.ts";
import { bindShapes, requireBound } from "../onnx/bind.ts";
import { toGraph } from "../onnx/graph.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { nameNodes } from "../onnx/names.ts";
import { inferOpenTypes, inferShapes } from "../onnx/shapes.ts";
import type { OpenType } from "../onnx/type-proto.ts";
import { measureTypes, readMetadata } from "./metadata.node.ts";
import { optimiseModel } from "./optimise.node.ts";

export interface PrepareOptions {
  readonly level: OptimisationLevel;
  /** Sizes for inputs with open dimensions, by input name. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

export interface PreparedGraph {
  /** Optimised; dimensions that the model left open still are. */
  readonly model: OnnxModel;
  /** Of the optimised model, with the given sizes. */
  readonly graph: Graph;
  /** Of all tensors of the optimised model, with the given sizes. */
  readonly types: ReadonlyMap<string, TensorType>;
  /** The same without them, to declare what goes into and out of parts. */
  readonly openTypes: ReadonlyMap<string, OpenType>;
}

/**
 * What is measured, planned and cut: the whole graph, optimised once, with all names and sizes.
 *
 * @throws SHAPE_UNBOUND if an input's size is neither in the model nor given, TENSOR_SHAPE_MISMATCH,
 * TENSOR_UNKNOWN if a given size does not fit; ONNX_UNSUPPORTED if no node depends on an input; else
 * as `optimiseModel`
 */
export async function prepareGraph(
  model: OnnxModel,
  { level, shapes = {} }: PrepareOptions,
): Promise<PreparedGraph> {
  const named = nameNodes(model);
  requireBound(bindShapes(named, shapes));
  const optimised = await optimiseModel(named, level);
  const bound = bindShapes(optimised, shapes);
  const types = await inferShapes(bound, readMetadata, measureTypes);
  const openTypes =
    Object.keys(shapes).length === 0 ? types : await inferOpenTypes(optimised, readMetadata);
  const graph = toGraph(bound, types);
  if (graph.nodes.length > 0) return { model: optimised, graph, types, openTypes };
  throw new CodedError(
    "ONNX_UNSUPPORTED",
    "the model has nothing to run: each output is an input or a constant, so that there is nothing to measure or to split",
    { outputs: graph.outputs },
  );
}

/**
 * The same graph with other sizes of its inputs.
 *
 * @throws SHAPE_UNBOUND, TENSOR_SHAPE_MISMATCH, TENSOR_UNKNOWN if they do not fit
 */
export async function resizeGraph(
  prepared: PreparedGraph,
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<PreparedGraph> {
  const bound = bindShapes(prepared.model, shapes);
  requireBound(bound);
  const types = await inferShapes(bound, readMetadata, measureTypes);
  return { ...prepared, graph: toGraph(bound, types), types };
}
