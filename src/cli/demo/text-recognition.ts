/**
 * What a line of text says, by PaddleOCR's recogniser and connectionist temporal classification.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { CodedError } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { OnnxModel } from "../../onnx/model.ts";
import { type Box, cutOut, type Normalisation, type Picture, toTensor } from "./image.ts";

const normalisation: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
const lineHeight = 48;
/** Every line is padded, or squeezed, to this width, so that the plan holds for all of them. */
export const lineWidth = 640;

/** The name of the answer after `appendArgMax`: an index per step, shape [1, steps]. */
const answerName = "characters";

/** A line of text as the recogniser's input, shape [1, 3, 48, lineWidth]. */
export async function toLineTensor(picture: Picture, box: Box): Promise<TensorValue> {
  const natural = Math.round(((box.right - box.left) * lineHeight) / (box.bottom - box.top));
  const size = { width: Math.min(lineWidth, Math.max(1, natural)), height: lineHeight };
  return toTensor(await cutOut(picture, box, size), size, lineWidth, normalisation);
}

/**
 * The recogniser with its probabilities, 6625 a step, reduced to the most probable index a step: the
 * answer shrinks from 2.1 MB to 640 bytes and says the same.
 *
 * @throws ONNX_UNSUPPORTED if the model has not one output
 */
export function appendArgMax(model: OnnxModel): OnnxModel {
  const { graph } = model.proto;
  const [output, ...others] = graph?.output ?? [];
  if (graph === undefined || output === undefined || others.length > 0) {
    throw new CodedError("ONNX_UNSUPPORTED", "a text recogniser must have exactly one output");
  }
  const integer = (name: string, value: number) =>
    create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.INT,
      i: BigInt(value),
    });
  const node = create(NodeProtoSchema, {
    name: answerName,
    opType: "ArgMax",
    input: [output.name ?? ""],
    output: [answerName],
    attribute: [integer("axis", 2), integer("keepdims", 0)],
  });
  const answer = create(ValueInfoProtoSchema, {
    name: answerName,
    type: create(TypeProtoSchema, {
      value: {
        case: "tensorType",
        value: create(TypeProto_TensorSchema, { elemType: TensorProto_DataType.INT64 }),
      },
    }),
  });
  return {
    proto: { ...model.proto, graph: { ...graph, node: [...graph.node, node], output: [answer] } },
    weights: model.weights,
  };
}

/** The characters by index: the blank, the dictionary, and a space. */
export function readDictionary(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "];
}

/** Reads an answer: repeated indices are one character, index 0 separates. */
export function decodeText(answer: TensorValue, dictionary: readonly string[]): string {
  const { buffer, byteOffset, byteLength } = answer.data;
  const steps = new BigInt64Array(buffer, byteOffset, byteLength / 8);
  return [...steps]
    .map((step, position) => (step === steps[position - 1] ? "" : (dictionary[Number(step)] ?? "")))
    .join("");
}
