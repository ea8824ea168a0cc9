/**
 * A request for inference and its answer, between protobuf and the form that all protocols share.
 *
 * @module
 */
import { create } from "@bufbuild/protobuf";
import { CodedError } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import { checkDatatype, checkShape, dataTypeOf, datatypeOf, readRaw } from "../oip/datatypes.ts";
import type { InferenceAnswer, InferenceRequest } from "../oip/inference-service.ts";
import { checkCount, type RequestLimits } from "../oip/limits.ts";
import { checkParameters, type Parameters, timeoutSeconds } from "../oip/parameters.ts";
import {
  type InferParameter,
  InferTensorContentsSchema,
  type ModelInferRequest_InferInputTensor as InputTensor,
  type ModelInferRequest,
  type ModelInferResponse,
  ModelInferResponseSchema,
} from "./generated/inference_pb.ts";
import { isEmpty, packContents } from "./typed-contents.ts";

/** What comes with a call, outside of its message. */
export interface CallTerms {
  /** From now on; `null`: as long as it takes. The message may ask for less. */
  readonly deadlineSeconds: number | null;
  /** See `InferenceRequest`. */
  readonly idempotencyKey: string | null;
}

/** @throws REQUEST_INVALID, REQUEST_TOO_LARGE */
export function readInferRequest(
  message: ModelInferRequest,
  limits: RequestLimits,
  { deadlineSeconds, idempotencyKey }: CallTerms,
): InferenceRequest {
  const { id, inputs, outputs } = message;
  checkCount("inputs", inputs.length, limits);
  checkCount("outputs", outputs.length, limits);
  const parameters = parametersOf(message.parameters);
  checkParameters("the request", parameters);
  for (const output of outputs) {
    checkParameters(`output '${output.name}'`, parametersOf(output.parameters));
  }
  return {
    id: id === "" ? null : id,
    idempotencyKey,
    inputs: readInputs(message),
    outputs: outputs.length === 0 ? null : outputs.map(({ name }) => name),
    deadlineSeconds: earlier(deadlineSeconds, timeoutSeconds(parameters)),
  };
}

/** @param id the client's; empty: it gave none */
export function writeInferResponse(
  { model, outputs }: InferenceAnswer,
  id: string,
): ModelInferResponse {
  return create(ModelInferResponseSchema, {
    modelName: model.name,
    modelVersion: model.version,
    id,
    outputs: outputs.map(({ name, value: { dataType, shape } }) => ({
      name,
      datatype: datatypeOf(dataType) ?? dataType.toUpperCase(),
      shape: shape.map(BigInt),
    })),
    rawOutputContents: outputs.map(({ value }) => value.data),
  });
}

/** Those whose value is not left out. */
function parametersOf(parameters: Readonly<Record<string, InferParameter>>): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(
      ([
        name,
        {
          parameterChoice: { value },
        },
      ]) => {
        if (value === undefined) return [];
        return [[name, typeof value === "bigint" ? Number(value) : value]];
      },
    ),
  );
}

/** @throws REQUEST_INVALID */
function readInputs({ inputs, rawInputContents }: ModelInferRequest): Record<string, TensorValue> {
  if (rawInputContents.length !== 0 && rawInputContents.length !== inputs.length) {
    throw new CodedError(
      "REQUEST_INVALID",
      `the request has ${inputs.length} inputs and ${rawInputContents.length} raw_input_contents; there must be one for each input, or none`,
      { inputs: inputs.length, raw: rawInputContents.length },
    );
  }
  const values = new Map<string, TensorValue>();
  for (const [index, input] of inputs.entries()) {
    const { name } = input;
    if (values.has(name)) {
      throw new CodedError("REQUEST_INVALID", `input '${name}' is given twice`, { tensor: name });
    }
    checkParameters(`input '${name}'`, parametersOf(input.parameters));
    values.set(name, readInput(input, rawInputContents[index] ?? null));
  }
  return Object.fromEntries(values);
}

/** @throws REQUEST_INVALID */
function readInput(input: InputTensor, raw: Uint8Array | null): TensorValue {
  const { name, contents } = input;
  const datatype = checkDatatype(name, input.datatype);
  const shape = checkShape(name, input.shape.map(Number));
  if (raw === null) {
    const elements = contents ?? create(InferTensorContentsSchema);
    const data = packContents(name, datatype, shape, elements);
    return { dataType: dataTypeOf(datatype), shape, data };
  }
  if (contents === undefined || isEmpty(contents)) {
    // Else all of the message is kept, and elements stand at any place in it.
    return readRaw(name, datatype, shape, new Uint8Array(raw));
  }
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${name}' has both contents and raw_input_contents; give one of them`,
    { tensor: name },
  );
}

function earlier(first: number | null, second: number | null): number | null {
  if (first === null || second === null) return first ?? second;
  return Math.min(first, second);
}
