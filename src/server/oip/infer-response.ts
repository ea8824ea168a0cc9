/**
 * The answer to an inference request over HTTP: JSON, and behind it tensors in binary form.
 *
 * @module
 */
import { CodedError } from "../../base/errors.ts";
import { elementCount } from "../../graph/tensor-value.ts";
import { datatypeOf } from "./datatypes.ts";
import type { OutputForm } from "./infer-request.ts";
import type { InferenceAnswer } from "./inference-service.ts";
import { writeJsonData } from "./json-data.ts";
import type { RequestLimits } from "./limits.ts";

export interface InferResponse {
  readonly body: Uint8Array<ArrayBuffer>;
  /** How many bytes of it are JSON, if tensors stand behind it; else `null`. */
  readonly jsonBytes: number | null;
}

/**
 * Writes an answer.
 *
 * @param id the client's; `null`: it gave none
 * @throws TENSOR_MALFORMED if texts that are to stand in JSON are not in UTF-8; REQUEST_TOO_LARGE if
 * there is more than is written as JSON
 */
export function writeInferResponse(
  { model, outputs }: InferenceAnswer,
  id: string | null,
  { isBinary, byName }: OutputForm,
  { jsonElements }: Pick<RequestLimits, "jsonElements">,
): InferResponse {
  const tensors: Uint8Array[] = [];
  let written = 0;
  const described = outputs.map(({ name, value }) => {
    const { dataType, shape, data } = value;
    const datatype = datatypeOf(dataType);
    const start = { name, datatype: datatype ?? dataType.toUpperCase(), shape };
    // What the protocol has no datatype for has no form in JSON either.
    if (datatype === null || (byName.get(name) ?? isBinary)) {
      tensors.push(data);
      return JSON.stringify({ ...start, parameters: { binary_data_size: data.byteLength } });
    }
    written += elementCount(shape);
    if (written > jsonElements) throw tooMany(name, jsonElements);
    return withRaw(start, "data", writeJsonData(name, datatype, value));
  });
  const start = {
    ...(id === null ? {} : { id }),
    model_name: model.name,
    model_version: model.version,
  };
  const text = withRaw(start, "outputs", `[${described.join(",")}]`);
  const json = new TextEncoder().encode(text);
  if (tensors.length === 0) return { body: json, jsonBytes: null };
  return { body: joined([json, ...tensors]), jsonBytes: json.byteLength };
}

function tooMany(output: string, limit: number): CodedError {
  return new CodedError(
    "REQUEST_TOO_LARGE",
    `with output '${output}' the answer would have more than ${limit} elements in JSON; ask for it in binary form (binary_data_output)`,
    { tensor: output, limit },
  );
}

/** An object's JSON with one more field, whose value is JSON already. */
function withRaw(object: object, field: string, json: string): string {
  return `${JSON.stringify(object).slice(0, -1)},"${field}":${json}}`;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
