/**
 * From a model to the graph that is measured, planned and cut. A graph that was saved after it was
 * optimised knows its level and is not optimised again, so that every machine measures the same.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema } from "onnx-buf";
import { CodedError } from "../base/errors.ts";
import { type OptimisationLevel, optimisationLevels } from "../cost/profile.ts";
import { bindShapes, requireBound } from "../onnx/bind.ts";
import { toGraph } from "../onnx/graph.ts";
import { withFields } from "../onnx/message.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { inferOpenTypes, inferShapes } from "../onnx/shapes.ts";
import { measureTypes, readMetadata } from "../runtime/metadata.node.ts";
import { type PreparedGraph, prepareGraph } from "../runtime/prepare.node.ts";
import type { Shapes } from "./shape-option.ts";

/** Where a saved graph says how far it is optimised. */
const levelKey = "partita.level";

/** The level that a model was optimised and saved at; `null` for a model as it was trained. */
export function savedLevel(model: OnnxModel): OptimisationLevel | null {
  const written = model.proto.metadataProps.find(({ key }) => key === levelKey)?.value;
  return optimisationLevels.find((level) => level === written) ?? null;
}

/** The optimised model with its level written into it. */
export function withLevel(model: OnnxModel, level: OptimisationLevel): OnnxModel {
  const entry = create(StringStringEntryProtoSchema, { key: levelKey, value: level });
  const others = model.proto.metadataProps.filter(({ key }) => key !== levelKey);
  return { ...model, proto: withFields(model.proto, { metadataProps: [...others, entry] }) };
}

/**
 * @throws USAGE_INVALID if a saved graph is asked for at another level; else as `prepareGraph`
 */
export async function prepareModel(
  model: OnnxModel,
  level: OptimisationLevel,
  shapes: Shapes,
): Promise<PreparedGraph> {
  const saved = savedLevel(model);
  if (saved === null) return prepareGraph(model, { level, shapes });
  if (saved !== level) {
    throw new CodedError(
      "USAGE_INVALID",
      `this graph was saved at level '${saved}' and cannot be had at '${level}'; use the model that it was made from, or --level ${saved}`,
    );
  }
  const bound = bindShapes(model, shapes);
  requireBound(bound);
  const types = await inferShapes(bound, readMetadata, measureTypes);
  const openTypes = await inferOpenTypes(model, readMetadata);
  return { model, graph: toGraph(bound, types), types, openTypes };
}
