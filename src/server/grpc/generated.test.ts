import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/fixtures/authority.ts";
import { file_health, Health } from "./generated/health_pb.ts";
import { DataType, file_inference, GRPCInferenceService } from "./generated/inference_pb.ts";

const here = "src/server/grpc/generated";

test("what is committed is what `npm run generate` makes", () => {
  const folder = temporaryFolder();
  execFileSync("npx", [
    "buf",
    "generate",
    "--template",
    "src/server/grpc/buf.gen.yaml",
    "-o",
    folder,
  ]);
  const read = (from: string) =>
    readdirSync(from).map((name) => ({ name, text: readFileSync(join(from, name), "utf8") }));
  expect(read(join(folder, here))).toEqual(read(here));
});

/** The published numbers and types, in the order of the numbers; `…[]`: repeated, `{…}`: by name. */
const published: Readonly<Record<string, string>> = {
  ServerLiveRequest: "",
  ServerLiveResponse: "1 live bool",
  ServerReadyRequest: "",
  ServerReadyResponse: "1 ready bool",
  ModelReadyRequest: "1 name string, 2 version string",
  ModelReadyResponse: "1 ready bool",
  ServerMetadataRequest: "",
  ServerMetadataResponse: "1 name string, 2 version string, 3 extensions string[]",
  ModelMetadataRequest: "1 name string, 2 version string",
  ModelMetadataResponse:
    "1 name string, 2 versions string[], 3 platform string, 4 inputs ModelMetadataResponse.TensorMetadata[], 5 outputs ModelMetadataResponse.TensorMetadata[]",
  "ModelMetadataResponse.TensorMetadata": "1 name string, 2 datatype string, 3 shape int64[]",
  InferParameter:
    "1 bool_param bool, 2 int64_param int64, 3 string_param string, 4 double_param double, 5 uint64_param uint64",
  InferTensorContents:
    "1 bool_contents bool[], 2 int_contents int32[], 3 int64_contents int64[], 4 uint_contents uint32[], 5 uint64_contents uint64[], 6 fp32_contents float[], 7 fp64_contents double[], 8 bytes_contents bytes[]",
  ModelInferRequest:
    "1 model_name string, 2 model_version string, 3 id string, 4 parameters {InferParameter}, 5 inputs ModelInferRequest.InferInputTensor[], 6 outputs ModelInferRequest.InferRequestedOutputTensor[], 7 raw_input_contents bytes[]",
  "ModelInferRequest.InferInputTensor":
    "1 name string, 2 datatype string, 3 shape int64[], 4 parameters {InferParameter}, 5 contents InferTensorContents",
  "ModelInferRequest.InferRequestedOutputTensor": "1 name string, 2 parameters {InferParameter}",
  ModelInferResponse:
    "1 model_name string, 2 model_version string, 3 id string, 4 parameters {InferParameter}, 5 outputs ModelInferResponse.InferOutputTensor[], 6 raw_output_contents bytes[]",
  "ModelInferResponse.InferOutputTensor":
    "1 name string, 2 datatype string, 3 shape int64[], 4 parameters {InferParameter}, 5 contents InferTensorContents",
  ModelStreamInferResponse: "1 error_message string, 2 infer_response ModelInferResponse",
  ModelConfigRequest: "1 name string, 2 version string",
  ModelConfigResponse: "1 config ModelConfig",
  ModelInput: "1 name string, 2 data_type DataType, 4 dims int64[]",
  ModelOutput: "1 name string, 2 data_type DataType, 3 dims int64[]",
  ModelVersionPolicy: "1 latest ModelVersionPolicy.Latest",
  "ModelVersionPolicy.Latest": "1 num_versions uint32",
  ModelConfig:
    "1 name string, 2 platform string, 3 version_policy ModelVersionPolicy, 4 max_batch_size int32, 5 input ModelInput[], 6 output ModelOutput[], 17 backend string",
  ModelStatisticsRequest: "1 name string, 2 version string",
  ModelStatisticsResponse: "1 model_stats ModelStatistics[]",
  StatisticDuration: "1 count uint64, 2 ns uint64",
  InferStatistics:
    "1 success StatisticDuration, 2 fail StatisticDuration, 3 queue StatisticDuration, 4 compute_input StatisticDuration, 5 compute_infer StatisticDuration, 6 compute_output StatisticDuration, 7 cache_hit StatisticDuration, 8 cache_miss StatisticDuration",
  InferBatchStatistics:
    "1 batch_size uint64, 2 compute_input StatisticDuration, 3 compute_infer StatisticDuration, 4 compute_output StatisticDuration",
  ModelStatistics:
    "1 name string, 2 version string, 3 last_inference uint64, 4 inference_count uint64, 5 execution_count uint64, 6 inference_stats InferStatistics, 7 batch_stats InferBatchStatistics[]",
  RepositoryIndexRequest: "1 repository_name string, 2 ready bool",
  RepositoryIndexResponse: "1 models RepositoryIndexResponse.ModelIndex[]",
  "RepositoryIndexResponse.ModelIndex":
    "1 name string, 2 version string, 3 state string, 4 reason string",
  ModelRepositoryParameter:
    "1 bool_param bool, 2 int64_param int64, 3 string_param string, 4 bytes_param bytes",
  RepositoryModelLoadRequest:
    "1 repository_name string, 2 model_name string, 3 parameters {ModelRepositoryParameter}",
  RepositoryModelLoadResponse: "",
  RepositoryModelUnloadRequest:
    "1 repository_name string, 2 model_name string, 3 parameters {ModelRepositoryParameter}",
  RepositoryModelUnloadResponse: "",
};

function described(message: DescMessage): string {
  return [...message.fields]
    .sort((a, b) => a.number - b.number)
    .map((field) => {
      const { message: nested, enum: named, scalar } = field;
      const local = (nested ?? named)?.typeName.replace("inference.", "");
      const type = local ?? ScalarType[scalar ?? 0]?.toLowerCase();
      const form = { list: `${type}[]`, map: `{${type}}` } as Partial<Record<string, string>>;
      return `${field.number} ${field.name} ${form[field.fieldKind] ?? type}`;
    })
    .join(", ");
}

function everyMessage(messages: readonly DescMessage[]): readonly DescMessage[] {
  return messages.flatMap((message) => [message, ...everyMessage(message.nestedMessages)]);
}

test("messages have the names, numbers and types that are published for Triton", () => {
  const own = everyMessage(file_inference.messages).map(
    (message) => [message.typeName.replace("inference.", ""), described(message)] as const,
  );
  expect(Object.fromEntries(own)).toEqual(published);
});

test("datatypes of configurations have the published numbers", () => {
  const names =
    "INVALID BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16";
  const numbers = names.split(" ").map((name, number) => [`TYPE_${name}`, number]);
  expect(DataType).toEqual(Object.fromEntries(numbers));
});

test("services and health checks have the published names and numbers", () => {
  const inference = GRPCInferenceService.methods.map(
    ({ name, methodKind }) => `${name} ${methodKind}`,
  );
  expect([GRPCInferenceService.typeName, ...inference]).toEqual([
    "inference.GRPCInferenceService",
    ...[
      "ServerLive",
      "ServerReady",
      "ModelReady",
      "ServerMetadata",
      "ModelMetadata",
      "ModelInfer",
    ].map((name) => `${name} unary`),
    "ModelStreamInfer bidi_streaming",
    ...["ModelConfig", "ModelStatistics", "RepositoryIndex"].map((name) => `${name} unary`),
    ...["RepositoryModelLoad", "RepositoryModelUnload"].map((name) => `${name} unary`),
  ]);
  expect(Health.typeName).toBe("grpc.health.v1.Health");
  expect(Health.methods.map(({ name }) => name)).toEqual(["Check", "Watch"]);
  expect(file_health.messages.map(described)).toEqual([
    "1 service string",
    "1 status grpc.health.v1.HealthCheckResponse.ServingStatus",
  ]);
  const { values } = file_health.messages[1]?.nestedEnums[0] ?? { values: [] };
  expect(values.map(({ name, number }) => `${number} ${name}`)).toEqual([
    "0 UNKNOWN",
    "1 SERVING",
    "2 NOT_SERVING",
    "3 SERVICE_UNKNOWN",
  ]);
});
