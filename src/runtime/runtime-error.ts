import { CodedError, type ErrorCode } from "../base/errors.ts";

/** What ONNX Runtime says, in the order in which it is looked for. */
const meanings: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /is not a registered function|NOT_IMPLEMENTED|Could not find an implementation/i,
    "ONNX_UNSUPPORTED",
  ],
  [/Unsupported model IR version|under development|Opset \d+ is/i, "ONNX_UNSUPPORTED"],
  [/No Op registered for|Unrecognized (op|attribute)|opset.*not supported/i, "ONNX_UNSUPPORTED"],
  [/protobuf parsing failed|invalid model|INVALID_PROTOBUF|INVALID_GRAPH/i, "ONNX_MALFORMED"],
  [
    /Type Error|ShapeInferenceError|TypeInferenceError|not a valid|does not exist/i,
    "ONNX_MALFORMED",
  ],
  [/Load model|external data|Node ?\(|Graph /i, "ONNX_MALFORMED"],
];

/**
 * What a message of ONNX Runtime means to a caller who wanted to load a model.
 *
 * @returns ONNX_UNSUPPORTED, ONNX_MALFORMED or RUNTIME_FAILED, the original message as cause
 */
export function loadError(message: string): CodedError {
  const code = meanings.find(([pattern]) => pattern.test(message))?.[1] ?? "RUNTIME_FAILED";
  return new CodedError(
    code,
    `ONNX Runtime refuses the model: ${plain(message)}`,
    {},
    new Error(message),
  );
}

/** The error of a run: RUNTIME_FAILED, the original message as cause. */
export function runError(message: string): CodedError {
  return new CodedError(
    "RUNTIME_FAILED",
    `ONNX Runtime failed in a run: ${plain(message)}`,
    {},
    new Error(message),
  );
}

/** The sentence inside, without source files, signatures of functions and status codes. */
function plain(message: string): string {
  const [line = ""] = message.split("\n").filter((text) => text.trim() !== "");
  const sentence = line
    .replace(/^Error: /, "")
    .replace(/^Load model from \S* ?failed:\s*/i, "")
    .replace(/\/\S+\.(?:cc|h):\d+ [^(]*\((?:[^()]|\([^()]*\))*\)\s*(?:const\s+)?/g, "")
    .replace(/\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : /g, "")
    .trim();
  return sentence.length > 400 ? `${sentence.slice(0, 400)}…` : sentence;
}
