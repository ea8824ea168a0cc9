import { create } from "@bufbuild/protobuf";
import { type GraphProto, type NodeProto, NodeProtoSchema } from "onnx-buf";
import { CodedError } from "../../base/errors.ts";
import { type AttributeValue, attribute, tensor, valueInfo } from "../../onnx/build-tensor.ts";
import type { OnnxModel } from "../../onnx/model.ts";

/** Pixels as the camera has them: uint8, shape [1, 3, 48, width]. */
export const pictureName = "picture";
/** The most probable character at each step: int64, shape [1, steps]. */
export const answerName = "characters";

/**
 * A text recogniser from pixels to characters: (v ÷ 127.5 − 1) in front of it, the arg-max behind.
 *
 * So a picture crosses a link as one byte a value and not four, and the answer is 640 bytes instead
 * of 2.1 MB of probabilities; both say the same.
 *
 * @throws ONNX_UNSUPPORTED if the model has not one input and one output
 */
export function fromPixelsToCharacters(model: OnnxModel): OnnxModel {
  const { graph } = model.proto;
  const [input, ...moreInputs] = graph?.input ?? [];
  const [output, ...moreOutputs] = graph?.output ?? [];
  if (!graph || !input || !output || moreInputs.length + moreOutputs.length > 0) {
    throw new CodedError(
      "ONNX_UNSUPPORTED",
      "a text recogniser must have exactly one input and one output",
    );
  }
  const inFront = [
    node("Cast", [pictureName], "picture_float", { to: 1 }),
    node("Div", ["picture_float", "picture_half"], "picture_scaled"),
    node("Sub", ["picture_scaled", "picture_one"], input.name ?? ""),
  ];
  const behind = node("ArgMax", [output.name ?? ""], answerName, { axis: 2, keepdims: 0 });
  const changed: GraphProto = {
    ...graph,
    node: [...inFront, ...graph.node, behind],
    initializer: [
      ...graph.initializer,
      tensor([], [127.5], "float32", "picture_half"),
      tensor([], [1], "float32", "picture_one"),
    ],
    input: [valueInfo(pictureName, "uint8", [1, 3, 48, "width"])],
    output: [valueInfo(answerName, "int64", [1, "steps"])],
  };
  return { proto: { ...model.proto, graph: changed }, weights: model.weights };
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  return create(NodeProtoSchema, {
    name: output,
    opType: operator,
    input: [...inputs],
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}
