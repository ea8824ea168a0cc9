/**
 * The Open Inference Protocol over gRPC, with Triton's extensions, on top of what all protocols share.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isCoded, messageOf } from "../../base/errors.ts";
import type { InferenceService } from "../oip/inference-service.ts";
import type { RequestLimits } from "../oip/limits.ts";
import { type ModelConfig, modelConfig, modelMetadata, serverMetadata } from "../oip/metadata.ts";
import { checkLoadParameters } from "../oip/parameters.ts";
import type { Duration, ModelStatistics } from "../oip/statistics.ts";
import type { ServedModel } from "../served-model.ts";
import {
  DataType,
  type GRPCInferenceService,
  type ModelConfigSchema,
  type ModelInferRequest,
  type ModelInferResponse,
  type ModelMetadataResponseSchema,
  type ModelStatisticsSchema,
  type ModelStreamInferResponseSchema,
} from "./generated/inference_pb.ts";
import { readInferRequest, writeInferResponse } from "./infer-message.ts";
import type { CallContext, ServiceMethods } from "./service-methods.ts";

export interface InferenceMethodsOptions {
  readonly service: InferenceService;
  readonly limits: RequestLimits;
  /** Of this package. */
  readonly version: string;
}

type InferenceMethods = ServiceMethods<typeof GRPCInferenceService> & {
  /** One request of a stream; what goes wrong is part of the answer. */
  readonly streamedInfer: (
    request: ModelInferRequest,
    context: CallContext,
  ) => Promise<MessageInitShape<typeof ModelStreamInferResponseSchema>>;
};

export function inferenceMethods({
  service,
  limits,
  version,
}: InferenceMethodsOptions): InferenceMethods {
  const { repository, statistics } = service;
  const modelInfer = (request: ModelInferRequest, context: CallContext) =>
    infer(service, limits, request, context);
  return {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: service.isReady }),
    modelReady: ({ name, version: asked }) => ({ ready: service.isModelReady(name, asked) }),
    serverMetadata: () => {
      const { name, version: own, extensions } = serverMetadata(version);
      return { name, version: own, extensions: [...extensions] };
    },
    modelMetadata: ({ name, version: asked }) => metadataOf(repository.find(name, asked)),
    modelInfer,
    streamedInfer: (request, context) => inferStreamed(modelInfer, request, context),
    modelConfig: ({ name, version: asked }) => ({
      config: configOf(modelConfig(repository.find(name, asked), limits)),
    }),
    modelStatistics: ({ name, version: asked }) => ({
      modelStats: statistics
        .of(repository, name === "" ? undefined : name, asked)
        .map(statisticsOf),
    }),
    repositoryIndex: ({ ready }) => ({
      models: repository.index().filter(({ state }) => !ready || state === "READY"),
    }),
    repositoryModelLoad: async ({ modelName, parameters }) => {
      checkLoadParameters(parameters);
      await repository.load(modelName);
      return {};
    },
    repositoryModelUnload: async ({ modelName }) => {
      await repository.unload(modelName);
      return {};
    },
  };
}

function infer(
  service: InferenceService,
  limits: RequestLimits,
  request: ModelInferRequest,
  { header, deadlineSeconds, signal, reply, answering }: CallContext,
): Promise<ModelInferResponse> {
  const call = {
    model: request.modelName,
    version: request.modelVersion,
    protocol: "grpc",
    traceparent: header("traceparent"),
    tracestate: header("tracestate"),
    signal,
  } as const;
  const terms = { deadlineSeconds, idempotencyKey: header("idempotency-key") };
  return service.infer(
    call,
    () => readInferRequest(request, limits, terms),
    (answer) => {
      answering(answer.outputs.reduce((bytes, { value }) => bytes + value.data.byteLength, 0));
      if (answer.traceparent !== null) reply({ traceparent: answer.traceparent });
      return writeInferResponse(answer, request.id);
    },
  );
}

async function inferStreamed(
  modelInfer: (request: ModelInferRequest, context: CallContext) => Promise<ModelInferResponse>,
  request: ModelInferRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ModelStreamInferResponseSchema>> {
  // Clients of Triton wait for this flag, since other models may answer a request several times.
  const final = { parameterChoice: { case: "boolParam", value: true } } as const;
  const parameters = { triton_final_response: final };
  try {
    const { modelName, modelVersion, id, outputs, rawOutputContents } = await modelInfer(
      request,
      context,
    );
    return {
      inferResponse: { modelName, modelVersion, id, outputs, rawOutputContents, parameters },
    };
  } catch (error) {
    const { modelName, id } = request;
    return { errorMessage: said(error), inferResponse: { modelName, id, parameters } };
  }
}

/** What a client is told of an error, whatever it is. */
export function said(error: unknown): string {
  return `${isCoded(error) ? error.code : "RUNTIME_FAILED"}: ${messageOf(error)}`;
}

function metadataOf(model: ServedModel): MessageInitShape<typeof ModelMetadataResponseSchema> {
  const { name, versions, platform, inputs, outputs } = modelMetadata(model);
  const described = (tensors: typeof inputs) =>
    tensors.map((tensor) => ({ ...tensor, shape: tensor.shape.map(BigInt) }));
  return {
    name,
    versions: [...versions],
    platform,
    inputs: described(inputs),
    outputs: described(outputs),
  };
}

function configOf(config: ModelConfig): MessageInitShape<typeof ModelConfigSchema> {
  const described = (tensors: typeof config.input) =>
    tensors.map(({ name, data_type, dims }) => ({
      name,
      dataType: typeOf(data_type),
      dims: dims.map(BigInt),
    }));
  return {
    name: config.name,
    platform: config.platform,
    backend: config.backend,
    versionPolicy: {
      policyChoice: {
        case: "latest",
        value: { numVersions: config.version_policy.latest.num_versions },
      },
    },
    maxBatchSize: config.max_batch_size,
    input: described(config.input),
    output: described(config.output),
  };
}

/** What the protocol has no datatype for is invalid there. */
function typeOf(name: string): DataType {
  return Object.hasOwn(DataType, name)
    ? DataType[name as keyof typeof DataType]
    : DataType.TYPE_INVALID;
}

function statisticsOf(of: ModelStatistics): MessageInitShape<typeof ModelStatisticsSchema> {
  const stats = of.inference_stats;
  return {
    name: of.name,
    version: of.version,
    lastInference: BigInt(of.last_inference),
    inferenceCount: BigInt(of.inference_count),
    executionCount: BigInt(of.execution_count),
    inferenceStats: {
      success: durationOf(stats.success),
      fail: durationOf(stats.fail),
      queue: durationOf(stats.queue),
      computeInput: durationOf(stats.compute_input),
      computeInfer: durationOf(stats.compute_infer),
      computeOutput: durationOf(stats.compute_output),
      cacheHit: durationOf(stats.cache_hit),
      cacheMiss: durationOf(stats.cache_miss),
    },
    batchStats: of.batch_stats.map((batch) => ({
      batchSize: BigInt(batch.batch_size),
      computeInput: durationOf(batch.compute_input),
      computeInfer: durationOf(batch.compute_infer),
      computeOutput: durationOf(batch.compute_output),
    })),
  };
}

function durationOf({ count, ns }: Duration): { readonly count: bigint; readonly ns: bigint } {
  return { count: BigInt(count), ns: BigInt(ns) };
}
