/**
 * Errors that a caller can act on: one class, one table of codes.
 *
 * @module
 */

/** What a code means to whoever receives it. */
interface Traits {
  readonly httpStatus: number;
  readonly grpcStatus: string;
  /** By sysexits(3). */
  readonly exitCode: number;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** One sentence for `docs/reference/errors.md`. */
  readonly meaning: string;
}

const badData = {
  httpStatus: 400,
  grpcStatus: "INVALID_ARGUMENT",
  exitCode: 65,
  retryable: false,
};
const badState = {
  httpStatus: 422,
  grpcStatus: "FAILED_PRECONDITION",
  exitCode: 65,
  retryable: false,
};
const unavailable = {
  httpStatus: 503,
  grpcStatus: "UNAVAILABLE",
  exitCode: 75,
  retryable: true,
};

export type ErrorCode =
  | "CHANNEL_CLOSED"
  | "DEVICE_BUSY"
  | "DEVICE_LOST"
  | "ENGINE_FULL"
  | "ENGINE_UNAVAILABLE"
  | "ENVELOPE_INVALID"
  | "FILE_EXISTS"
  | "FILE_NOT_FOUND"
  | "FILE_WRITE_FAILED"
  | "FRAME_MALFORMED"
  | "GENERATION_STALE"
  | "GRAPH_INVALID"
  | "IDENTITY_REFUSED"
  | "IMAGE_INVALID"
  | "KEY_INVALID"
  | "LEADERSHIP_LOST"
  | "MODEL_NOT_READY"
  | "MODEL_UNKNOWN"
  | "ONNX_MALFORMED"
  | "ONNX_UNSUPPORTED"
  | "PART_REFUSED"
  | "PLANNER_FAILED"
  | "PLAN_INFEASIBLE"
  | "PLAN_INVALID"
  | "PORT_IN_USE"
  | "PROBLEM_INVALID"
  | "PROFILE_INVALID"
  | "QUANTITY_INVALID"
  | "REQUEST_DEADLINE_EXCEEDED"
  | "REQUEST_ID_TAKEN"
  | "REQUEST_INVALID"
  | "REQUEST_TOO_LARGE"
  | "RUNTIME_FAILED"
  | "SHAPE_UNBOUND"
  | "TENSOR_MALFORMED"
  | "TENSOR_SHAPE_MISMATCH"
  | "TENSOR_TYPE_MISMATCH"
  | "TENSOR_UNKNOWN"
  | "TOKEN_REFUSED"
  | "TOPOLOGY_INVALID"
  | "TRACE_INVALID"
  | "USAGE_INVALID"
  | "ZOO_UNKNOWN";

/** Each code, alphabetically, with what a caller needs in order to act on it. */
export const errorTraits: Readonly<Record<ErrorCode, Traits>> = {
  CHANNEL_CLOSED: { ...unavailable, meaning: "A channel ended before the message was through." },
  DEVICE_BUSY: {
    ...unavailable,
    meaning:
      "A device does something else, which what is asked of it would disturb, or has no room for it.",
  },
  DEVICE_LOST: {
    ...unavailable,
    meaning: "A device that the plan needs does not answer any more.",
  },
  ENGINE_FULL: {
    ...unavailable,
    httpStatus: 507,
    grpcStatus: "RESOURCE_EXHAUSTED",
    exitCode: 74,
    meaning:
      "The NATS server has no room for what it is given; what it has accepted before is not lost.",
  },
  ENGINE_UNAVAILABLE: {
    ...unavailable,
    exitCode: 69,
    meaning: "The NATS server does not answer, or refuses.",
  },
  ENVELOPE_INVALID: { ...badData, meaning: "An envelope breaks its schema." },
  FILE_EXISTS: {
    ...badState,
    exitCode: 73,
    meaning: "A file or folder that must not be overwritten is in the way.",
  },
  FILE_NOT_FOUND: {
    ...badData,
    httpStatus: 404,
    grpcStatus: "NOT_FOUND",
    exitCode: 66,
    meaning: "A named file does not exist or cannot be read.",
  },
  FILE_WRITE_FAILED: {
    ...badState,
    httpStatus: 507,
    grpcStatus: "RESOURCE_EXHAUSTED",
    exitCode: 74,
    meaning: "A file could not be written (disk full, read-only, no permission).",
  },
  FRAME_MALFORMED: {
    ...badData,
    exitCode: 76,
    meaning: "Bytes on a channel are no frame of this protocol, or exceed its limits.",
  },
  GENERATION_STALE: {
    ...badState,
    httpStatus: 409,
    grpcStatus: "ABORTED",
    exitCode: 75,
    retryable: true,
    meaning: "A message belongs to a deployment that has been replaced.",
  },
  GRAPH_INVALID: {
    ...badData,
    meaning: "A graph breaks a rule: unknown tensor, two nodes of one name, a cycle.",
  },
  IDENTITY_REFUSED: {
    ...badData,
    httpStatus: 403,
    grpcStatus: "PERMISSION_DENIED",
    exitCode: 77,
    meaning:
      "A certificate is missing, has expired, is of another cluster or of another device, or its key is not the known one.",
  },
  IMAGE_INVALID: {
    ...badData,
    meaning: "A file is not an image that can be decoded, or does not fit the model's input.",
  },
  KEY_INVALID: {
    ...badState,
    exitCode: 78,
    meaning: "A file that holds a key or a certificate is damaged; the message says what to do.",
  },
  LEADERSHIP_LOST: {
    ...badState,
    httpStatus: 409,
    grpcStatus: "ABORTED",
    exitCode: 75,
    retryable: true,
    meaning:
      "A coordinator leads no more: another one does, or it could not renew its claim in time.",
  },
  MODEL_NOT_READY: {
    ...unavailable,
    meaning: "A model is being loaded, was unloaded, or its server is shutting down.",
  },
  MODEL_UNKNOWN: {
    ...badData,
    httpStatus: 404,
    grpcStatus: "NOT_FOUND",
    meaning: "A server has no model of that name and version.",
  },
  ONNX_MALFORMED: {
    ...badData,
    meaning: "A file is no ONNX model: empty, truncated, corrupt or something else.",
  },
  ONNX_UNSUPPORTED: {
    ...badData,
    httpStatus: 422,
    grpcStatus: "UNIMPLEMENTED",
    meaning: "A valid ONNX model uses something that the runtime does not know.",
  },
  PART_REFUSED: {
    ...badState,
    meaning: "An agent refused a part: wrong hash, wrong runtime, or not enough memory.",
  },
  PLANNER_FAILED: {
    ...badState,
    httpStatus: 500,
    grpcStatus: "INTERNAL",
    exitCode: 70,
    meaning:
      "A planner outside of this package could not be started, failed, took too long or wrote no JSON.",
  },
  PLAN_INFEASIBLE: {
    ...badState,
    exitCode: 69,
    meaning: "No plan keeps the limits; the message says which limit, and by how much.",
  },
  PLAN_INVALID: {
    ...badState,
    meaning: "A plan does not fit its graph, topology or limits, or claims what does not hold.",
  },
  PORT_IN_USE: { ...unavailable, exitCode: 69, meaning: "The address to listen at is taken." },
  PROBLEM_INVALID: { ...badData, meaning: "A problem document breaks its schema." },
  PROFILE_INVALID: {
    ...badData,
    meaning: "A profile breaks its schema, or profiles of different graphs were given together.",
  },
  QUANTITY_INVALID: {
    ...badData,
    meaning: "A quantity has no unit, an unknown unit, or is not a number.",
  },
  REQUEST_DEADLINE_EXCEEDED: {
    ...unavailable,
    httpStatus: 504,
    grpcStatus: "DEADLINE_EXCEEDED",
    meaning: "No answer came within the request's deadline.",
  },
  REQUEST_ID_TAKEN: {
    ...badState,
    httpStatus: 409,
    grpcStatus: "ALREADY_EXISTS",
    meaning: "A request has the id of an earlier one, and other inputs.",
  },
  REQUEST_INVALID: {
    ...badData,
    meaning: "What a client sent is no request of the protocol.",
  },
  REQUEST_TOO_LARGE: {
    ...badData,
    httpStatus: 413,
    grpcStatus: "RESOURCE_EXHAUSTED",
    meaning: "A request exceeds a limit of the server; the message says which.",
  },
  RUNTIME_FAILED: {
    ...badState,
    httpStatus: 500,
    grpcStatus: "INTERNAL",
    exitCode: 70,
    meaning: "The runtime refused a model or failed while it ran.",
  },
  SHAPE_UNBOUND: {
    ...badData,
    meaning: "A model has symbolic dimensions that a value must be given for.",
  },
  TENSOR_MALFORMED: {
    ...badData,
    meaning: "A file that should hold tensors is truncated, or holds something else.",
  },
  TENSOR_SHAPE_MISMATCH: {
    ...badData,
    meaning: "A tensor has another shape than the model or the plan expects.",
  },
  TENSOR_TYPE_MISMATCH: {
    ...badData,
    meaning: "A tensor has another data type than the model expects.",
  },
  TENSOR_UNKNOWN: { ...badData, meaning: "A tensor or node name does not occur in the graph." },
  TOKEN_REFUSED: {
    ...badData,
    httpStatus: 401,
    grpcStatus: "UNAUTHENTICATED",
    exitCode: 77,
    meaning: "An agent or a client did not show the token of the cluster that it dialled.",
  },
  TOPOLOGY_INVALID: { ...badData, meaning: "A topology breaks its schema or contradicts itself." },
  TRACE_INVALID: {
    ...badData,
    meaning:
      "A trace or a list of arrivals breaks its form, or names a link or device that the topology has not.",
  },
  USAGE_INVALID: {
    ...badData,
    exitCode: 64,
    meaning: "A command line has an unknown option, value or combination.",
  },
  ZOO_UNKNOWN: {
    ...badData,
    httpStatus: 404,
    grpcStatus: "NOT_FOUND",
    exitCode: 64,
    meaning: "The zoo has no network of that name.",
  },
};

/** Structured facts of an error: serialisable, so that they survive the wire. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * An error that a user or a program can act on. Compare `error.code`, never the class: `instanceof`
 * fails across realms, duplicate packages and the wire.
 */
export class CodedError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CodedError";
    this.code = code;
    this.details = details;
  }

  /** The form that crosses a channel. */
  toJSON(): { code: ErrorCode; message: string; details: ErrorDetails } {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** Whether something caught carries a code of the table. */
export function isCoded(error: unknown): error is CodedError {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return typeof error.code === "string" && Object.hasOwn(errorTraits, error.code);
}

/** What a caught value says, whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
