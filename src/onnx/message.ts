/**
 * Editing protobuf messages without copying what they carry.
 *
 * @module
 */
import type { GraphProto, ModelProto } from "onnx-buf";
import { CodedError } from "../base/errors.ts";

/**
 * A copy of `message` with some fields replaced; all other fields are the same objects. (A spread
 * would lose the defaults of absent fields, which stand on the prototype.)
 */
export function withFields<T extends object>(message: T, fields: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, fields);
}

/**
 * The main graph of a model.
 *
 * @throws ONNX_MALFORMED if there is none
 */
export function mainGraph(proto: ModelProto): GraphProto {
  if (proto.graph !== undefined) return proto.graph;
  throw new CodedError("ONNX_MALFORMED", "the model has no graph");
}

/** The model with another main graph. */
export function withGraph(proto: ModelProto, fields: Partial<GraphProto>): ModelProto {
  return withFields(proto, { graph: withFields(mainGraph(proto), fields) });
}
