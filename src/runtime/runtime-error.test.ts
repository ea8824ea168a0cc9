import { expect, test } from "vitest";
import { loadError, runError } from "./runtime-error.ts";

test("what the runtime says is told without its source files and status codes", () => {
  const said =
    "Load model from memory failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:182 onnxruntime::Model::Model(onnx::ModelProto&&, const IOnnxRuntimeOpSchemaRegistryList*, const logging::Logger&, const ModelOptions&) Unsupported model IR version: 99, max supported IR version: 11\n";
  const error = loadError(said);
  expect(error.code).toBe("ONNX_UNSUPPORTED");
  expect(error.message).toBe(
    "ONNX Runtime refuses the model: Unsupported model IR version: 99, max supported IR version: 11",
  );
  expect(error.cause).toMatchObject({ message: said });
  const failed =
    "Non-zero status code returned while running Reshape node. Name:'r' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&, onnxruntime::TensorShapeVector&, bool) input_shape_size == requested_shape_size was false.";
  expect(runError(failed).message).toBe(
    "ONNX Runtime failed in a run: Non-zero status code returned while running Reshape node. Name:'r' Status Message: input_shape_size == requested_shape_size was false.",
  );
});

test("bytes that are no model are ONNX_MALFORMED, anything unheard of is RUNTIME_FAILED", () => {
  expect(loadError("Failed to load model because protobuf parsing failed.").code).toBe(
    "ONNX_MALFORMED",
  );
  expect(loadError("out of memory").code).toBe("RUNTIME_FAILED");
  expect(runError("Non-zero status code returned while running Reshape node.").code).toBe(
    "RUNTIME_FAILED",
  );
});
