/**
 * An inference request of the protocol over HTTP: JSON, and behind it tensors in binary form.
 *
 * @module
 */
import { z } from "zod";
import { CodedError } from "../../base/errors.ts";
import type { TensorValue } from "../../graph/tensor-value.ts";
import type { Chunks } from "./chunks.ts";
import { checkDatatype, checkShape, readRaw } from "./datatypes.ts";
import type { InferenceRequest } from "./inference-service.ts";
import { readJsonData } from "./json-data.ts";
import { readJson } from "./json-text.ts";
import { checkCount, type RequestLimits } from "./limits.ts";
import { checkParameters, type Parameters, timeoutSeconds } from "./parameters.ts";
import { checked, listSchema, parametersSchema } from "./schema.ts";

/** In which form each output is to be sent. */
export interface OutputForm {
  /** Of those that are not in `byName`. */
  readonly isBinary: boolean;
  readonly byName: ReadonlyMap<string, boolean>;
}

export interface HttpInferRequest extends InferenceRequest {
  readonly form: OutputForm;
}

/** What the headers say of a request. */
export interface HttpHead {
  /** How many bytes of the body are JSON; `null`: all. */
  readonly jsonBytes: number | null;
  readonly idempotencyKey: string | null;
}

interface NamedInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly unknown[];
  readonly parameters?: Parameters | undefined;
  readonly data?: readonly unknown[] | undefined;
}

interface InferObject {
  readonly id?: string | undefined;
  readonly parameters?: Parameters | undefined;
  readonly inputs: readonly NamedInput[];
  readonly outputs?: readonly NamedOutput[] | undefined;
}

interface NamedOutput {
  readonly name: string;
  readonly parameters?: Parameters | undefined;
}

const inferSchema: z.ZodType<InferObject> = z.object({
  id: z.string().optional(),
  parameters: parametersSchema.optional(),
  inputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: listSchema,
      parameters: parametersSchema.optional(),
      data: listSchema.optional(),
    }),
  ),
  outputs: z
    .array(z.object({ name: z.string(), parameters: parametersSchema.optional() }))
    .optional(),
});

const countsSchema = z.object({ inputs: listSchema, outputs: listSchema.optional() });

/**
 * Reads a request.
 *
 * @param body no longer compressed
 * @throws REQUEST_INVALID, REQUEST_TOO_LARGE
 */
export function readInferRequest(
  body: Chunks,
  { jsonBytes, idempotencyKey }: HttpHead,
  limits: RequestLimits,
): HttpInferRequest {
  const end = jsonBytes ?? body.byteLength;
  if (end > body.byteLength) {
    throw new CodedError(
      "REQUEST_INVALID",
      `Inference-Header-Content-Length is ${end}, but the body has ${body.byteLength} bytes`,
      { jsonBytes: end, bodyBytes: body.byteLength },
    );
  }
  const json = readJson(body.copy(0, end), limits);
  const listed = checked(countsSchema, json);
  checkCount("inputs", listed.inputs.length, limits);
  checkCount("outputs", listed.outputs?.length ?? 0, limits);
  const { id, parameters = {}, inputs, outputs } = checked(inferSchema, json);
  checkParameters("the request", parameters);
  return {
    id: id ?? null,
    idempotencyKey,
    inputs: readInputs(inputs, body, end),
    outputs: outputs === undefined || outputs.length === 0 ? null : outputs.map(nameOf),
    deadlineSeconds: timeoutSeconds(parameters),
    form: formOf(parameters, outputs ?? []),
  };
}

const nameOf = ({ name }: { readonly name: string }): string => name;

/** @throws REQUEST_INVALID */
function readInputs(
  inputs: readonly NamedInput[],
  body: Chunks,
  jsonEnd: number,
): Record<string, TensorValue> {
  const values = new Map<string, TensorValue>();
  let at = jsonEnd;
  for (const input of inputs) {
    const { name } = input;
    if (values.has(name)) {
      throw new CodedError("REQUEST_INVALID", `input '${name}' is given twice`, { tensor: name });
    }
    const size = binarySize(input, body.byteLength - at);
    values.set(name, readInput(input, size === null ? null : body.copy(at, at + size)));
    at += size ?? 0;
  }
  if (at === body.byteLength) return Object.fromEntries(values);
  throw new CodedError(
    "REQUEST_INVALID",
    `${body.byteLength - jsonEnd} bytes stand behind the JSON, its inputs have a binary_data_size of ${at - jsonEnd} together`,
    { observed: body.byteLength - jsonEnd, expected: at - jsonEnd },
  );
}

/** @returns `null` if the input stands in the JSON. @throws REQUEST_INVALID */
function binarySize({ name, parameters = {} }: NamedInput, left: number): number | null {
  checkParameters(`input '${name}'`, parameters);
  const size = parameters["binary_data_size"];
  if (size === undefined) return null;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0 && size <= left) {
    return size;
  }
  throw new CodedError(
    "REQUEST_INVALID",
    `input '${name}' has a binary_data_size of ${size}, but ${left} bytes are left behind the JSON and the inputs before it`,
    { tensor: name, observed: left },
  );
}

/** @throws REQUEST_INVALID */
function readInput(input: NamedInput, raw: Uint8Array<ArrayBuffer> | null): TensorValue {
  const { name, data } = input;
  const datatype = checkDatatype(name, input.datatype);
  const shape = checkShape(name, input.shape);
  if (raw !== null && data === undefined) return readRaw(name, datatype, shape, raw);
  if (raw === null && data !== undefined) return readJsonData(name, datatype, shape, data);
  const what = raw === null ? "neither data nor a binary_data_size" : "data and a binary_data_size";
  throw new CodedError("REQUEST_INVALID", `input '${name}' has ${what}; give one of them`, {
    tensor: name,
  });
}

/** @throws REQUEST_INVALID */
function formOf(parameters: Parameters, outputs: readonly NamedOutput[]): OutputForm {
  const byName = new Map<string, boolean>();
  for (const { name, parameters: own = {} } of outputs) {
    checkParameters(`output '${name}'`, own);
    const isBinary = flag(own, "binary_data");
    if (isBinary !== null) byName.set(name, isBinary);
  }
  return { isBinary: flag(parameters, "binary_data_output") ?? false, byName };
}

/** @returns `null` if it is not given. @throws REQUEST_INVALID */
function flag(parameters: Parameters, name: string): boolean | null {
  const value = parameters[name];
  if (value === undefined) return null;
  if (typeof value === "boolean") return value;
  throw new CodedError("REQUEST_INVALID", `parameter ${name} is true or false, not '${value}'`, {
    parameter: name,
  });
}
